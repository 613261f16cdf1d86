"""The whole way, in order: read this first.

    Sealer.seal        image -> capture context -> features -> derived image -> similarity map -> image factor
                       -> security factor -> envelope
    Opener.verify      envelope -> signature -> decryption -> security factor -> image factor anew, compared
    Verified.accept    the one step that changes state: this capture is spent

The capture context comes before the factor because factors with noise draw it from the context's random.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from sealframe.capture_context import CaptureContext
from sealframe.envelope import DEFAULT_POLICY, EnvelopeWriter, unseal_envelope
from sealframe.errors import FactorMismatch, ImageError
from sealframe.image import Buffer, frame_from_array, frame_from_bytes, pixels_for_viewing, raw_payload
from sealframe.image_factor import compute_image_factor, profile_by_name, profile_by_number
from sealframe.security_factor import SecurityFactor
from sealframe.trace import no_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.capture_context import Counter
    from sealframe.envelope import Header, Policy, Unsealed
    from sealframe.freshness import Archive, Live
    from sealframe.image import Frame, Order
    from sealframe.image_factor import FactorPath, Reduction
    from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic, SharedKey
    from sealframe.models import ModelSet
    from sealframe.trace import Mark


class _HoldsKeys:
    """Neither printed with its keys nor pickled."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"A {type(self).__name__} holds keys and cannot be pickled; make one in each process.")


class _PayloadHasher:
    """SHA-256 beside the network on one worker thread of this process, or in line with `workers=0`."""

    def __init__(self, workers: int) -> None:
        if workers not in (0, 1):
            raise ValueError("workers is 0 or 1.")
        self._workers = workers
        self._process = 0
        self._executor: ThreadPoolExecutor | None = None

    def start(self, payload: Buffer) -> Callable[[], bytes]:
        """Begin; the returned function waits for the digest."""
        if not self._workers:
            return hashlib.sha256(payload).digest
        if self._executor is None or self._process != os.getpid():
            self._executor, self._process = ThreadPoolExecutor(1, thread_name_prefix="sealframe"), os.getpid()
        return self._executor.submit(lambda: hashlib.sha256(payload).digest()).result


