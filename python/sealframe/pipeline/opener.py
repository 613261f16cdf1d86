"""Opening: from an envelope to a picture of which everything has been checked."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sealframe.capture_context import rules_by_magic
from sealframe.derivation import noise_seed_of
from sealframe.envelope import DEFAULT_POLICY, unseal_envelope
from sealframe.envelope.buffers import ZeroedOnFailure, writable_bytes
from sealframe.envelope.layout import Mode
from sealframe.envelope.payload_digest import IN_LINE, payload_hasher
from sealframe.errors import FactorMismatch, ImageError
from sealframe.factor import compute_image_factor, profile_by_number
from sealframe.image import frame_for_viewing, frame_from_bytes
from sealframe.keys.secrecy import Unpicklable
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.capture_context import CaptureContext, SpliceRule
    from sealframe.envelope import Header, Policy, SessionFrame, SignedStart, Unsealed
    from sealframe.files import Buffer
    from sealframe.freshness import Archive, Live
    from sealframe.image import Frame
    from sealframe.keys import DevicePublic, ServerKey, SharedKey
    from sealframe.models import ModelSet
    from sealframe.security_factor import SecurityFactor
    from sealframe.trace import StageCallback

CHECKS = {
    "framing": "the bytes are one whole envelope of a known version",
    "policy": "the policy allows its suite, signature and factor profile",
    "keys": "its device is registered with a valid key, and this key is one of the recipients",
    "signature": "the device's signature over the header verifies",
    "decryption": "the content key unwraps and every chunk is authentic",
    "commitment": "security factor, data and picture match the device's commitments",
    "context": "the capture context is canonical and names the signing device",
    "clock": "the capture is recent enough",
    "image factor": "the factor recomputed from the picture equals the sealed factor",
}
"""What `Opener.verify` checks, in this order."""


class OpenedPicture:
    """A picture of which everything has been checked.

    Parameters
    ----------
    content : Unsealed or SessionFrame
        What was checked.

    Attributes
    ----------
    payload : bytes or memoryview
        The picture's bytes as they were sealed, a raw frame for arrays. After `open_into` a read-only view of the
        caller's buffer, valid until that is used again.
    data : bytes
        Application data, at most 64 KiB.
    context : CaptureContext
        Who captured the picture, when, and as which capture.
    security_factor : SecurityFactor
        What the sealing depends on.
    device : DevicePublic
        The device that signed.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> opened = opener.open(sealer.seal(np.zeros((480, 640, 3), np.uint8), b"order 17"))
    >>> opened.data, opened.context.device_info, opened.image.shape
    (b'order 17', 'POS-0001', (480, 640, 3))
    """

    def __init__(self, content: Unsealed | SessionFrame) -> None:
        self.payload: bytes | memoryview = content.payload
        self.data: bytes = content.data
        self.context: CaptureContext = content.context
        self.security_factor: SecurityFactor = content.security_factor
        self.device: DevicePublic = content.signer

    @property
    def image_factor(self) -> bytes:
        """The sealed image factor, which the opener recomputed to the same bytes."""
        return self.security_factor.image_factor

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture in colour, uint8 (H, W), (H, W, 3) or (H, W, 4); a raw frame in the order of its sealing."""
        return self.frame.pixels

    @cached_property
    def frame(self) -> Frame:
        """The picture in colour with its channel order."""
        return frame_for_viewing(self.payload)


class Opened(OpenedPicture):
    """An opened envelope.

    Parameters
    ----------
    unsealed : Unsealed
        What was checked.

    Attributes
    ----------
    header : Header
        What anyone can see of the envelope.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> envelope, key = sealer.seal_request(np.zeros((480, 640, 3), np.uint8))
    >>> opened = opener.open(envelope)
    >>> key.read(opened.answer(server, b"paid"), server.public).body
    b'paid'
    """

    def __init__(self, unsealed: Unsealed) -> None:
        super().__init__(unsealed)
        self.header: Header = unsealed.header
        self._answer_key = unsealed.answer_key

    @property
    def envelope_id(self) -> bytes:
        """The 32 bytes by which an answer names this envelope."""
        return self._answer_key.envelope_id

    def answer(self, server: ServerKey, body: bytes) -> bytes:
        """Write an answer, signed by the server and readable by the sender alone.

        Parameters
        ----------
        server : ServerKey
            Whose signing key the sender pinned.
        body : bytes
            What to say, at most 64 KiB.

        Returns
        -------
        bytes
            The answer, as `AnswerKey.read` takes it.

        Raises
        ------
        LimitExceeded
            When `body` is longer.
        """
        return self._answer_key.write(server, body)

    def to_dict(self) -> dict[str, Any]:
        """Return what was opened as JSON values, without pixels or data.

        Returns
        -------
        dict of str to object
            Context, factor profile, message id, and sizes and digest of the payload.
        """
        return {
            "context": self.context.to_dict(),
            "factor_profile": self.header.profile,
            "message_id": self.header.message_id.hex(),
            "payload_bytes": len(self.payload),
            "payload_sha256": self.security_factor.payload_digest.hex(),
            "data_bytes": len(self.data),
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.header.message_id.hex()}>"


