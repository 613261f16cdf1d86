"""Opening, steps 1 to 7: from an envelope to its checked content. Nothing is handed out before all have passed.

Steps 8 (clock) and 9 (image factor) need a policy on time and the picture; they follow in the pipeline.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag

from sealframe.capture_context import CaptureContext
from sealframe.envelope import schedule
from sealframe.envelope.layout import MAX_DATA_BYTES, Buffer, Header, Parts, plaintext_bytes, split_envelope
from sealframe.envelope.policy import DEFAULT_POLICY, Policy
from sealframe.errors import FactorMismatch, MalformedEnvelope, PolicyError, UnknownKey
from sealframe.keys import ServerKey, SharedKey
from sealframe.keys.recipient import cannot_open
from sealframe.keys.secrecy import KEY_ID_BYTES
from sealframe.security_factor import SecurityFactor

if TYPE_CHECKING:
    from sealframe.keys import DevicePublic

_LENGTH = struct.Struct(">I")

OpeningKey = ServerKey | SharedKey


@dataclass(frozen=True, slots=True, repr=False)
class Unsealed:
    """An envelope's content after steps 1 to 7."""

    header: Header
    security_factor: SecurityFactor
    context: CaptureContext
    data: bytes
    payload: bytes
    signer: DevicePublic


def unseal_envelope(
    envelope: Buffer,
    key: OpeningKey | Sequence[OpeningKey],
    devices: Mapping[bytes, DevicePublic],
    policy: Policy = DEFAULT_POLICY,
    *,
    clock: Callable[[], float] = time.time,
) -> Unsealed:
    """Check an envelope and take it apart.

    `key` may be several during a change of keys; `devices` maps key ids to the devices that are accepted.
    Raises MalformedEnvelope, UnsupportedEnvelope, PolicyError, UnknownKey, BadSignature, CannotOpen or
    FactorMismatch: the first that applies, in the order of docs/FORMAT.md.
    """
    parts = split_envelope(envelope, policy.max_bytes)
    policy.require(parts.header)
    signer = _find_signer(parts.header, devices, int(clock() * 1000))
    own_key = _find_key(parts.header, key)
    signer.verify(parts.signature, schedule.signed_digest(parts.fixed, parts.blocks))
    content_key, content = _decrypt(parts, own_key)
    security_factor, data, payload = _check_factor(parts.header, content_key, content)
    context = _check_context(parts.header, security_factor, signer)
    return Unsealed(parts.header, security_factor, context, data, payload, signer)


def _find_signer(header: Header, devices: Mapping[bytes, DevicePublic], now: int) -> DevicePublic:
    signer = devices.get(header.signer)
    if signer is None:
        raise UnknownKey("The envelope was signed by a device that is not known here; register the device's .pub file.")
    if signer.sign_version != header.sign_version:
        raise PolicyError("The envelope names another signature than the one its device is registered with.")
    signer.validity.require(now, "device's key")
    return signer


def _find_key(header: Header, key: OpeningKey | Sequence[OpeningKey]) -> OpeningKey:
    for candidate in key if isinstance(key, Sequence) else [key]:
        if candidate.key_id in header.recipients:
            if candidate.suite != header.suite:
                raise PolicyError("The envelope names another suite than the one of its recipient's key.")
            return candidate
    raise UnknownKey("The envelope was sealed to other keys; open it with the key of one of its recipients.")


def _decrypt(parts: Parts, key: OpeningKey) -> tuple[bytes, Buffer]:
    """The content key and the whole plaintext; CannotOpen with one text, whatever failed (A47)."""
    header = parts.header
    header_hash = schedule.header_hash(parts.fixed, header.recipients)
    wrapped = parts.blocks[header.recipients.index(key.key_id)][KEY_ID_BYTES:]
    if isinstance(key, SharedKey):
        info = schedule.shared_wrap_info(header_hash, key.key_id)
        content_key = key.unwrap(wrapped, info, header.message_id)
    else:
        content_key = key.unwrap(wrapped, schedule.wrap_info(header_hash, key.key_id))
    decryptor = Cobblestone256Decryptor(content_key, schedule.content_context(header_hash))
    plaintext = bytearray(plaintext_bytes(header.content_len))
    try:
        written = decryptor.update_into(parts.content, plaintext)
        plaintext[written:] = decryptor.finalize()
    except InvalidTag as error:
        raise cannot_open() from error
    return content_key, plaintext


def _check_factor(header: Header, content_key: bytes, content: Buffer) -> tuple[SecurityFactor, bytes, bytes]:
    """Step 6: the content is the one that the signed header commits to."""
    view = memoryview(content)
    factor, rest = _take(view)
    data, payload = _take(rest)
    if not hmac.compare_digest(schedule.factor_tag(content_key, factor), header.factor_tag):
        raise FactorMismatch("The security factor is not the one that the device signed; refuse the capture.")
    if len(data) > MAX_DATA_BYTES:
        raise MalformedEnvelope(f"The envelope holds more than {MAX_DATA_BYTES} bytes of application data.")
    security_factor = SecurityFactor.decode(bytes(factor))
    _require_digest(data, security_factor.data_digest)
    _require_digest(payload, security_factor.payload_digest)
    return security_factor, bytes(data), bytes(payload)


def _require_digest(content: memoryview, digest: bytes) -> None:
    if not hmac.compare_digest(hashlib.sha256(content).digest(), digest):
        raise FactorMismatch("The content is not the one that the device signed; refuse the capture.")


def _check_context(header: Header, security_factor: SecurityFactor, signer: DevicePublic) -> CaptureContext:
    """Step 7: the capture context is canonical and speaks of the device that signed."""
    context = CaptureContext.decode(security_factor.capture_context)
    if context.device_info != signer.device_info or context.sign_version != header.sign_version:
        raise PolicyError("The capture names another device than the one that signed it; refuse the capture.")
    return context


def _take(view: memoryview) -> tuple[memoryview, memoryview]:
    """Split a length-prefixed part from what follows it."""
    if len(view) < _LENGTH.size:
        raise _malformed_content()
    end = _LENGTH.size + _LENGTH.unpack_from(view)[0]
    if end > len(view):
        raise _malformed_content()
    return view[_LENGTH.size : end], view[end:]


def _malformed_content() -> MalformedEnvelope:
    return MalformedEnvelope("The content of the envelope is not in its canonical form.")
