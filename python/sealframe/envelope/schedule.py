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

    from sealframe.envelope.layout import Buffer

_ROOT = b"sealframe/v1/"


def factor_tag(content_key: bytes, security_factor: Buffer) -> bytes:
    """HMAC of the security factor: hides it from all who lack the content key, and binds it, 32 bytes."""
    return _hmac(subkey(content_key, b"factor"), security_factor)


def subkey(content_key: bytes, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose, from which the content key cannot be found."""
    return _hmac(content_key, _ROOT + purpose)


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


def signed_digest(fixed: bytes, blocks: Iterable[bytes]) -> bytes:
    """The digest that the device signs."""
    return hashlib.sha256(b"".join((_ROOT, b"signature", fixed, *blocks))).digest()


def _hmac(key: bytes, message: Buffer) -> bytes:
    return hmac.digest(key, message, "sha256")
