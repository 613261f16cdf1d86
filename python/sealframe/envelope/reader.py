"""Opening, steps 1 to 7: from an envelope to its checked content. Nothing is handed out before all have passed.

Steps 8 (clock) and 9 (image factor) need a policy on time and the picture. The pipeline gives them as `extra_checks`,
which run while the payload is hashed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.capture_context import DEFAULT_RULES, CaptureContext
from sealframe.envelope import schedule
from sealframe.envelope.answer import AnswerKey
from sealframe.envelope.buffers import ZeroedOnFailure, writable_bytes
from sealframe.envelope.content import ContentBinding, decrypt
from sealframe.envelope.layout import Header, Mode, Parts, complete_parts, split_envelope, split_start
from sealframe.envelope.payload_digest import IN_LINE, PayloadHasher
from sealframe.envelope.policy import DEFAULT_POLICY, Policy
from sealframe.envelope.session_secret import SessionSecret
from sealframe.errors import PolicyError, UnknownKey
from sealframe.keys import ServerKey, SharedKey
from sealframe.keys.secrecy import KEY_ID_BYTES
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealframe.capture_context import SpliceRule
    from sealframe.files import Buffer
    from sealframe.keys import DevicePublic
    from sealframe.security_factor import SecurityFactor
    from sealframe.trace import StageCallback

OpeningKey = ServerKey | SharedKey


@dataclass(frozen=True, slots=True, repr=False)
class Unsealed:
    """An envelope's content after steps 1 to 7 of docs/FORMAT.md.

    Parameters
    ----------
    header : Header
        What anyone can see of the envelope.
    security_factor : SecurityFactor
        What the sealing depends on.
    context : CaptureContext
        Who captured it, when, and as which capture.
    data : bytes
        Application data, at most 64 KiB.
    payload : bytes or memoryview
        The picture; a read-only view when the caller gave a buffer for it.
    signer : DevicePublic
        The device that signed.
    answer_key : AnswerKey
        Seals the answer to this envelope.
    session : SessionSecret or None
        The session that the envelope opens; None for a message.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import unseal_envelope
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(7))
    >>> envelope = sealer.seal(np.zeros((48, 64), np.uint8))
    >>> unseal_envelope(envelope, server, {device.key_id: device.public}).context.counter
    7
    """

    header: Header
    security_factor: SecurityFactor
    context: CaptureContext
    data: bytes
    payload: bytes | memoryview
    signer: DevicePublic
    answer_key: AnswerKey
    session: SessionSecret | None


@dataclass(frozen=True, slots=True, repr=False)
class SignedStart:
    """The first bytes of an envelope, up to its content, after steps 1 to 4 of docs/FORMAT.md.

    Parameters
    ----------
    parts : Parts
        The envelope's parts, the content as far as it had arrived.
    signer : DevicePublic
        The device that signed.
    key : ServerKey or SharedKey
        The key that opens the content.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import MAX_START_BYTES, check_start
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope = sealer.seal(np.zeros((480, 640), np.uint8))
    >>> check_start(envelope[:MAX_START_BYTES], server, {device.key_id: device.public}).signer == device.public
    True
    """

    parts: Parts
    signer: DevicePublic
    key: OpeningKey


def check_start(
    start: Buffer | Parts,
    key: OpeningKey | Sequence[OpeningKey],
    devices: Mapping[bytes, DevicePublic],
    policy: Policy = DEFAULT_POLICY,
    *,
    clock: Callable[[], float] = time.time,
) -> SignedStart:
    """Check an envelope's first bytes before the others have arrived.

    Parameters
    ----------
    start : bytes-like or Parts
        At least all bytes before the content, at most MAX_START_BYTES; or what `split_start` made of them.
    key : ServerKey, SharedKey or sequence of these
        The opening keys.
    devices : mapping of bytes to DevicePublic
        The accepted devices by key id.
    policy : Policy
        The accepted kinds of envelope.
    clock : callable
        Returns Unix seconds, for the validity of keys.

    Returns
    -------
    SignedStart

    Raises
    ------
    MalformedEnvelope, UnsupportedEnvelope, BadSignature
        When something is wrong with these bytes.
    UnknownKey, KeyNotValid, PolicyError
        When its keys, or its kind, are not accepted here.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import MAX_START_BYTES, check_start, unseal_envelope
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope, devices = sealer.seal(np.zeros((480, 640), np.uint8)), {device.key_id: device.public}
    >>> start = check_start(envelope[:MAX_START_BYTES], server, devices)
    >>> unsealed = unseal_envelope(envelope, server, devices, start=start)
    """
    parts = start if isinstance(start, Parts) else split_start(bytes(start))
    return _check_start(parts, key, devices, policy, int(clock() * 1000), no_callback)


def unseal_envelope(
    envelope: Buffer,
    key: OpeningKey | Sequence[OpeningKey],
    devices: Mapping[bytes, DevicePublic],
    policy: Policy = DEFAULT_POLICY,
    *,
    clock: Callable[[], float] = time.time,
    start: SignedStart | None = None,
    out: Buffer | None = None,
    on_check: StageCallback = no_callback,
    hasher: PayloadHasher = IN_LINE,
    splice_rules: Mapping[str, SpliceRule] = DEFAULT_RULES,
    extra_checks: Callable[[Unsealed], object] = lambda _: None,
) -> Unsealed:
    """Check an envelope and split it into its parts.

    Parameters
    ----------
    envelope : bytes-like
        As it was received.
    key : ServerKey, SharedKey or sequence of these
        The opening keys.
    devices : mapping of bytes to DevicePublic
        The accepted devices by key id.
    policy : Policy
        The accepted kinds of envelope.
    clock : callable
        Returns Unix seconds, for the validity of keys.
    start : SignedStart, optional
        What `check_start` found of this envelope; it is neither parsed nor checked again.
    out : writable buffer, optional
        Where the plaintext goes. It is zeroed when a check fails.
    on_check : callable
        Called with each check that passed: framing, policy, keys, signature, decryption, commitment, context.
    hasher : PayloadHasher
        Hashes the payload; one with a worker does so beside the checks of the context and `extra_checks`.
    splice_rules : mapping of str to SpliceRule
        The rules that a capture context may name, by magic number.
    extra_checks : callable
        Further checks, which raise. An error of the payload's digest comes before theirs.

    Returns
    -------
    Unsealed

    Raises
    ------
    MalformedEnvelope, UnsupportedEnvelope, BadSignature, CannotOpen, FactorMismatch
        When something is wrong with the envelope, or it is not the one that `start` belongs to.
    UnknownKey, KeyNotValid, PolicyError
        When its keys, or its kind, are not accepted here. The first error in the order of docs/FORMAT.md is raised.
    TypeError, ValueError
        When `out` is read-only, too small, or shares memory with the envelope.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> from sealframe.envelope import unseal_envelope
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> envelope = sealer.seal(np.zeros((48, 64), np.uint8), b"order 17")
    >>> unseal_envelope(envelope, server, {device.key_id: device.public}).data
    b'order 17'
    """
    room = None if out is None else writable_bytes(out, envelope)
    with ZeroedOnFailure(room):
        if start is None:
            parts = split_envelope(envelope, policy.max_bytes)
            start = _check_start(parts, key, devices, policy, int(clock() * 1000), on_check)
        else:
            parts = complete_parts(start.parts, envelope, policy.max_bytes)
        return _unseal(parts, start, room, on_check, hasher, splice_rules, extra_checks)


def _check_start(
    parts: Parts,
    key: OpeningKey | Sequence[OpeningKey],
    devices: Mapping[bytes, DevicePublic],
    policy: Policy,
    now: int,
    on_check: StageCallback,
) -> SignedStart:
    header = parts.header
    on_check("framing")
    policy.require(header)
    on_check("policy")
    signer = _find_signer(header, devices, now)
    own_key = _find_key(header, key)
    on_check("keys")
    signer.verify(parts.signature, schedule.signed_digest(parts.fixed, parts.blocks))
    on_check("signature")
    return SignedStart(parts, signer, own_key)


def _unseal(
    parts: Parts,
    start: SignedStart,
    room: memoryview | None,
    on_check: StageCallback,
    hasher: PayloadHasher,
    splice_rules: Mapping[str, SpliceRule],
    extra_checks: Callable[[Unsealed], object],
) -> Unsealed:
    header, signer = parts.header, start.signer
    header_hash = schedule.header_hash(parts.fixed, header.recipients)
    content_key = unwrap_content_key(parts, start.key, header_hash)
    seal = ContentBinding(content_key, schedule.content_context(header_hash), header.factor_tag)
    content = decrypt(parts.content, seal, out=room, on_check=on_check)
    opens_session = header.mode == Mode.SESSION_OPEN

    def checks() -> Unsealed:
        on_check("commitment")
        context = _check_context(header, content.security_factor, signer, splice_rules)
        on_check("context")
        unsealed = Unsealed(
            header,
            content.security_factor,
            context,
            content.data,
            content.payload,
            signer,
            AnswerKey(header_hash, schedule.answer_key(content_key)),
            SessionSecret.of_opening(header.suite, header_hash, content_key) if opens_session else None,
        )
        extra_checks(unsealed)
        return unsealed

    return hasher.check_beside(content.payload, content.require_payload, checks)


def unwrap_content_key(parts: Parts, key: OpeningKey, header_hash: bytes) -> bytes:
    """The content key, from this recipient's block; CannotOpen when it was wrapped otherwise."""
    wrapped = parts.blocks[parts.header.recipients.index(key.key_id)][KEY_ID_BYTES:]
    if isinstance(key, SharedKey):
        return key.unwrap(wrapped, schedule.shared_wrap_info(header_hash, key.key_id), parts.header.message_id)
    return key.unwrap(wrapped, schedule.wrap_info(header_hash, key.key_id))


