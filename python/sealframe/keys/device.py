"""Device keys: what a terminal signs its envelopes with, and the record that a server registers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sealframe.capture_context.context import escape_device_info
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
from sealframe.keys.secrecy import Unpicklable, key_id_of
from sealframe.keys.signing import SigningKey, VerifyingKey, sign_name
from sealframe.keys.validity import ALWAYS, Validity

DEVICE_LABEL = "SEALFRAME DEVICE"


@dataclass(frozen=True)
class DevicePublic:
    """A device as its server knows it: name, public key, and when the key is valid.

    Parameters
    ----------
    device_info : str
        The device's name or serial number, 1 to 96 bytes of UTF-8.
    sign_version : int
        Number of the signature algorithm, a `SignVersion`; `SIGN_NAMES` has the names.
    key : bytes
        The raw public key.
    validity : Validity
        When the key is valid; always by default.

    Raises
    ------
    ValueError
        When `key` is no public key of this signature version, or `device_info` is out of range.

    Examples
    --------
    >>> import sealframe as sf
    >>> public = sf.DeviceKey.generate("POS-0001").public
    >>> sf.DevicePublic.from_text(public.to_text()) == public
    True
    """

    device_info: str
    sign_version: int
    key: bytes
    validity: Validity = ALWAYS

    def __post_init__(self) -> None:
        escape_device_info(self.device_info)
        self._verifying_key  # noqa: B018  (built now, so that a bad key is refused now)

    @cached_property
    def key_id(self) -> bytes:
        """The 16 bytes that name this key in an envelope."""
        return key_id_of(self.sign_version, self.key)

    @cached_property
    def _verifying_key(self) -> VerifyingKey:
        return VerifyingKey(self.sign_version, self.key)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Require that this device signed a digest.

        Parameters
        ----------
        signature : bytes
            As `DeviceKey.sign` returns it.
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
            Kind, key id, signature and validity; `device_info` is escaped, so it is safe in a log line.
        """
        return {
            "kind": "device",
            "key_id": self.key_id.hex(),
            "device_info": escape_device_info(self.device_info),
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
    def load(cls, path: PathLike) -> DevicePublic:
        """Read the record from a public or private file.

        Parameters
        ----------
        path : str or os.PathLike
            The file; secrets in it are not touched.

        Returns
        -------
        DevicePublic

        Raises
        ------
        KeyFileError
            When the file cannot be read, or holds no device record.
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
    def from_text(cls, text: str) -> DevicePublic:
        """Read what `to_text` wrote.

        Parameters
        ----------
        text : str
            One PEM block.

        Returns
        -------
        DevicePublic

        Raises
        ------
        KeyFileError
            For anything that is not exactly one record of this kind.
        """
        return cls._from_record(record_in_text(text), "The text")

    def _record(self) -> Block:
        return record_block(
            DEVICE_LABEL,
            {
                "device_info": self.device_info,
                "key": self.key.hex(),
                "not_after": self.validity.not_after,
                "not_before": self.validity.not_before,
                "revoked": self.validity.revoked,
                "sign_version": int(self.sign_version),
            },
        )

    @classmethod
    def _from_record(cls, block: Block, source: PathLike) -> DevicePublic:
        record = read_record(block, DEVICE_LABEL, source)
        try:
            validity = Validity(record["not_before"], record["not_after"], record["revoked"])
            device = cls(record["device_info"], record["sign_version"], bytes.fromhex(record["key"]), validity)
        except (KeyError, TypeError, ValueError) as error:
            raise KeyFileError(
                f"{source} is a device key with an invalid record; use a fresh copy of the file."
            ) from error
        if device._record() != block:
            raise KeyFileError(f"{source} is a device key whose record is not canonical; use a fresh copy of the file.")
        return device


class DeviceKey(Unpicklable):
    """The private key of a device: `generate` makes one, `load` reads one from its file.

    Parameters
    ----------
    signing_key : SigningKey
        The private key of one signature version.
    device_info : str
        The device's name or serial number, 1 to 96 bytes of UTF-8.
    validity : Validity
        When the key is valid; always by default.

    Attributes
    ----------
    public : DevicePublic
        What a server registers.
    key_id : bytes
        The 16 bytes that name this key in an envelope.

    Examples
    --------
    >>> import sealframe as sf
    >>> device = sf.DeviceKey.generate("POS-0001")
    >>> device.save("pos.key")
    >>> sf.DeviceKey.load("pos.key").public == device.public
    True
    """

    def __init__(self, signing_key: SigningKey, device_info: str, validity: Validity = ALWAYS) -> None:
        self._signing_key = signing_key
        self.public = DevicePublic(device_info, signing_key.sign_version, signing_key.raw_public, validity)
        self.key_id = self.public.key_id

    @classmethod
    def generate(cls, device_info: str, sign: str = "ed25519", validity: Validity = ALWAYS) -> DeviceKey:
        """Make a new key.

        Parameters
        ----------
        device_info : str
            The device's name or serial number, 1 to 96 bytes of UTF-8.
        sign : str
            Name of the signature algorithm, one of `SIGN_NAMES`.
        validity : Validity
            When the key is valid; always by default.

        Returns
        -------
        DeviceKey

        Raises
        ------
        ValueError
            When the name or the algorithm is not allowed.
        """
        return cls(SigningKey.generate(sign), device_info, validity)

    def sign(self, digest: bytes) -> bytes:
        """Sign a digest.

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
        blocks = self._signing_key.blocks()
        save_private(path, self.public._record(), blocks, password, overwrite=overwrite)

    @classmethod
    def load(cls, path: PathLike, password: bytes | None = None) -> DeviceKey:
        """Read a key file.

        Parameters
        ----------
        path : str or os.PathLike
            The file, as `save` writes it.
        password : bytes, optional
            The password of a protected file.

        Returns
        -------
        DeviceKey

        Raises
        ------
        KeyFileError
            When that is not possible, or not safe because others may open the file. The message says what to do.
        """
        record, blocks = load_private(path, password)
        public = DevicePublic._from_record(record, path)
        signing_key = SigningKey.from_blocks(public.sign_version, blocks)
        if signing_key.raw_public != public.key:
            raise KeyFileError(
                f"The private key in {path} does not belong to its record; use a fresh copy of the file."
            )
        return cls(signing_key, public.device_info, public.validity)
