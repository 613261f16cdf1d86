"""The encrypted content: security factor, application data and payload under one content key.

    u32 length | security factor | u32 length | data | payload

encrypted with Cobblestone-256 (C2SP chunked-encryption with AES-256-GCM): 16 KiB chunks, key commitment, a context.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, NamedTuple

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from sealframe.envelope import schedule
from sealframe.envelope.buffers import BufferPool
from sealframe.envelope.layout import MAX_DATA_BYTES, content_bytes, plaintext_bytes
from sealframe.errors import FactorMismatch, MalformedEnvelope, PolicyError
from sealframe.keys.recipient import cannot_open
from sealframe.security_factor import SecurityFactor
from sealframe.trace import no_mark

if TYPE_CHECKING:
    from sealframe.envelope.layout import Buffer
    from sealframe.trace import Mark

_LENGTH = struct.Struct(">I")
_buffers = BufferPool()


class Draft(NamedTuple):
    """What is about to be encrypted: everything before the payload, and the payload as the caller holds it."""

    factor: bytes
    preamble: bytes
    payload: Buffer

    @property
    def content_len(self) -> int:
        """Bytes of the encrypted content."""
        return content_bytes(len(self.preamble) + memoryview(self.payload).nbytes)


def draft_content(security_factor: SecurityFactor, data: bytes, payload: Buffer) -> Draft:
    """Put the parts in order; PolicyError for more than 64 KiB of data."""
    if len(data) > MAX_DATA_BYTES:
        raise PolicyError(f"Application data is at most {MAX_DATA_BYTES} bytes; send less.")
    factor = security_factor.encode()
    return Draft(factor, b"".join((_LENGTH.pack(len(factor)), factor, _LENGTH.pack(len(data)), data)), payload)


def encrypt(head: bytes, draft: Draft, key: bytes, context: bytes) -> bytes:
    """The head and the encrypted content, as one fresh object: each of this size costs more than its encryption."""
    with _buffers.borrow(len(head) + draft.content_len) as out:
        out[: len(head)] = head
        encrypt_into(draft, key, context, out[len(head) :])
        return bytes(out)


def encrypt_into(draft: Draft, key: bytes, context: bytes, out: memoryview) -> None:
    """The encrypted content, into exactly `draft.content_len` bytes."""
    encryptor = Cobblestone256Encryptor(key, context)
    written = encryptor.update_into(draft.preamble, out)
    written += encryptor.update_into(draft.payload, out[written:])
    out[written:] = encryptor.finalize()


class Content(NamedTuple):
    """The parts of a content whose tag and digests hold."""

    security_factor: SecurityFactor
    data: bytes
    payload: bytes


def decrypt(encrypted: memoryview, key: bytes, context: bytes, tag: bytes, passed: Mark = no_mark) -> Content:
    """Decrypt, and check that this is the content which the tag commits to.

    Raises CannotOpen with one text whatever failed inside decryption (A47), FactorMismatch, MalformedEnvelope.
    """
    with _buffers.borrow(plaintext_bytes(len(encrypted))) as plaintext:
        _decrypt_into(encrypted, key, context, plaintext)
        passed("decryption")
        content = _check(plaintext, key, tag)
        passed("commitment")
        return content


def _decrypt_into(encrypted: memoryview, key: bytes, context: bytes, plaintext: memoryview) -> None:
    decryptor = Cobblestone256Decryptor(key, context)
    try:
        written = decryptor.update_into(encrypted, plaintext)
        plaintext[written:] = decryptor.finalize()
    except InvalidTag:
        raise cannot_open() from None


def _check(plaintext: memoryview, key: bytes, tag: bytes) -> Content:
    factor, rest = _take(plaintext)
    data, payload = _take(rest)
    if not hmac.compare_digest(schedule.factor_tag(key, factor), tag):
        raise FactorMismatch("The security factor is not the one that the device committed to; refuse the capture.")
    if len(data) > MAX_DATA_BYTES:
        raise MalformedEnvelope(f"The envelope holds more than {MAX_DATA_BYTES} bytes of application data.")
    security_factor = SecurityFactor.decode(bytes(factor))
    _require_digest(data, security_factor.data_digest)
    _require_digest(payload, security_factor.payload_digest)
    return Content(security_factor, bytes(data), bytes(payload))


def _require_digest(part: memoryview, digest: bytes) -> None:
    if not hmac.compare_digest(hashlib.sha256(part).digest(), digest):
        raise FactorMismatch("The content is not the one that the device committed to; refuse the capture.")


def _take(view: memoryview) -> tuple[memoryview, memoryview]:
    """Split a length-prefixed part from what follows it."""
    if len(view) < _LENGTH.size:
        raise _malformed()
    end: int = _LENGTH.size + _LENGTH.unpack_from(view)[0]
    if end > len(view):
        raise _malformed()
    return view[_LENGTH.size : end], view[end:]


def _malformed() -> MalformedEnvelope:
    return MalformedEnvelope("The content of the envelope is not in its canonical form.")