def _find_signer(header: Header, devices: Mapping[bytes, DevicePublic], now: int) -> DevicePublic:
    signer = devices.get(header.signer)
    if signer is None:
        raise UnknownKey("The envelope was signed by an unknown device; register the device's .pub file.")
    if signer.sign_version != header.sign_version:
        raise PolicyError(
            "The envelope names a signature that differs from that of its registered device; refuse the capture."
        )
    signer.validity.require(now, "device's key")
    return signer


def _find_key(header: Header, key: OpeningKey | Sequence[OpeningKey]) -> OpeningKey:
    for candidate in [key] if isinstance(key, OpeningKey) else key:
        if candidate.key_id in header.recipients:
            if candidate.suite != header.suite:
                raise PolicyError(
                    "The envelope names a suite that differs from that of its recipient's key; refuse the capture."
                )
            return candidate
    raise UnknownKey("The envelope was sealed to other keys; open it with the key of one of its recipients.")


def _check_context(
    header: Header, security_factor: SecurityFactor, signer: DevicePublic, splice_rules: Mapping[str, SpliceRule]
) -> CaptureContext:
    """Step 7: the capture context is canonical and speaks of the device that signed."""
    context = CaptureContext.decode(security_factor.capture_context, splice_rules)
    if context.device_info != signer.device_info or context.sign_version != header.sign_version:
        raise PolicyError("The capture names a device that did not sign it; refuse the capture.")
    return context
