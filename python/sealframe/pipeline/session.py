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
    from sealframe.files import Buffer
    from sealframe.image import Order
    from sealframe.pipeline.opener import Opened, Opener
    from sealframe.pipeline.sealer import Sealer


class SealSession(Unpicklable):
    """The sealing side of a stream, under the sealer's factor profile and splice rule.

    Parameters
    ----------
    sealer : Sealer
        With exactly one recipient.
    picture : numpy.ndarray or bytes-like
        A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
    data : bytes
        Application data, at most 64 KiB, sealed and signed beside the picture.
    order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
        The channels of a frame; gray, RGB or RGBA by its shape.

    Attributes
    ----------
    opening : bytes
        The envelope to send first; it carries the first picture.

    Raises
    ------
    PolicyError
        Unless the sealer has exactly one recipient.
    ImageError, TypeError
        When `picture` cannot be used.
    LimitExceeded
        When `data` is longer than 64 KiB, or the counter is used up.
    KeyNotValid
        When a key is not valid now.
    CounterAnomaly, KeyFileError, StoreUnavailable
        When the counter returns no number; see `CounterFile.next`.
    ModelError
        When a network cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> sending = sf.SealSession(sealer, np.zeros((480, 640), np.uint8))
    >>> receiving = sf.OpenSession(opener, sending.opening)
    >>> receiving.open(sending.seal(np.ones((480, 640), np.uint8), b"second")).data
    b'second'
    """

    def __init__(self, sealer: Sealer, picture: object, data: bytes = b"", *, order: Order | None = None) -> None:
        self._sealer = sealer
        self.opening, self._writer = sealer.start_session(picture, data, order=order)

    def seal(self, picture: object, data: bytes = b"", *, order: Order | None = None) -> bytes:
        """Seal the next frame.

        Parameters
        ----------
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.

        Returns
        -------
        bytes
            The frame.

        Raises
        ------
        ImageError, TypeError
            When `picture` cannot be used.
        LimitExceeded
            When the session or the counter is used up, or `data` is longer than 64 KiB.
        CounterAnomaly, KeyFileError, StoreUnavailable
            When the counter returns no number; see `CounterFile.next`.
        ModelError
            When a network cannot be used.
        """
        security_factor, payload = self._sealer.security_factor_of(picture, data, order=order, payload_digest=False)
        return self._writer.write(security_factor, data, payload)

    def seal_into(self, out: Buffer, picture: object, data: bytes = b"", *, order: Order | None = None) -> int:
        """Seal the next frame into the start of a buffer.

        A buffer that is too small or read-only uses no sequence number: give another and go on.

        Parameters
        ----------
        out : writable buffer
            Where the frame goes. It may hold the picture too: the picture is copied first.
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.

        Returns
        -------
        int
            Length of the frame in bytes.

        Raises
        ------
        TypeError
            When `out` is read-only, or `picture` cannot be used.
        ValueError
            When `out` is too small; the message says how many bytes are needed.
        ImageError, LimitExceeded, CounterAnomaly, KeyFileError, StoreUnavailable, ModelError
            As `seal`.
        """
        security_factor, payload = self._sealer.security_factor_of(picture, data, order=order, payload_digest=False)
        return self._writer.write_into(out, security_factor, data, payload)


class OpenedFrame(OpenedPicture):
    """An opened frame of a stream.

    Parameters
    ----------
    frame : SessionFrame
        What was checked.

    Attributes
    ----------
    sequence : int
        The frame's number, from 0.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> sending = sf.SealSession(sealer, np.zeros((480, 640), np.uint8))
    >>> receiving = sf.OpenSession(opener, sending.opening)
    >>> receiving.open(sending.seal(np.ones((480, 640), np.uint8)))
    <OpenedFrame 0>
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
        The opening's own picture, checked and accepted like any envelope.

    Raises
    ------
    MalformedEnvelope, UnsupportedEnvelope, BadSignature, CannotOpen, FactorMismatch, StaleCapture
        When something is wrong with the envelope.
    UnknownKey, KeyNotValid, PolicyError
        When its keys, or its kind, are not accepted here. The first error in the order of docs/FORMAT.md is raised.
    ReplayedCapture
        When this capture, or a later one of its device, was accepted before.
    CounterAnomaly
        When the device's counter jumped by more than the store allows.
    StoreUnavailable
        When the store cannot be used; then nothing is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> sending = sf.SealSession(sealer, np.zeros((480, 640), np.uint8), b"first")
    >>> receiving = sf.OpenSession(opener, sending.opening)
    >>> receiving.opened.data
    b'first'
    """

    def __init__(self, opener: Opener, opening: Buffer, *, ordered: bool = True) -> None:
        verified = opener.verify_session(opening)
        self._opener = opener
        self._reader = SessionReader(verified.unsealed, ordered=ordered)
        self.opened: Opened = verified.accept()

    def open(self, frame: Buffer) -> OpenedFrame:
        """Check the next frame and accept it once.

        Parameters
        ----------
        frame : bytes-like
            As it was received.

        Returns
        -------
        OpenedFrame

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
        """Check the next frame and accept it once, with the plaintext in a buffer of the caller's.

        Parameters
        ----------
        out : writable buffer
            Where the plaintext goes, under the rules of `Opener.open_into`.
        frame : bytes-like
            As it was received.

        Returns
        -------
        OpenedFrame

        Raises
        ------
        TypeError
            When `out` is read-only.
        ValueError
            When `out` is too small or shares memory with the frame.
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
        room = writable_bytes(out, frame)
        with ZeroedOnFailure(room):
            return self._spend(self._reader.verify(frame, out=room))

    def _spend(self, checked: SessionFrame) -> OpenedFrame:
        self._opener.check_frame(checked)
        self._reader.accept(checked.sequence)
        return OpenedFrame(checked)
