"""Envelopes for tests, honest and dishonest, made without pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sealframe.capture_context import DEFAULT_RULES, CaptureContext, SpliceRule
from sealframe.envelope import EnvelopeWriter, Policy, SignedStart, Unsealed, unseal_envelope
from sealframe.envelope.layout import Header, Parts, split_envelope
from sealframe.envelope.schedule import signed_digest
from sealframe.errors import SealframeError
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, SharedKey, Suite
from sealframe.security_factor import SecurityFactor

NOW = 1_790_000_000_000
ANY_SUITE = Policy(suites=frozenset(Suite))
FACTOR = b"factor" * 10


def now_s() -> float:
    """The clock of these tests, Unix seconds."""
    return NOW / 1000


def context_of(device: DeviceKey, counter: int = 1, **changes: Any) -> CaptureContext:
    fields: dict[str, Any] = {
        "device_info": device.public.device_info,
        "sign_version": device.public.sign_version,
        "timestamp": NOW,
        "counter": counter,
        "random": bytes(range(16)),
        "width": 640,
        "height": 480,
    }
    return CaptureContext(**{**fields, **changes})


def factor_of(device: DeviceKey, payload: bytes, data: bytes, *, context: bytes | None = None) -> SecurityFactor:
    return SecurityFactor(
        FACTOR,
        context_of(device).encode() if context is None else context,
        hashlib.sha256(data).digest(),
        hashlib.sha256(payload).digest(),
    )


def frame_factor_of(device: DeviceKey, data: bytes, *, context: bytes | None = None) -> SecurityFactor:
    """The security factor of a session frame."""
    return replace(factor_of(device, b"", data, context=context), payload_digest=b"")


def seal(
    device: DeviceKey, to: Any, payload: bytes = b"payload", data: bytes = b"data", *, factor: Any = None
) -> bytes:
    """An envelope; with another `factor` it is one that only a faulty device would make."""
    factor = factor_of(device, payload, data) if factor is None else factor
    return EnvelopeWriter(to, device, clock=now_s).write(1, factor, data, payload)


def unseal(
    envelope: bytes | bytearray | memoryview,
    key: ServerKey | SharedKey | Sequence[ServerKey | SharedKey],
    *devices: DevicePublic,
    policy: Policy = ANY_SUITE,
    start: SignedStart | None = None,
    splice_rules: Mapping[str, SpliceRule] = DEFAULT_RULES,
) -> Unsealed:
    known = {device.key_id: device for device in devices}
    return unseal_envelope(envelope, key, known, policy, clock=now_s, start=start, splice_rules=splice_rules)


VERDICTS = {
    "MalformedEnvelope",
    "UnsupportedEnvelope",
    "PolicyError",
    "UnknownKey",
    "BadSignature",
    "CannotOpen",
    "FactorMismatch",
    "ReplayedCapture",
}
"""The errors that docs/FORMAT.md names; what sealframe raises is one of them, or a class below it."""


def verdict_of(error: SealframeError) -> str:
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in VERDICTS)


def join(fixed: bytes, blocks: Sequence[bytes], signature: bytes, content: bytes | memoryview) -> bytes:
    """Parts put together as they are, right or wrong."""
    return b"".join((fixed, *blocks, signature, content))


def resign(device: DeviceKey, fixed: bytes, blocks: Sequence[bytes], content: bytes | memoryview) -> bytes:
    """Parts put together under a signature that holds."""
    return join(fixed, blocks, device.sign(signed_digest(fixed, blocks)), content)


def cut(envelope: bytes) -> Parts:
    return split_envelope(envelope)


def with_header(parts: Parts, **changes: Any) -> bytes:
    """The fixed header with other field values."""
    fields = {name: getattr(parts.header, name) for name in Header.__dataclass_fields__}
    return Header(**{**fields, **changes}).fixed()
