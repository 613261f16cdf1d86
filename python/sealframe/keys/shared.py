"""Shared keys: one 256-bit secret on both sides of a closed installation.

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
    """A secret that seals and opens; its key id is random, so it says nothing about the secret.

    Parameters
    ----------
    secret : bytes
        32 random bytes.
    key_id : bytes
        16 random bytes that name the key in an envelope.
    validity : Validity
        When the key is valid; always by default.

    Attributes
    ----------
    suite : Suite
        `Suite.SHARED_KEY`.

    Raises
    ------
    ValueError
        When `secret` or `key_id` has another length.

    Examples
    --------
    >>> import sealframe as sf
    >>> key = sf.SharedKey.generate()
    >>> key.save("shared.key")
    >>> sf.SharedKey.load("shared.key").key_id == key.key_id
    True
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
        """Make a new random key.

        Parameters
        ----------
        validity : Validity
            When the key is valid; always by default.

        Returns
        -------
        SharedKey
        """
        return cls(secrets.token_bytes(_SECRET_BYTES), secrets.token_bytes(KEY_ID_BYTES), validity)

    def wrap(self, content_key: bytes, info: bytes, message_id: bytes) -> bytes:
        """Wrap a content key with AES-256-GCM under a key that HKDF-SHA256 (RFC 5869) derives for this message.

        Parameters
        ----------
        content_key : bytes
            32 bytes.
        info : bytes
            What the wrapped key is bound to.
        message_id : bytes
            16 random bytes, fresh for each message, so the nonce may be zero.

        Returns
        -------
        bytes
            The wrapped key, 48 bytes.
        """
        return self._cipher(info, message_id).encrypt(bytes(12), content_key, None)

    def unwrap(self, wrapped: bytes, info: bytes, message_id: bytes) -> bytes:
        """Return the content key that `wrap` wrapped.

        Parameters
        ----------
        wrapped : bytes
            48 bytes.
        info : bytes
            What the wrapped key was bound to.
        message_id : bytes
            The 16 bytes of the message.

        Returns
        -------
        bytes
            The content key, 32 bytes.

        Raises
        ------
        CannotOpen
            When it was wrapped under another key, header or message.
        """
        try:
            return self._cipher(info, message_id).decrypt(bytes(12), wrapped, None)
        except InvalidTag:
            raise cannot_open() from None

    def _cipher(self, info: bytes, message_id: bytes) -> AESGCM:
        return AESGCM(HKDF(hashes.SHA256(), 32, salt=message_id, info=info).derive(self._secret))

    def to_dict(self) -> dict[str, Any]:
        """Return what may be shown of the key, as JSON values.

        Returns
        -------
        dict of str to object
            Kind, key id, suite and validity; never the secret.
        """
        return {
            "kind": "shared",
            "key_id": self.key_id.hex(),
            "suite": "shared-key",
            "not_before": self.validity.not_before,
            "not_after": self.validity.not_after,
            "revoked": self.validity.revoked,
        }

    def save(self, path: PathLike, password: bytes | None = None, *, overwrite: bool = False) -> None:
        """Write the key file, mode 0600.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        password : bytes, optional
            Encrypts the secrets (scrypt, RFC 7914, and AES-256-GCM, NIST SP 800-38D). Without one they are stored as
            they are.
        overwrite : bool
            Whether an existing file is replaced.

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

        Parameters
        ----------
        path : str or os.PathLike
            The file, as `save` writes it.
        password : bytes, optional
            The password of a protected file.

        Returns
        -------
        SharedKey

        Raises
        ------
        KeyFileError
            When that is not possible, or not safe because others may open the file. The message says what to do.
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
