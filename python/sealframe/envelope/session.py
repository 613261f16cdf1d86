"""Session frames: a stream of captures under the key that one signed message set up.

    magic 4 | version 1 | suite 1 | 0 | mode 2 | session id 16 | sequence u64 | content length u64 | factor tag 32
    | content

Frames are authenticated by the session key, not signed. Whoever holds it could make any frame, so the security factor
goes without the digest of the payload: it could prove no more than the encryption does. Each frame has a random salt
of its own, so a sender that crashes, forks or is cloned never encrypts twice with the same key and nonce. The
receiver's state lives in one process: after a restart the session is gone and the sender opens another.
"""

from __future__ import annotations

import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.capture_context import CaptureContext
from sealframe.envelope import schedule
from sealframe.envelope.buffers import ZeroedOnFailure, start_of, writable_bytes
from sealframe.envelope.content import ContentBinding, Draft, decrypt, draft_content, encrypt, encrypt_into
from sealframe.envelope.layout import MAGIC, VERSION, Mode, is_content_length
from sealframe.errors import (
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    ReplayedCapture,
    UnknownKey,
    UnsupportedEnvelope,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.envelope.reader import Unsealed
    from sealframe.envelope.session_secret import SessionSecret
    from sealframe.files import Buffer
    from sealframe.keys import DevicePublic
    from sealframe.security_factor import SecurityFactor

MAX_FRAMES = 2**20
MAX_SECONDS = 600.0
WINDOW = 64
_HEADER = struct.Struct(">4sBBBB16sQQ32s")


class _Lifetime:
    """Refuses what comes after 2^20 frames or ten minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + MAX_SECONDS

    def require(self, sequence: int) -> None:
        if sequence >= MAX_FRAMES or self._clock() > self._end:
            raise LimitExceeded("The session is used up; open another session.")


class SessionWriter:
    """Writes the frames of one session, in one process. Thread-safe.

    Parameters
    ----------
    session : SessionSecret
        What the opening message set up.
    clock : callable
        Returns monotonic seconds.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opening, writer = sealer.start_session(np.zeros((48, 64), np.uint8))
    >>> factor, payload = sealer.security_factor_of(np.ones((48, 64), np.uint8), b"", payload_digest=False)
    >>> frame = writer.write(factor, b"", payload)
    """

    def __init__(self, session: SessionSecret, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._lifetime = _Lifetime(clock)
        self._sequence = 0
        self._lock = threading.Lock()

    def write(self, security_factor: SecurityFactor, data: bytes, payload: Buffer) -> bytes:
        """Seal the next frame.

        Parameters
        ----------
        security_factor : SecurityFactor
            Without a digest of the payload.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        bytes
            The frame.

        Raises
        ------
        ValueError
            When the security factor holds a digest of the payload.
        LimitExceeded
            When the session is used up, or `data` is longer than 64 KiB.
        """
        draft = _draft_frame(security_factor, data, payload)
        header = self._next_header(draft)
        return encrypt(header, draft, self._session.key, schedule.frame_context(header))

    def write_into(self, out: Buffer, security_factor: SecurityFactor, data: bytes, payload: Buffer) -> int:
        """Seal the next frame into the start of a buffer.

        Parameters
        ----------
        out : writable buffer
            Where the frame goes.
        security_factor : SecurityFactor
            Without a digest of the payload.
        data : bytes
            Application data, at most 64 KiB.
        payload : bytes-like
            The picture.

        Returns
        -------
        int
            Length of the frame in bytes.

        Raises
        ------
        TypeError
            When the buffer is read-only.
        ValueError
            When it is too small or shares memory with the payload; no sequence number is used then. Or as `write`.
        LimitExceeded
            As `write`.
        """
        draft = _draft_frame(security_factor, data, payload)
        room = start_of(writable_bytes(out, payload), _HEADER.size + draft.content_len)
        header = self._next_header(draft)
        return encrypt_into(room, header, draft, self._session.key, schedule.frame_context(header))

    def _next_header(self, draft: Draft) -> bytes:
        with self._lock:
            sequence = self._sequence
            self._lifetime.require(sequence)
            self._sequence += 1
        tag = schedule.factor_tag(self._session.key, draft.factor)
        fields = (self._session.suite, 0, Mode.SESSION_FRAME, self._session.key_id, sequence, draft.content_len, tag)
        return _HEADER.pack(MAGIC, VERSION, *fields)


@dataclass(frozen=True, slots=True, repr=False)
class SessionFrame:
    """A frame whose content was checked; it is valid once `SessionReader.accept` took its sequence number.

    Parameters
    ----------
    sequence : int
        The frame's number, from 0.
    profile : int
        Number of the factor profile.
    security_factor : SecurityFactor
        What the sealing depends on, without a digest of the payload.
    context : CaptureContext
        Who captured it, when, and as which capture.
    data : bytes
        Application data, at most 64 KiB.
    payload : bytes or memoryview
        The picture.
    signer : DevicePublic
        The device that opened the session.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import SessionReader
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> session = sf.SealSession(sealer, np.zeros((48, 64), np.uint8))
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    >>> reader = SessionReader(opener.verify_session(session.opening).unsealed)
    >>> frame = reader.verify(session.seal(np.ones((48, 64), np.uint8), b"second"))
    >>> frame.sequence, frame.data
    (0, b'second')
    """

    sequence: int
    profile: int
    security_factor: SecurityFactor
    context: CaptureContext
    data: bytes
    payload: bytes | memoryview
    signer: DevicePublic


class SessionReader:
    """Reads the frames that follow an opening message. Thread-safe; lives in one process.

    Device, factor profile and splice rule of the frames are those of the opening.

    Parameters
    ----------
    opening : Unsealed
        The opening message.
    ordered : bool
        Whether sequence numbers must come one after the other; without, each of the last 64 may come late, once.
    clock : callable
        Returns monotonic seconds.

    Raises
    ------
    PolicyError
        When the message opens no session.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import SessionReader
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> session = sf.SealSession(sealer, np.zeros((48, 64), np.uint8))
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    >>> reader = SessionReader(opener.verify_session(session.opening).unsealed)
    >>> reader.accept(reader.verify(session.seal(np.ones((48, 64), np.uint8))).sequence)
    """

    def __init__(self, opening: Unsealed, *, ordered: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        if opening.session is None:
            raise PolicyError("The envelope does not open a session; open the envelope as a message.")
        self._session = opening.session
        self._signer = opening.signer
        self._profile = opening.header.profile
        self._splice_rules = {opening.context.magic_num: opening.context.splice_rule}
        self._ordered = ordered
        self._lifetime = _Lifetime(clock)
        self._next = 0
        self._late: set[int] = set()
        self._lock = threading.Lock()

    def verify(self, frame: Buffer, *, out: Buffer | None = None) -> SessionFrame:
        """Check a frame and split it into its parts; changes nothing.

        Parameters
        ----------
        frame : bytes-like
            As it was received.
        out : writable buffer, optional
            Where the plaintext goes; the payload is then a read-only view of it. It is zeroed when a check fails.

        Returns
        -------
        SessionFrame

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, CannotOpen, FactorMismatch
            When something is wrong with the frame.
        UnknownKey
            When it belongs to another session.
        LimitExceeded
            When the session is used up.
        ReplayedCapture
            When it comes out of order, or a second time.
        PolicyError
            When it names another device.
        TypeError, ValueError
            When `out` is read-only, too small, or shares memory with the frame.
        """
        room = None if out is None else writable_bytes(out, frame)
        with ZeroedOnFailure(room):
            return self._verify(frame, room)

    def _verify(self, frame: Buffer, room: memoryview | None) -> SessionFrame:
        view = memoryview(frame).cast("B")
        header = bytes(view[: _HEADER.size])
        sequence, tag = self._parse(header, len(view) - _HEADER.size)
        with self._lock:
            self._require_unused(sequence)
        seal = ContentBinding(self._session.key, schedule.frame_context(header), tag)
        content = decrypt(view[_HEADER.size :], seal, payload_digest=False, out=room)
        context = CaptureContext.decode(content.security_factor.capture_context, self._splice_rules)
        if (context.device_info, context.sign_version) != (self._signer.device_info, self._signer.sign_version):
            raise PolicyError("The frame names a device that did not open the session; drop the frame.")
        return SessionFrame(
            sequence, self._profile, content.security_factor, context, content.data, content.payload, self._signer
        )

    def accept(self, sequence: int) -> None:
        """Consume a sequence number in one step.

        Parameters
        ----------
        sequence : int
            The frame's number, from 0.

        Raises
        ------
        ReplayedCapture
            When the number was consumed or passed over before.
        LimitExceeded
            When the session is used up.
        """
        with self._lock:
            self._require_unused(sequence)
            self._late.discard(sequence)
            if sequence >= self._next:
                if not self._ordered:
                    self._late.update(range(max(self._next, sequence - WINDOW + 1), sequence))
                self._next = sequence + 1
                self._late = {late for late in self._late if late > sequence - WINDOW}

    def _require_unused(self, sequence: int) -> None:
        self._lifetime.require(sequence)
        expected = sequence == self._next if self._ordered else sequence >= self._next or sequence in self._late
        if not expected:
            raise ReplayedCapture("The frame is out of order or repeated; drop the frame.")

    def _parse(self, header: bytes, content_len: int) -> tuple[int, bytes]:
        if len(header) < _HEADER.size or header[:4] != MAGIC:
            raise MalformedEnvelope("This is not a sealframe session frame; drop the frame.")
        _, version, suite, zero, mode, session_id, sequence, announced, tag = _HEADER.unpack(header)
        if version != VERSION or mode != Mode.SESSION_FRAME:
            raise UnsupportedEnvelope("The session frame has an unknown version; update sealframe.")
        if zero or announced != content_len or not is_content_length(content_len):
            raise MalformedEnvelope("The session frame is truncated or has extra bytes; drop the frame.")
        if (suite, session_id) != (self._session.suite, self._session.key_id):
            raise UnknownKey("The frame belongs to another session; open that session first.")
        return sequence, tag


def _draft_frame(security_factor: SecurityFactor, data: bytes, payload: Buffer) -> Draft:
    if security_factor.payload_digest:
        raise ValueError("the security factor of a session frame must hold no digest of its payload")
    return draft_content(security_factor, data, payload)
