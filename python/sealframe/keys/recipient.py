"""Recipient keys: what an envelope's content key is wrapped to.

X-Wing (ML-KEM-768 with X25519) and X25519 alone wrap through HPKE (RFC 9180) with HKDF-SHA256 and AES-256-GCM.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sealframe.errors import CannotOpen
from sealframe.keys.secrecy import key_id_of
from sealframe.keys.signing import load_pkcs8, pkcs8_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealframe.keys.key_file import Block

CONTENT_KEY_BYTES = 32
WRAPPED_KEY_BYTES = CONTENT_KEY_BYTES + 16
_X25519_BYTES = 32
_ML_KEM_BYTES = 1184
_KEY_ID_KIND = 0x40


class Suite(IntEnum):
    """How the content key reaches the recipients.

    Notes
    -----
    - X-Wing: ML-KEM-768 (FIPS 203) with X25519 (RFC 7748), draft-connolly-cfrg-xwing-kem, through HPKE (RFC 9180).
    - X25519: RFC 7748, through HPKE.
    - Shared key: HKDF-SHA256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D).

    Examples
    --------
    >>> import sealframe as sf
    >>> from sealframe.keys import Suite
    >>> sf.ServerKey.generate().suite == Suite.X_WING
    True
    """

    X_WING = 1
    X25519 = 2
    SHARED_KEY = 16


SUITE_NAMES = {"x-wing": Suite.X_WING, "x25519": Suite.X25519, "shared-key": Suite.SHARED_KEY}

ENCAPSULATION_BYTES: dict[int, int] = {Suite.X_WING: 1120, Suite.X25519: 32, Suite.SHARED_KEY: 0}

_HPKE: dict[int, hpke.Suite] = {
    Suite.X_WING: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    Suite.X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


def suite_name(suite: int) -> str:
    """The name of a suite, as people write it."""
    return next(name for name, number in SUITE_NAMES.items() if number == suite)


class RecipientPublic:
    """The key that senders wrap to.

    Raises ValueError when `raw` is no public key of this suite. X-Wing: ML-KEM-768 key, 1184 bytes, then the
    X25519 key, 32 bytes.
    """

    def __init__(self, suite: int, raw: bytes) -> None:
        self._key = _load_public(suite, raw)
        self._hpke = _HPKE[suite]
        self.suite = suite
        self.raw = raw
        self.key_id = key_id_of(_KEY_ID_KIND + suite, raw)

    def wrap(self, content_key: bytes, info: bytes) -> bytes:
        """HPKE encapsulation followed by the wrapped content key."""
        return self._hpke.encrypt(content_key, self._key, info)


class RecipientKey:
    """The private half: an X25519 key, after an ML-KEM-768 key for X-Wing."""

    def __init__(self, suite: int, private_keys: Sequence[Any]) -> None:
        self._hpke = _HPKE[suite]
        self._keys = list(private_keys)
        self._key = self._keys[0] if suite == Suite.X25519 else hpke.MLKEM768X25519PrivateKey(*self._keys)
        raw = b"".join(key.public_key().public_bytes_raw() for key in self._keys)
        self.public = RecipientPublic(suite, raw)

    @classmethod
    def generate(cls, suite: int) -> RecipientKey:
        """A new key; ValueError for a suite that has no key pair."""
        return cls.from_seed(suite, secrets.token_bytes(32))

    @classmethod
    def from_seed(cls, suite: int, seed: bytes) -> RecipientKey:
        """The key pair that a 32-byte seed stands for.

        X-Wing expands the seed with SHAKE256 to 96 bytes: 64 for ML-KEM-768, 32 for X25519
        (draft-connolly-cfrg-xwing-kem).
        """
        if len(seed) != 32:
            raise ValueError("a seed must have 32 bytes")
        if suite == Suite.X25519:
            return cls(suite, [X25519PrivateKey.from_private_bytes(seed)])
        if suite != Suite.X_WING:
            raise ValueError("the suite of a server key must be 1 (X-Wing) or 2 (X25519)")
        expanded = hashlib.shake_256(seed).digest(96)
        ml_kem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        return cls(suite, [ml_kem, X25519PrivateKey.from_private_bytes(expanded[64:])])

    @classmethod
    def from_blocks(cls, suite: int, blocks: Sequence[Block]) -> RecipientKey:
        """The key from its PKCS8 blocks; KeyFileError when they are others."""
        return cls(suite, load_pkcs8(blocks, _private_types(suite)))

    def blocks(self) -> list[Block]:
        """One PKCS8 block for each part."""
        return [pkcs8_block(key) for key in self._keys]

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """The content key; CannotOpen when it was wrapped to another key or under another header."""
        try:
            return self._hpke.decrypt(wrapped, self._key, info)
        except InvalidTag:
            raise cannot_open() from None


def block_count(suite: int) -> int:
    """How many PKCS8 blocks a recipient key of this suite takes."""
    return len(_private_types(suite))


def cannot_open() -> CannotOpen:
    """Return the one error of decryption, whatever the reason."""
    return CannotOpen("The envelope cannot be opened with this key.")


def _private_types(suite: int) -> list[type]:
    return [X25519PrivateKey] if suite == Suite.X25519 else [MLKEM768PrivateKey, X25519PrivateKey]


def _load_public(suite: int, raw: bytes) -> Any:
    x25519 = raw[-_X25519_BYTES:]
    if suite == Suite.X25519 and len(raw) == _X25519_BYTES:
        return X25519PublicKey.from_public_bytes(x25519)
    if suite == Suite.X_WING and len(raw) == _ML_KEM_BYTES + _X25519_BYTES:
        ml_kem = MLKEM768PublicKey.from_public_bytes(raw[:_ML_KEM_BYTES])
        return hpke.MLKEM768X25519PublicKey(ml_kem, X25519PublicKey.from_public_bytes(x25519))
    raise ValueError("not a public key of this suite")
