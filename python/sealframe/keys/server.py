"""Server keys: a recipient key to open envelopes and a signing key for answers, pinned together by the devices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sealframe.errors import KeyFileError
from sealframe.keys.key_file import (
    Block,
    PathLike,
    load_private,
    load_public,
    read_record,
    record_block,
    record_in_text,
    save_private,
    save_public,
)
from sealframe.keys.recipient import RecipientKey, RecipientPublic, Suite, block_count, suite_name
from sealframe.keys.secrecy import Unpicklable, key_id_of
from sealframe.keys.signing import SigningKey, VerifyingKey, sign_name
from sealframe.keys.validity import ALWAYS, Validity

SERVER_LABEL = "SEALFRAME SERVER"


@dataclass(frozen=True)
class ServerPublic:
    """A server as its devices know it: the key to seal to, and the key that signs its answers.

    Parameters
    ----------
    suite : int
        `Suite.X_WING` (1) or `Suite.X25519` (2).
    recipient_key : bytes
        The raw public key that envelopes are sealed to.
    sign_version : int
        Number of the signature algorithm of answers, a `SignVersion`; `SIGN_NAMES` has the names.
    signing_key : bytes
        The raw public key of answers.
    validity : Validity
        When the keys are valid; always by default.

    Raises
    ------
    ValueError
        When one of the public keys does not fit its suite or signature version.

    Examples
    --------
    >>> import sealframe as sf
    >>> public = sf.ServerKey.generate().public
    >>> public.save("server.pub")
    >>> sf.ServerPublic.load("server.pub") == public
    True
    """

    suite: int
    recipient_key: bytes
    sign_version: int
    signing_key: bytes
    validity: Validity = ALWAYS

    def __post_init__(self) -> None:
        self._recipient, self._verifying_key  # noqa: B018  (built now, so that a bad key is refused now)

    @cached_property
    def key_id(self) -> bytes:
        """The 16 bytes that name the recipient key in an envelope."""
        return self._recipient.key_id

    @cached_property
    def signing_key_id(self) -> bytes:
        """The 16 bytes that name the key of its answers."""
        return key_id_of(self.sign_version, self.signing_key)

    @cached_property
    def _recipient(self) -> RecipientPublic:
        return RecipientPublic(self.suite, self.recipient_key)

    @cached_property
    def _verifying_key(self) -> VerifyingKey:
        return VerifyingKey(self.sign_version, self.signing_key)

    def wrap(self, content_key: bytes, info: bytes) -> bytes:
        """Wrap a content key to this server with HPKE (RFC 9180).

        Parameters
        ----------
        content_key : bytes
            32 bytes.
        info : bytes
            What the wrapped key is bound to.

        Returns
        -------
        bytes
            The encapsulation, 1120 bytes (X-Wing) or 32 (X25519), then the wrapped key, 48 bytes.
        """
        return self._recipient.wrap(content_key, info)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Require that this server signed a digest.

        Parameters
        ----------
        signature : bytes
            As `ServerKey.sign` returns it.
        digest : bytes
            What was signed, 32 bytes.

        Raises
        ------
        BadSignature
            When the signature does not verify.
        """
        self._verifying_key.verify(signature, digest)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values.

        Returns
        -------
        dict of str to object
            Kind, key id, suite, signature and validity.
        """
        return {
            "kind": "server",
            "key_id": self.key_id.hex(),
            "suite": suite_name(self.suite),
            "sign": sign_name(self.sign_version),
            "not_before": self.validity.not_before,
            "not_after": self.validity.not_after,
            "revoked": self.validity.revoked,
        }

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the record to a file, mode 0644.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        overwrite : bool
            Whether an existing file is replaced.

        Raises
        ------
        KeyFileError
            When the file exists and `overwrite` is false, or it cannot be written.
        """
        save_public(path, self._record(), overwrite=overwrite)

    @classmethod
    def load(cls, path: PathLike) -> ServerPublic:
        """Read the record from a public or private file.

        Parameters
        ----------
        path : str or os.PathLike
            The file; secrets in it are not touched.

        Returns
        -------
        ServerPublic

        Raises
        ------
        KeyFileError
            When the file cannot be read, or holds no server record.
        """
        return cls._from_record(load_public(path), path)

    def to_text(self) -> str:
        """Return the record as text.

        Returns
        -------
        str
            The PEM block (RFC 7468), exactly as `save` writes it.
        """
        return self._record().pem()

    @classmethod
    def from_text(cls, text: str) -> ServerPublic:
        """Read what `to_text` wrote.

        Parameters
        ----------
        text : str
            One PEM block.

        Returns
        -------
        ServerPublic

        Raises
        ------
        KeyFileError
            For anything that is not exactly one record of this kind.
        """
        return cls._from_record(record_in_text(text), "The text")

    def _record(self) -> Block:
        return record_block(
            SERVER_LABEL,
            {
                "not_after": self.validity.not_after,
                "not_before": self.validity.not_before,
                "recipient_key": self.recipient_key.hex(),
                "revoked": self.validity.revoked,
                "sign_version": int(self.sign_version),
                "signing_key": self.signing_key.hex(),
                "suite": int(self.suite),
            },
        )

    @classmethod
    def _from_record(cls, block: Block, source: PathLike) -> ServerPublic:
        record = read_record(block, SERVER_LABEL, source)
        try:
            server = cls(
                record["suite"],
                bytes.fromhex(record["recipient_key"]),
                record["sign_version"],
                bytes.fromhex(record["signing_key"]),
                Validity(record["not_before"], record["not_after"], record["revoked"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise KeyFileError(
                f"{source} is a server key with an invalid record; use a fresh copy of the file."
            ) from error
        if server._record() != block:
            raise KeyFileError(f"{source} is a server key whose record is not canonical; use a fresh copy of the file.")
        return server


class ServerKey(Unpicklable):
    """The private keys of a server: `generate` makes them, `load` reads them from their file.

    Parameters
    ----------
    recipient : RecipientKey
        Opens envelopes.
    signing_key : SigningKey
        Signs answers.
    validity : Validity
        When the keys are valid; always by default.

    Attributes
    ----------
    public : ServerPublic
        What devices pin.
    key_id : bytes
        The 16 bytes that name the recipient key in an envelope.
    suite : int
        How content keys reach this server, a `Suite`.

    Examples
    --------
    >>> import sealframe as sf
    >>> server = sf.ServerKey.generate()
    >>> server.public.to_dict()["suite"]
    'x-wing'
    >>> server.save("server.key")
    >>> sf.ServerKey.load("server.key").public == server.public
    True
    """

    def __init__(self, recipient: RecipientKey, signing_key: SigningKey, validity: Validity = ALWAYS) -> None:
        self._recipient = recipient
        self._signing_key = signing_key
        self.public = ServerPublic(
            recipient.public.suite,
            recipient.public.raw,
            signing_key.sign_version,
            signing_key.raw_public,
            validity,
        )
        self.key_id = self.public.key_id
        self.suite = self.public.suite

    @classmethod
    def generate(cls, suite: int = Suite.X_WING, sign: str = "ed25519", validity: Validity = ALWAYS) -> ServerKey:
        """Make new keys.

        Parameters
        ----------
        suite : int
            `Suite.X_WING` or `Suite.X25519`.
        sign : str
            Name of the signature algorithm of answers, one of `SIGN_NAMES`.
        validity : Validity
            When the keys are valid; always by default.

        Returns
        -------
        ServerKey

        Raises
        ------
        ValueError
            When the suite has no key pair or the signature is unknown.
        """
        return cls(RecipientKey.generate(suite), SigningKey.generate(sign), validity)

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """Return the content key that `ServerPublic.wrap` wrapped.

        Parameters
        ----------
        wrapped : bytes
            Encapsulation and wrapped key.
        info : bytes
            What the wrapped key was bound to.

        Returns
        -------
        bytes
            The content key, 32 bytes.

        Raises
        ------
        CannotOpen
            When it was wrapped to another key or under another header.
        """
        return self._recipient.unwrap(wrapped, info)

    def sign(self, digest: bytes) -> bytes:
        """Sign a digest with the key for answers.

        Parameters
        ----------
        digest : bytes
            32 bytes.

        Returns
        -------
        bytes
            The signature; its length depends on the algorithm.
        """
        return self._signing_key.sign(digest)

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
        blocks = self._recipient.blocks() + self._signing_key.blocks()
        save_private(path, self.public._record(), blocks, password, overwrite=overwrite)

    @classmethod
    def load(cls, path: PathLike, password: bytes | None = None) -> ServerKey:
        """Read a key file.

        Parameters
        ----------
        path : str or os.PathLike
            The file, as `save` writes it.
        password : bytes, optional
            The password of a protected file.

        Returns
        -------
        ServerKey

        Raises
        ------
        KeyFileError
            When that is not possible, or not safe because others may open the file. The message says what to do.
        """
        record, blocks = load_private(path, password)
        public = ServerPublic._from_record(record, path)
        split = block_count(public.suite)
        recipient = RecipientKey.from_blocks(public.suite, blocks[:split])
        signing_key = SigningKey.from_blocks(public.sign_version, blocks[split:])
        if (recipient.public.raw, signing_key.raw_public) != (public.recipient_key, public.signing_key):
            raise KeyFileError(f"The private keys in {path} do not belong to its record; use a fresh copy of the file.")
        return cls(recipient, signing_key, public.validity)
