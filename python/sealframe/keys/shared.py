"""Shared keys: one 256-bit secret on both sides of a closed installation (M20).

Whoever holds it can open every envelope sealed to it; origin still rests on the device's signature.
"""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealframe.errors import KeyFileError
from sealframe.keys.key_file import Block, PathLike, load_private, read_record, record_block, save_private
from sealframe.keys.recipient import Suite, cannot_open
from sealframe.keys.secrecy import KEY_ID_BYTES, Unpicklable
from sealframe.keys.validity import ALWAYS, Validity

SHARED_LABEL = "SEALFRAME SHARED"
_SECRET_LABEL = "SEALFRAME SHARED SECRET"  # noqa: S105  (a PEM label)
_SECRET_BYTES = 32


class SharedKey(Unpicklable):
    """A secret that seals and opens; its key id is random, so that it says nothing about the secret.

    Parameters
    ----------
    secret : bytes
        32 random bytes.
    key_id : bytes
        16 random bytes that name the key in an envelope.
    validity : Validity
        When the key is valid; always by default.

    Raises
    ------
    ValueError
        When `secret` or `key_id` has another length.

    Examples
    --------
    >>> len(SharedKey.generate().key_id)
    16
    """

    suite = Suite.SHARED_KEY

    def __init__(self, secret: bytes, key_id: bytes, validity: Validity = ALWAYS) -> None:
        if len(secret) != _SECRET_BYTES or len(key_id) != KEY_ID_BYTES:
            raise ValueError(f"a shared key must have {_SECRET_BYTES} bytes, and its id {KEY_ID_BYTES}")
        self._secret = secret
        self.key_id = key_id
        self.validity = validity

    @classmethod
    def generate(cls, validity: Validity = ALWAYS) -> SharedKey:
        """A new random key."""
        return cls(secrets.token_bytes(_SECRET_BYTES), secrets.token_bytes(KEY_ID_BYTES), validity)

    def wrap(self, content_key: bytes, info: bytes, message_id: bytes) -> bytes:
        """The wrapped content key, 48 bytes; the message id is fresh each time, so the nonce is zero."""
        return self._cipher(info, message_id).encrypt(bytes(12), content_key, None)

    def unwrap(self, wrapped: bytes, info: bytes, message_id: bytes) -> bytes:
        """The content key; CannotOpen when it was wrapped under another key or header."""
        try:
            return self._cipher(info, message_id).decrypt(bytes(12), wrapped, None)
        except InvalidTag:
            raise cannot_open() from None

    def _cipher(self, info: bytes, message_id: bytes) -> AESGCM:
        return AESGCM(HKDF(hashes.SHA256(), 32, salt=message_id, info=info).derive(self._secret))

    def to_dict(self) -> dict[str, Any]:
        """What may be shown of the key, as JSON values."""
        return {
            "kind": "shared",
            "key_id": self.key_id.hex(),
            "suite": "shared-key",
            "not_before": self.validity.not_before,
            "not_after": self.validity.not_after,
            "revoked": self.validity.revoked,
        }

    def save(self, path: PathLike, password: bytes | None = None, *, overwrite: bool = False) -> None:
        """Write the key file, mode 0600, its secrets encrypted when there is a password.

        Raises
        ------
        KeyFileError
            When the file exists and `overwrite` is false, or it cannot be written.
        ValueError
            When the password is empty.
        """
        secret = Block(_SECRET_LABEL, self._secret)
        save_private(path, self._record(), [secret], password, overwrite=overwrite)

    @classmethod
    def load(cls, path: PathLike, password: bytes | None = None) -> SharedKey:
        """Read a key file.

        Raises
        ------
        KeyFileError
            When that is not possible, or not safe because others may open the file; the message says what to do.
        """
        block, secret_blocks = load_private(path, password)
        record = read_record(block, SHARED_LABEL, path)
        try:
            validity = Validity(record["not_before"], record["not_after"], record["revoked"])
            (secret,) = secret_blocks
            key = cls(secret.content, bytes.fromhex(record["key_id"]), validity)
        except (KeyError, TypeError, ValueError) as error:
            raise KeyFileError(f"{path} is an invalid shared key; use a fresh copy of the file.") from error
        if secret.label != _SECRET_LABEL or key._record() != block:
            raise KeyFileError(f"{path} is a shared key whose record is not canonical; use a fresh copy of the file.")
        return key

    def _record(self) -> Block:
        return record_block(
            SHARED_LABEL,
            {
                "key_id": self.key_id.hex(),
                "not_after": self.validity.not_after,
                "not_before": self.validity.not_before,
                "revoked": self.validity.revoked,
            },
        )
