"""Sealing: from a picture to an envelope."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from sealframe.capture_context import CaptureContext
from sealframe.derivation import noise_seed_of
from sealframe.envelope import EnvelopeWriter
from sealframe.envelope.payload_digest import digest_starter
from sealframe.factor import compute_image_factor, profile_by_name
from sealframe.image import Buffer, frame_from_array, frame_from_bytes, raw_snapshot
from sealframe.keys.secrecy import Unpicklable
from sealframe.security_factor import SecurityFactor
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.capture_context import Counter
    from sealframe.envelope import AnswerKey, SessionWriter
    from sealframe.factor import FactorPath, Reduction
    from sealframe.image import Frame, Order
    from sealframe.keys import DeviceKey, ServerPublic, SharedKey
    from sealframe.models import ModelSet
    from sealframe.trace import StageCallback


class Sealer(Unpicklable):
    """Seals pictures as one device to one or several servers. Long-lived, thread-safe, usable after a fork.

    It owns one worker thread that hashes beside the network; `workers=0` does without.

    In all methods `picture` is a frame (uint8 HxW, HxWx3, HxWx4; `order` names its channels) or an encoded picture
    (bytes), and `data` is up to 64 KiB that travel sealed and signed beside it. A frame is copied first, so it may
    change at once. They raise ImageError, PolicyError (data too long, key not valid now), KeyFileError (counter),
    ModelError, and TypeError for anything that is no picture.
    """

    def __init__(
        self,
        *,
        to: ServerPublic | SharedKey | Sequence[ServerPublic | SharedKey],
        device: DeviceKey,
        counter: Counter,
        path: FactorPath = "gan",
        reduction: Reduction = "rows",
        workers: int = 1,
        clock: Callable[[], float] = time.time,
        models: ModelSet | None = None,
    ) -> None:
        """`clock` gives Unix seconds. Raises ValueError for an unknown factor profile, PolicyError for recipients."""
        self._profile = profile_by_name(path, reduction, models)
        self._writer = EnvelopeWriter(to, device, clock=clock)
        self._device = device.public
        self._counter = counter
        self._start_digest = digest_starter(workers)
        self._clock = clock
        self._models = models

    def seal(
        self, picture: object, data: bytes = b"", *, order: Order | None = None, on_stage: StageCallback = no_callback
    ) -> bytes:
        """Seal one picture into an envelope."""
        security_factor, payload = self.security_factor_of(picture, data, order=order, on_stage=on_stage)
        envelope = self._writer.write(self._profile.number, security_factor, data, payload)
        on_stage("envelope")
        return envelope

    def seal_into(self, out: Buffer, picture: object, data: bytes = b"", *, order: Order | None = None) -> int:
        """Seal into the start of a buffer, and return the envelope's length.

        Raises TypeError when the buffer is read-only, ValueError when it is too small (the message says what is
        needed). It may be the one that holds the picture: that is copied first.
        """
        security_factor, payload = self.security_factor_of(picture, data, order=order)
        return self._writer.write_into(out, self._profile.number, security_factor, data, payload)

    def seal_request(
        self, picture: object, data: bytes = b"", *, order: Order | None = None, on_stage: StageCallback = no_callback
    ) -> tuple[bytes, AnswerKey]:
        """Seal, and get the key of the server's answer; keep it privately until the answer has come."""
        security_factor, payload = self.security_factor_of(picture, data, order=order, on_stage=on_stage)
        request = self._writer.write_request(self._profile.number, security_factor, data, payload)
        on_stage("envelope")
        return request

    def start_session(
        self, picture: object, data: bytes = b"", *, order: Order | None = None
    ) -> tuple[bytes, SessionWriter]:
        """Seal the signed opening of a stream; `SealSession` is what applications use."""
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
        """The security factor of a new capture of this picture, and the payload it speaks of.

        Frames of a session have no `payload_digest`.
        """
        payload, frame = _snapshot(picture, order)
        digest = self._start_digest(payload) if payload_digest else bytes
        context = self._capture_context(frame)
        on_stage("image")
        factor = compute_image_factor(
            frame, self._profile, self._models, on_stage, noise_seed=noise_seed_of(context.random)
        )
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
        )


def _snapshot(picture: object, order: Order | None) -> tuple[Buffer, Frame]:
    """The payload, and the frame that is read from it: what is sealed is what was measured (A11)."""
    if isinstance(picture, bytes | bytearray | memoryview):
        payload = bytes(picture)
        return payload, frame_from_bytes(payload)
    return raw_snapshot(frame_from_array(picture, order))
