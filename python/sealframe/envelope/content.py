"""The encrypted content: security factor, application data and payload under one content key.

    u32 length | security factor | u32 length | data | payload

encrypted with Cobblestone-256 (C2SP chunked-encryption with AES-256-GCM): 16 KiB chunks, key commitment, a context.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from sealframe.envelope import schedule
from sealframe.envelope.buffers import BufferPool, start_of
from sealframe.envelope.layout import MAX_DATA_BYTES, content_bytes, plaintext_bytes
from sealframe.errors import FactorMismatch, LimitExceeded, MalformedEnvelope
from sealframe.keys.recipient import cannot_open
from sealframe.security_factor import SecurityFactor
from sealframe.trace import no_callback

if TYPE_CHECKING:
    from sealframe.files import Buffer
    from sealframe.trace import StageCallback

_LENGTH = struct.Struct(">I")
_buffers = BufferPool()


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """What is about to be encrypted: everything before the payload, and the payload as the caller holds it."""

    factor: bytes
    preamble: bytes
    payload: Buffer

    @property
    def content_len(self) -> int:
        """Bytes of the encrypted content."""
        return content_bytes(len(self.preamble) + memoryview(self.payload).nbytes)


def draft_content(security_factor: SecurityFactor, data: bytes, payload: Buffer) -> Draft:
    """Put the parts in order; LimitExceeded for more than 64 KiB of data."""
    if len(data) > MAX_DATA_BYTES:
        raise LimitExceeded(f"The application data is larger than {MAX_DATA_BYTES} bytes; send less.")
    factor = security_factor.encode()
    return Draft(factor, b"".join((_LENGTH.pack(len(factor)), factor, _LENGTH.pack(len(data)), data)), payload)


def encrypt(head: bytes, draft: Draft, key: bytes, context: bytes) -> bytes:
    """The head and the encrypted content, as one fresh object: BytesIO hands out what was written in it, uncopied."""
    whole = BytesIO()
    whole.seek(len(head) + draft.content_len - 1)
    whole.write(b"\0")
    with whole.getbuffer() as out:
        encrypt_into(out, head, draft, key, context)
    return whole.getvalue()


def encrypt_into(out: memoryview, head: bytes, draft: Draft, key: bytes, context: bytes) -> int:
    """The head and the encrypted content into the start of `out`, which shares no memory with the payload.

    Returns their length; ValueError when the buffer is too small.
    """
    room = start_of(out, len(head) + draft.content_len)
    room[: len(head)] = head
    encryptor = Cobblestone256Encryptor(key, context)
    written = len(head)
    written += encryptor.update_into(draft.preamble, room[written:])
    written += encryptor.update_into(draft.payload, room[written:])
    room[written:] = encryptor.finalize()
    return len(room)


@dataclass(frozen=True, slots=True, repr=False)
class ContentBinding:
    """What the header says of a content: its key, the context it is bound to, the tag of its security factor."""

    key: bytes
    context: bytes
    factor_tag: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """The parts of a content whose tag and digests hold."""

    security_factor: SecurityFactor
    data: bytes
    payload: bytes | memoryview

    def require_payload(self, digest: bytes) -> None:
        """Raise FactorMismatch unless the payload's digest is the one that the device committed to."""
        _require_digest(digest, self.security_factor.payload_digest)


def decrypt(
    encrypted: memoryview,
    seal: ContentBinding,
    *,
    payload_digest: bool = True,
    out: memoryview | None = None,
    on_check: StageCallback = no_callback,
) -> Content:
    """Decrypt, and check that this is the content which the tag commits to, all but the digest of the payload.

    With `out` the plaintext goes into that buffer of the caller's, and the payload is a read-only view of it.
    `payload_digest` says whether the security factor holds one. Raises CannotOpen with one text whatever failed
    inside decryption, FactorMismatch, MalformedEnvelope, and ValueError when the buffer is too small.
    """
    size = plaintext_bytes(len(encrypted))
    if out is not None:
        return _decrypt_into(start_of(out, size), encrypted, seal, payload_digest, on_check)
    with _buffers.borrow(size) as plaintext:
        content = _decrypt_into(plaintext, encrypted, seal, payload_digest, on_check)
        return Content(content.security_factor, content.data, bytes(content.payload))


def _decrypt_into(
    plaintext: memoryview, encrypted: memoryview, seal: ContentBinding, payload_digest: bool, on_check: StageCallback
) -> Content:
    decryptor = Cobblestone256Decryptor(seal.key, seal.context)
    try:
        written = decryptor.update_into(encrypted, plaintext)
        plaintext[written:] = decryptor.finalize()
    except InvalidTag:
        raise cannot_open() from None
    on_check("decryption")
    return _check(plaintext, seal, payload_digest)


def _check(plaintext: memoryview, seal: ContentBinding, payload_digest: bool) -> Content:
    factor, rest = _take(plaintext)
    data, payload = _take(rest)
    if not hmac.compare_digest(schedule.factor_tag(seal.key, factor), seal.factor_tag):
        raise FactorMismatch(
            "The security factor differs from the one that the device committed to; refuse the capture."
        )
    if len(data) > MAX_DATA_BYTES:
        raise MalformedEnvelope(
            f"The envelope holds more than {MAX_DATA_BYTES} bytes of application data; refuse the capture."
        )
    security_factor = SecurityFactor.decode(bytes(factor), payload_digest=payload_digest)
    _require_digest(hashlib.sha256(data).digest(), security_factor.data_digest)
    return Content(security_factor, bytes(data), payload.toreadonly())


def _require_digest(found: bytes, committed: bytes) -> None:
    if not hmac.compare_digest(found, committed):
        raise FactorMismatch("The content differs from the one that the device committed to; refuse the capture.")


def _take(view: memoryview) -> tuple[memoryview, memoryview]:
    """Split a length-prefixed part from what follows it."""
    if len(view) < _LENGTH.size:
        raise _malformed()
    end: int = _LENGTH.size + _LENGTH.unpack_from(view)[0]
    if end > len(view):
        raise _malformed()
    return view[_LENGTH.size : end], view[end:]


def _malformed() -> MalformedEnvelope:
    return MalformedEnvelope("The content of the envelope is not in its canonical form; refuse the capture.")