class Verified(Opened):
    """An envelope of which everything is checked, but that is not yet accepted.

    Call `accept`, or accept it in a transaction of your own.

    Parameters
    ----------
    unsealed : Unsealed
        What was checked.
    freshness : Live or Archive
        Accepts the capture.

    Attributes
    ----------
    unsealed : Unsealed
        What was checked.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> verified = opener.verify(sealer.seal(np.zeros((480, 640, 3), np.uint8)))
    >>> opened = verified.accept()
    >>> verified.accept()
    Traceback (most recent call last):
    sealframe.errors.ReplayedCapture: ...
    """

    def __init__(self, unsealed: Unsealed, freshness: Live | Archive) -> None:
        super().__init__(unsealed)
        self.unsealed = unsealed
        self._freshness = freshness

    def accept(self) -> Opened:
        """Accept this capture once, atomically across processes.

        Returns
        -------
        Opened

        Raises
        ------
        ReplayedCapture
            When this capture, or a later one of its device, was accepted before.
        CounterAnomaly
            When the device's counter jumped by more than the store allows.
        StoreUnavailable
            When the store cannot be used; then nothing is accepted.
        """
        self._freshness.accept(self.device.key_id, self.context, self.header.message_id)
        return Opened(self.unsealed)


class Opener(Unpicklable):
    """Opens envelopes with a server's key. Long-lived, thread-safe, usable after a fork.

    One worker thread hashes beside the network. Give `workers=0` on a server whose own threads keep every core busy.

    Parameters
    ----------
    server : ServerKey, SharedKey or sequence of these
        The key to open with; several while keys change.
    devices : iterable of DevicePublic, or mapping of bytes to DevicePublic
        The devices that are accepted, or what finds them by key id.
    freshness : Live or Archive
        `Live(store)` on a server; `Archive()` for kept envelopes, where neither age nor replays are checked. There is
        no default.
    policy : Policy
        Suites, signatures and factor profiles that are allowed.
    splice_rules : iterable of SpliceRule
        Rules that captures may be spliced by, besides the default one; found by their magic numbers.
    workers : {0, 1}
        Threads that hash beside the network.
    clock : callable
        Returns Unix seconds, for the validity of keys.
    models : ModelSet, optional
        The owner's own networks.

    Raises
    ------
    ValueError
        For other `workers`, or when one magic number stands for two splice rules.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.MemoryReplayStore()))
    >>> opener.open(sealer.seal(np.zeros((480, 640, 3), np.uint8), b"order 17")).data
    b'order 17'
    """

    def __init__(
        self,
        server: ServerKey | SharedKey | Sequence[ServerKey | SharedKey],
        *,
        devices: Iterable[DevicePublic] | Mapping[bytes, DevicePublic],
        freshness: Live | Archive,
        policy: Policy = DEFAULT_POLICY,
        splice_rules: Iterable[SpliceRule] = (),
        workers: int = 1,
        clock: Callable[[], float] = time.time,
        models: ModelSet | None = None,
    ) -> None:
        self._server = server
        self._devices = devices if isinstance(devices, Mapping) else {device.key_id: device for device in devices}
        self._freshness = freshness
        self._policy = policy
        self._splice_rules = rules_by_magic(splice_rules)
        self._hasher = payload_hasher(workers)
        self._clock = clock
        self._models = models

    def open(self, envelope: Buffer, *, on_stage: StageCallback = no_callback) -> Opened:
        """Check an envelope and accept it once.

        Parameters
        ----------
        envelope : bytes-like
            As it was received.
        on_stage : callable
            Called with the name of each stage as it ends.

        Returns
        -------
        Opened

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
        """
        opened = self.verify(envelope, on_stage=on_stage).accept()
        on_stage("acceptance")
        return opened

    def open_into(self, out: Buffer, envelope: Buffer, *, on_stage: StageCallback = no_callback) -> Opened:
        """Check an envelope and accept it once, with the plaintext in a buffer of the caller's.

        The result's payload, and the pixels of a raw frame, are views of that buffer. It is zeroed when anything fails.

        Parameters
        ----------
        out : writable buffer
            Where the plaintext goes; the envelope's length is enough.
        envelope : bytes-like
            As it was received.
        on_stage : callable
            Called with the name of each stage as it ends.

        Returns
        -------
        Opened

        Raises
        ------
        TypeError
            When `out` is read-only.
        ValueError
            When `out` is too small (the message says what is needed) or shares memory with the envelope.
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
        """
        room = writable_bytes(out, envelope)
        with ZeroedOnFailure(room):
            opened = self._verify(envelope, self._policy, on_stage=on_stage, out=room).accept()
        on_stage("acceptance")
        return opened

    def verify(
        self,
        envelope: Buffer,
        *,
        start: SignedStart | None = None,
        on_stage: StageCallback = no_callback,
        on_check: StageCallback | None = None,
    ) -> Verified:
        """Check everything and change nothing.

        Parameters
        ----------
        envelope : bytes-like
            As it was received.
        start : SignedStart, optional
            What `sealframe.envelope.check_start` found of this envelope; it is not checked again.
        on_stage : callable
            Called with the name of each stage as it ends.
        on_check : callable, optional
            Called with each of CHECKS that passed, in their order; the checks then run without the worker.

        Returns
        -------
        Verified

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, BadSignature, CannotOpen, FactorMismatch, StaleCapture
            When something is wrong with the envelope.
        UnknownKey, KeyNotValid, PolicyError
            When its keys, or its kind, are not accepted here. The first error in the order of docs/FORMAT.md is raised.
        """
        return self._verify(envelope, self._policy, on_stage=on_stage, on_check=on_check, start=start)

    def verify_session(self, envelope: Buffer) -> Verified:
        """Check the signed opening of a stream; applications use `OpenSession`.

        Parameters
        ----------
        envelope : bytes-like
            As it was received.

        Returns
        -------
        Verified

        Raises
        ------
        MalformedEnvelope, UnsupportedEnvelope, BadSignature, CannotOpen, FactorMismatch, StaleCapture
            When something is wrong with the envelope.
        UnknownKey, KeyNotValid, PolicyError
            When its keys, or its kind, are not accepted here. The first error in the order of docs/FORMAT.md is raised.
        """
        return self._verify(envelope, replace(self._policy, modes=frozenset({Mode.SESSION_OPEN})))

    def check_frame(self, frame: SessionFrame) -> None:
        """Check clock and image factor of a stream's frame.

        Parameters
        ----------
        frame : SessionFrame
            As `SessionReader.verify` returns it.

        Raises
        ------
        StaleCapture
            When the capture time lies outside the window.
        FactorMismatch
            When the recomputed factor is not the sealed one.
        """
        self._freshness.check(frame.context)
        _check_image_factor(frame, frame.profile, self._models, no_callback)

    def _verify(
        self,
        envelope: Buffer,
        policy: Policy,
        *,
        on_stage: StageCallback = no_callback,
        on_check: StageCallback | None = None,
        out: memoryview | None = None,
        start: SignedStart | None = None,
    ) -> Verified:
        tell = on_check or no_callback

        def extra_checks(unsealed: Unsealed) -> None:
            on_stage("envelope")
            self._freshness.check(unsealed.context)
            tell("clock")
            _check_image_factor(unsealed, unsealed.header.profile, self._models, on_stage)
            tell("image factor")

        unsealed = unseal_envelope(
            envelope,
            self._server,
            self._devices,
            policy,
            clock=self._clock,
            start=start,
            out=out,
            on_check=tell,
            hasher=IN_LINE if on_check else self._hasher,
            splice_rules=self._splice_rules,
            extra_checks=extra_checks,
        )
        return Verified(unsealed, self._freshness)


def _check_image_factor(
    content: Unsealed | SessionFrame, profile: int, models: ModelSet | None, on_stage: StageCallback
) -> None:
    """Step 9: the payload decodes, and its image factor and size are the sealed ones."""
    try:
        frame = frame_from_bytes(content.payload)
    except ImageError:
        raise FactorMismatch(
            "The sealed payload is not a picture; check the software of the device that sealed it."
        ) from None
    on_stage("image")
    seed = noise_seed_of(content.context.random)
    factor = compute_image_factor(frame, profile_by_number(profile, models), models, on_stage, noise_seed=seed)
    same_size = (content.context.width, content.context.height) == (frame.width, frame.height)
    if not (same_size and hmac.compare_digest(factor.bytes, content.security_factor.image_factor)):
        raise FactorMismatch("The image factor of the opened picture differs from the sealed one; refuse the capture.")
    on_stage("comparison")
