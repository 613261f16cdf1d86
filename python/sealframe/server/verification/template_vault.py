"""Templates at rest: each under a key of its own, wrapped by a vault key that lives outside the database.

Account, matcher and model are authenticated along, so a template cannot be moved to another account. Revoking a
template deletes its ciphertext; changing the vault key wraps the small keys anew, not the templates.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealframe.errors import KeyFileError, UnknownKey
from sealframe.keys.key_file import Block, PathLike, load_private, read_record, record_block, save_private
from sealframe.keys.secrecy import KEY_ID_BYTES, Unpicklable

if TYPE_CHECKING:
    from collections.abc import Sequence

_LABEL = "SEALFRAME VAULT"
_SECRET_LABEL = "SEALFRAME VAULT SECRET"  # noqa: S105  (a PEM label)
_NONCE_BYTES = 12
_KEY_BYTES = 32


class VaultKey(Unpicklable):
    """A 256-bit key that wraps the keys of templates."""

    def __init__(self, key_id: bytes, key: bytes) -> None:
        self.key_id = key_id
        self._key = key

    @classmethod
    def generate(cls) -> VaultKey:
        """A new key with a random name."""
        return cls(secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(_KEY_BYTES))

    def seal(self, content: bytes, associated_data: bytes) -> bytes:
        """Encrypt and authenticate under a random nonce."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, content, associated_data)

    def open(self, sealed: bytes, associated_data: bytes) -> bytes:
        """Inverse of `seal`. Raises KeyFileError when the content was altered or belongs elsewhere."""
        try:
            return AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError):
            raise KeyFileError("A stored template cannot be decrypted; restore the database or enrol again.") from None

    def save(self, path: PathLike, password: bytes | None = None) -> None:
        """Write the key file, mode 0600; KeyFileError when it exists or cannot be written."""
        record = record_block(_LABEL, {"key_id": self.key_id.hex()})
        save_private(path, record, [Block(_SECRET_LABEL, self._key)], password, overwrite=False)

    @classmethod
    def load(cls, path: PathLike, password: bytes | None = None) -> VaultKey:
        """Read a key file; KeyFileError when that is not possible or not safe."""
        record, blocks = load_private(path, password)
        try:
            key = cls(bytes.fromhex(read_record(record, _LABEL)["key_id"]), blocks[0].content)
        except (KeyError, TypeError, ValueError):
            raise _damaged(path) from None
        lengths = (len(key.key_id), *(len(block.content) for block in blocks))
        if lengths != (KEY_ID_BYTES, _KEY_BYTES) or blocks[0].label != _SECRET_LABEL:
            raise _damaged(path)
        return key


class SealedTemplate(NamedTuple):
    """What the database keeps of a template."""

    vault_key: str
    wrapped_key: bytes
    sealed: bytes


class Vault:
    """One vault key for new templates, and older ones that still open what they sealed.

    Parameters
    ----------
    keys : sequence of VaultKey
        The newest, which seals, first.

    """

    def __init__(self, keys: Sequence[VaultKey]) -> None:
        self._newest = keys[0]
        self._keys = {key.key_id.hex(): key for key in keys}

    @property
    def newest_key_id(self) -> str:
        """The name of the key that seals."""
        return self._newest.key_id.hex()

    def seal(self, template: bytes, associated_data: bytes) -> SealedTemplate:
        """Encrypt a template under a fresh key."""
        key = VaultKey.generate()
        wrapped = self._newest.seal(key.key_id + key._key, associated_data)
        return SealedTemplate(self.newest_key_id, wrapped, key.seal(template, associated_data))

    def open(self, stored: SealedTemplate, associated_data: bytes) -> bytes:
        """Inverse of `seal`. Raises UnknownKey or KeyFileError."""
        return self._key_of(stored, associated_data).open(stored.sealed, associated_data)

    def rewrap(self, stored: SealedTemplate, associated_data: bytes) -> SealedTemplate:
        """The same template with its key wrapped by the newest vault key."""
        key = self._key_of(stored, associated_data)
        return SealedTemplate(
            self.newest_key_id, self._newest.seal(key.key_id + key._key, associated_data), stored.sealed
        )

    def _key_of(self, stored: SealedTemplate, associated_data: bytes) -> VaultKey:
        wrapping = self._keys.get(stored.vault_key)
        if wrapping is None:
            raise UnknownKey(
                "A template was encrypted with another vault key; give the previous key with --old-vault-key."
            )
        raw = wrapping.open(stored.wrapped_key, associated_data)
        return VaultKey(raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _damaged(path: PathLike) -> KeyFileError:
    return KeyFileError(f"{path} is damaged; restore the vault key from its backup.")