class Sealer(_HoldsKeys):
    """Seals pictures as one device to one or several servers. Long-lived, thread-safe, usable after a fork.

    It owns one worker thread that hashes beside the network; `workers=0` does without.
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
        self._profile = profile_by_name(path, reduction)
        self._writer = EnvelopeWriter(to, device)
        self._device = device.public
        self._counter = counter
        self._hasher = _PayloadHasher(workers)
        self._clock = clock
        self._models = models

    def seal(self, picture: object, data: bytes = b"", *, order: Order | None = None, mark: Mark = no_mark) -> bytes:
        """Seal a frame (uint8 HxW, HxWx3, HxWx4; `order` names its channels) or an encoded picture (bytes).

        `data` is up to 64 KiB that travel sealed and signed beside the picture. The frame is copied first, so it
        may change at once. Raises ImageError, PolicyError, KeyFileError (counter), ModelError, and TypeError for
        anything that is no picture.
        """
        payload, frame = _snapshot(picture, order)
        payload_digest = self._hasher.start(payload)
        context = self._capture_context(frame)
        mark("image")
        factor = compute_image_factor(frame, self._profile, self._models, mark)
        data_digest = hashlib.sha256(data).digest()
        security_factor = SecurityFactor(factor.bytes, context.encode(), data_digest, payload_digest())
        mark("security factor")
        envelope = self._writer.write(self._profile.number, security_factor, data, payload)
        mark("envelope")
        return envelope

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


class Opened:
    """An envelope of which everything has been checked.

    payload: the picture's bytes as they were sealed (a raw frame for arrays). data: the application's bytes.
    context: CaptureContext. image_factor: bytes. security_factor: SecurityFactor. header: the envelope's Header.
    """

    def __init__(self, unsealed: Unsealed) -> None:
        self.header: Header = unsealed.header
        self.payload: bytes = unsealed.payload
        self.data: bytes = unsealed.data
        self.context: CaptureContext = unsealed.context
        self.security_factor: SecurityFactor = unsealed.security_factor
        self.device: DevicePublic = unsealed.signer

    @property
    def image_factor(self) -> bytes:
        """The factor that was sealed, and recomputed to the same bytes."""
        return self.security_factor.image_factor

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """The picture in colour, uint8 HxW, HxWx3 or HxWx4; a raw frame in the order in which it was sealed."""
        return pixels_for_viewing(self.payload)

    def facts(self) -> dict[str, Any]:
        """What was opened, as JSON values, without pixels or data."""
        return {
            "context": self.context.facts(),
            "factor_profile": self.header.profile,
            "message_id": self.header.message_id.hex(),
            "payload_bytes": len(self.payload),
            "payload_sha256": self.security_factor.payload_digest.hex(),
            "data_bytes": len(self.data),
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.header.message_id.hex()}>"


class Verified(Opened):
    """Checked, but not yet spent: whoever verified calls `accept`, or spends it in a transaction of their own."""

    def __init__(self, unsealed: Unsealed, freshness: Live | Archive) -> None:
        super().__init__(unsealed)
        self._unsealed = unsealed
        self._freshness = freshness

    def accept(self) -> Opened:
        """Spend this capture, atomically across processes. Raises ReplayedCapture, or PolicyError (store down)."""
        self._freshness.accept(self.device.key_id, self.context, self.header.message_id)
        return Opened(self._unsealed)


class Opener(_HoldsKeys):
    """Opens envelopes with a server's key. Long-lived, thread-safe."""

    def __init__(
        self,
        server: ServerKey | SharedKey | Sequence[ServerKey | SharedKey],
        *,
        devices: Iterable[DevicePublic] | Mapping[bytes, DevicePublic],
        freshness: Live | Archive,
        policy: Policy = DEFAULT_POLICY,
        clock: Callable[[], float] = time.time,
        models: ModelSet | None = None,
    ) -> None:
        """Open with one key, or with several while keys change.

        `devices`: the devices accepted, or a mapping that finds them by key id. `freshness`: Live(store) on a server,
        Archive() where age and replays do not count; there is no default. `clock` (Unix seconds) is for key validity.
        """
        self._server = server
        self._devices = devices if isinstance(devices, Mapping) else {device.key_id: device for device in devices}
        self._freshness = freshness
        self._policy = policy
        self._clock = clock
        self._models = models

    def open(self, envelope: Buffer, *, mark: Mark = no_mark) -> Opened:
        """Verify and accept. Raises what `verify` and `Verified.accept` raise."""
        opened = self.verify(envelope, mark=mark).accept()
        mark("acceptance")
        return opened

    def verify(self, envelope: Buffer, *, mark: Mark = no_mark) -> Verified:
        """Check everything and change nothing.

        Raises MalformedEnvelope, UnsupportedEnvelope, UnknownKey, PolicyError, BadSignature, CannotOpen,
        FactorMismatch, StaleCapture.
        """
        unsealed = unseal_envelope(envelope, self._server, self._devices, self._policy, clock=self._clock)
        mark("envelope")
        self._freshness.check(unsealed.context)
        self._check_image_factor(unsealed, mark)
        return Verified(unsealed, self._freshness)

    def _check_image_factor(self, unsealed: Unsealed, mark: Mark) -> None:
        profile = profile_by_number(unsealed.header.profile)
        try:
            frame = frame_from_bytes(unsealed.payload)
        except ImageError:
            raise FactorMismatch("The sealed payload is no picture; the device that sealed it is faulty.") from None
        mark("image")
        context = unsealed.context
        factor = compute_image_factor(frame, profile, self._models, mark)
        same_size = (context.width, context.height) == (frame.width, frame.height)
        if not (same_size and hmac.compare_digest(factor.bytes, unsealed.security_factor.image_factor)):
            raise FactorMismatch("The image factor of the opened picture is not the sealed one; refuse the capture.")
        mark("comparison")


def _snapshot(picture: object, order: Order | None) -> tuple[Buffer, Frame]:
    """The payload, and the frame that is read from it: what is sealed is what was measured (A11)."""
    if isinstance(picture, bytes | bytearray | memoryview):
        payload: Buffer = bytes(picture)
    else:
        payload = raw_payload(frame_from_array(picture, order))
    return payload, frame_from_bytes(payload)
