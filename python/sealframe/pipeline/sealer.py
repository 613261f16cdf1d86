"""Sealing: from a picture to an envelope."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from sealframe.capture_context import DEFAULT_RULE, CaptureContext
from sealframe.derivation import noise_seed_of
from sealframe.envelope import EnvelopeWriter
from sealframe.envelope.payload_digest import payload_hasher
from sealframe.factor import compute_image_factor, profile_by_name
from sealframe.image import frame_from_array, frame_from_bytes, raw_snapshot
from sealframe.keys.secrecy import Unpicklable
from sealframe.security_factor import SecurityFactor
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.capture_context import Counter, SpliceRule
    from sealframe.envelope import AnswerKey, SessionWriter
    from sealframe.factor import FactorPath, Reduction
    from sealframe.files import Buffer
    from sealframe.image import Frame, Order
    from sealframe.keys import DeviceKey, ServerPublic, SharedKey
    from sealframe.models import ModelSet
    from sealframe.trace import StageCallback


class Sealer(Unpicklable):
    """Seals pictures as one device to one or several servers. Long-lived, thread-safe, usable after a fork.

    A frame is copied first, so it may change at once.

    Parameters
    ----------
    to : ServerPublic, SharedKey or sequence of these
        Who can open: 1 to 16 recipients of one suite.
    device : DeviceKey
        Who signs.
    counter : Counter
        Numbers the captures: `CounterFile`, or `MemoryCounter` where the device keeps its own state.
    path : {"gan", "vae", "discriminator"}
        The networks that the image factor is computed with.
    reduction : {"rows", "norm", "rank", "eigenvalue", "eigenvector"}
        What of the similarity map the factor ends with.
    splice_rule : SpliceRule
        How the capture context becomes one line; openers need the same rule, unless it is the default one.
    workers : {0, 1}
        Threads that hash beside the network; 1 uses a second core.
    clock : callable
        Returns Unix seconds.
    models : ModelSet, optional
        The owner's own networks.

    Raises
    ------
    ValueError
        For an unknown factor profile, or other `workers`.
    LimitExceeded, PolicyError
        For recipients that cannot share an envelope.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope = sealer.seal(np.zeros((480, 640, 3), np.uint8), b"order 17")
    """

    def __init__(
        self,
        *,
        to: ServerPublic | SharedKey | Sequence[ServerPublic | SharedKey],
        device: DeviceKey,
        counter: Counter,
        path: FactorPath = "gan",
        reduction: Reduction = "rows",
        splice_rule: SpliceRule = DEFAULT_RULE,
        workers: int = 1,
        clock: Callable[[], float] = time.time,
        models: ModelSet | None = None,
    ) -> None:
        self._profile = profile_by_name(path, reduction, models)
        self._writer = EnvelopeWriter(to, device, clock=clock)
        self._device = device.public
        self._counter = counter
        self._splice_rule = splice_rule
        self._hasher = payload_hasher(workers)
        self._clock = clock
        self._models = models

    def seal(
        self, picture: object, data: bytes = b"", *, order: Order | None = None, on_stage: StageCallback = no_callback
    ) -> bytes:
        """Seal one picture into an envelope.

        Parameters
        ----------
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.
        on_stage : callable
            Called with the name of each stage as it ends.

        Returns
        -------
        bytes
            The envelope.

        Raises
        ------
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
        """
        security_factor, payload = self.security_factor_of(picture, data, order=order, on_stage=on_stage)
        envelope = self._writer.write(self._profile.number, security_factor, data, payload)
        on_stage("envelope")
        return envelope

    def seal_into(self, out: Buffer, picture: object, data: bytes = b"", *, order: Order | None = None) -> int:
        """Seal one picture into the start of a buffer.

        Parameters
        ----------
        out : writable buffer
            Where the envelope goes. It may hold the picture too: the picture is copied first.
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.

        Returns
        -------
        int
            Length of the envelope in bytes.

        Raises
        ------
        TypeError
            When `out` is read-only, or `picture` cannot be used.
        ValueError
            When `out` is too small; the message says how many bytes are needed.
        ImageError, LimitExceeded, KeyNotValid, CounterAnomaly, KeyFileError, StoreUnavailable, ModelError
            As `seal`.
        """
        security_factor, payload = self.security_factor_of(picture, data, order=order)
        return self._writer.write_into(out, self._profile.number, security_factor, data, payload)

    def seal_request(
        self, picture: object, data: bytes = b"", *, order: Order | None = None, on_stage: StageCallback = no_callback
    ) -> tuple[bytes, AnswerKey]:
        """Seal one picture, and return the key of the server's answer too.

        Keep the key in a private file until the answer has come.

        Parameters
        ----------
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.
        on_stage : callable
            Called with the name of each stage as it ends.

        Returns
        -------
        tuple of (bytes, AnswerKey)
            The envelope, and the key of its answer.

        Raises
        ------
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
        """
        security_factor, payload = self.security_factor_of(picture, data, order=order, on_stage=on_stage)
        request = self._writer.write_request(self._profile.number, security_factor, data, payload)
        on_stage("envelope")
        return request

    def start_session(
        self, picture: object, data: bytes = b"", *, order: Order | None = None
    ) -> tuple[bytes, SessionWriter]:
        """Seal the signed opening of a stream; applications use `SealSession`.

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
        tuple of (bytes, SessionWriter)
            The opening envelope, and the writer of the frames that follow it.

        Raises
        ------
        PolicyError
            Unless there is exactly one recipient.
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
        """
        security_factor, payload = self.security_factor_of(picture, data, order=order)
        return self._writer.open_session(self._profile.number, security_factor, data, payload)

    def security_factor_of(
        self,
        picture: object,
        data: bytes,
        *,
        order: Order | None = None,
        payload_digest: bool = True,
        on_stage: StageCallback = no_callback,
    ) -> tuple[SecurityFactor, Buffer]:
        """Compute the security factor of a new capture of a picture.

        Parameters
        ----------
        picture : numpy.ndarray or bytes-like
            A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
        data : bytes
            Application data, at most 64 KiB, sealed and signed beside the picture.
        order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
            The channels of a frame; gray, RGB or RGBA by its shape.
        payload_digest : bool
            Whether the factor holds the digest of the payload; frames of a session hold none.
        on_stage : callable
            Called with the name of each stage as it ends.

        Returns
        -------
        tuple of (SecurityFactor, bytes-like)
            The factor, and the payload that it is bound to.

        Raises
        ------
        ImageError, TypeError
            When `picture` cannot be used.
        CounterAnomaly, KeyFileError, LimitExceeded, StoreUnavailable
            When the counter returns no number; see `CounterFile.next`.
        ModelError
            When a network cannot be used.
        """
        payload, frame = _snapshot(picture, order)
        digest = self._hasher.start(payload) if payload_digest else bytes
        context = self._capture_context(frame)
        on_stage("image")
        seed = noise_seed_of(context.random)
        factor = compute_image_factor(frame, self._profile, self._models, on_stage, noise_seed=seed)
        data_digest = hashlib.sha256(data).digest()
        security_factor = SecurityFactor(factor.bytes, context.encode(), data_digest, digest())
        on_stage("security factor")
        return security_factor, payload

    def _capture_context(self, frame: Frame) -> CaptureContext:
        return CaptureContext(
            device_info=self._device.device_info,
            sign_version=self._device.sign_version,
            timestamp=int(self._clock() * 1000),
            counter=self._counter.next(),
            random=secrets.token_bytes(16),
            width=frame.width,
            height=frame.height,
            splice_rule=self._splice_rule,
        )


def _snapshot(picture: object, order: Order | None) -> tuple[Buffer, Frame]:
    """Return the payload, and the frame that is read from it: what is sealed is what was measured."""
    if isinstance(picture, bytes | bytearray | memoryview):
        payload = bytes(picture)
        return payload, frame_from_bytes(payload)
    return raw_snapshot(frame_from_array(picture, order))
