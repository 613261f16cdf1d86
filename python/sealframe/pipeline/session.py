"""Streams of frames: one signed opening, then frames under its key, without a signature each.

A session lives in one process on either side, for at most 2^20 frames or ten minutes. Payment servers refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.envelope import SessionReader
from sealframe.envelope.buffers import ZeroedOnFailure, writable_bytes
from sealframe.keys.secrecy import Unpicklable
from sealframe.pipeline.opener import OpenedPicture

if TYPE_CHECKING:
    from sealframe.envelope import SessionFrame
    from sealframe.image import Buffer, Order
    from sealframe.pipeline.opener import Opened, Opener
    from sealframe.pipeline.sealer import Sealer


class SealSession(Unpicklable):
    """The sealing side of a stream, under the sealer's factor profile and splice rule.

    Parameters
    ----------
    sealer : Sealer
        With exactly one recipient.
    picture, data, order
        The first picture, as `Sealer.seal` takes it.

    Attributes
    ----------
    opening : bytes
        The envelope to send first; it carries the first picture.

    Raises
    ------
    PolicyError
        Unless the sealer has exactly one recipient; and what `Sealer.seal` raises.
    """

    def __init__(self, sealer: Sealer, picture: object, data: bytes = b"", *, order: Order | None = None) -> None:
        self._sealer = sealer
        self.opening, self._writer = sealer.start_session(picture, data, order=order)

    def seal(self, picture: object, data: bytes = b"", *, order: Order | None = None) -> bytes:
        """The next frame; raises what `Sealer.seal` raises, and LimitExceeded when the session is used up."""
        security_factor, payload = self._sealer.security_factor_of(picture, data, order=order, payload_digest=False)
        return self._writer.write(security_factor, data, payload)

    def seal_into(self, out: Buffer, picture: object, data: bytes = b"", *, order: Order | None = None) -> int:
        """The next frame into the start of a buffer; returns its length. Raises what `seal` and `Sealer.seal_into` do.

        A buffer that is too small or read-only costs no sequence number: give another and go on.
        """
        security_factor, payload = self._sealer.security_factor_of(picture, data, order=order, payload_digest=False)
        return self._writer.write_into(out, security_factor, data, payload)


class OpenedFrame(OpenedPicture):
    """An opened frame of a stream.

    Attributes
    ----------
    sequence : int
        The frame's number, from 0.
    """

    def __init__(self, frame: SessionFrame) -> None:
        super().__init__(frame)
        self.sequence = frame.sequence

    def __repr__(self) -> str:
        return f"<OpenedFrame {self.sequence}>"


class OpenSession(Unpicklable):
    """The opening side of a stream.

    Parameters
    ----------
    opener : Opener
        Checks the opening and every frame.
    opening : bytes-like
        `SealSession.opening` as it was received.
    ordered : bool
        Whether frames must come one after the other; without, each of the last 64 may come late, once.

    Attributes
    ----------
    opened : Opened
        The opening's own picture, checked and spent like any envelope.

    Raises
    ------
    PolicyError
        When the envelope opens no session; and what `Opener.open` raises.
    """

    def __init__(self, opener: Opener, opening: Buffer, *, ordered: bool = True) -> None:
        verified = opener.verify_session(opening)
        self._opener = opener
        self._reader = SessionReader(verified.unsealed, ordered=ordered)
        self.opened: Opened = verified.accept()

    def open(self, frame: Buffer) -> OpenedFrame:
        """Check and spend the next frame.

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, CannotOpen, FactorMismatch, StaleCapture
            When something is wrong with the frame.
        UnknownKey
            When it belongs to another session.
        LimitExceeded
            When the session is used up.
        ReplayedCapture
            When it comes out of order, or a second time.
        PolicyError
            When it names another device.
        """
        return self._spend(self._reader.verify(frame))

    def open_into(self, out: Buffer, frame: Buffer) -> OpenedFrame:
        """As `open`, into a buffer of the caller's under the rules of `Opener.open_into`."""
        room = writable_bytes(out, frame)
        with ZeroedOnFailure(room):
            return self._spend(self._reader.verify(frame, out=room))

    def _spend(self, checked: SessionFrame) -> OpenedFrame:
        self._opener.check_frame(checked)
        self._reader.accept(checked.sequence)
        return OpenedFrame(checked)
