"""Key schedule: which hash or key depends on what.

    factor tag    on the content key and the whole security factor
    header hash   on the fixed header (with the factor tag) and the recipients
    wrapping      on the header hash and the recipient
    content       on the header hash
    signature     on the fixed header and the recipient blocks

So wrapping, content and signature all hang on the security factor, and none can be moved to another envelope.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealframe.files import Buffer

_ROOT = b"sealframe/v1/"


def factor_tag(key: bytes, security_factor: Buffer) -> bytes:
    """HMAC of the security factor: hides it from all who lack the content or session key, and binds it, 32 bytes."""
    return _hmac(_subkey(key, b"factor"), security_factor)


def answer_key(content_key: bytes) -> bytes:
    """The key of the confidential answer to a message."""
    return _subkey(content_key, b"answer")


def session_key(content_key: bytes) -> bytes:
    """The key of the frames that follow a session opening."""
    return _subkey(content_key, b"session")


def header_hash(fixed: bytes, recipients: Iterable[bytes]) -> bytes:
    """SHA-256 of the fixed header and all recipient key ids."""
    return hashlib.sha256(b"".join((_ROOT, b"header", fixed, *recipients))).digest()


def wrap_info(header: bytes, key_id: bytes) -> bytes:
    """What a wrapped content key is bound to, for HPKE."""
    return _ROOT + b"wrap" + header + key_id


def shared_wrap_info(header: bytes, key_id: bytes) -> bytes:
    """What a wrapped content key is bound to, for a shared key."""
    return _ROOT + b"psk" + header + key_id


def content_context(header: bytes) -> bytes:
    """What the encrypted content is bound to."""
    return _ROOT + b"content" + header


def frame_context(frame_header: bytes) -> bytes:
    """What the encrypted content of a session frame is bound to."""
    return _ROOT + b"frame" + frame_header


def answer_context(answer_header: bytes) -> bytes:
    """What an encrypted answer is bound to, and the start of what its server signs."""
    return _ROOT + b"answer" + answer_header


def signed_digest(fixed: bytes, blocks: Iterable[bytes]) -> bytes:
    """The digest that the device signs."""
    return hashlib.sha256(b"".join((_ROOT, b"signature", fixed, *blocks))).digest()


def _subkey(key: bytes, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose, from which `key` cannot be found."""
    return _hmac(key, _ROOT + purpose)


def _hmac(key: bytes, message: Buffer) -> bytes:
    return hmac.digest(key, message, "sha256")
