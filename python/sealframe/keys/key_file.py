"""Key files: PEM blocks in a fixed order, private ones readable by their owner alone.

A public file is one block, a record: canonical JSON of public facts. A private file is the same record followed
by its secret blocks, PKCS8 where a standard form exists. With a password the secret blocks are encrypted
together with AES-256-GCM under scrypt(password), and the record is authenticated along.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sealframe.errors import KeyFileError
from sealframe.files import is_open_to_others, reason_of, write_whole_file

_MAX_FILE_BYTES = 65536
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----\n([0-9A-Za-z+/=\n]+)-----END \1-----\n")
_ENCRYPTED_LABEL = "SEALFRAME ENCRYPTED KEYS"
_SALT_BYTES = 16
_LINE = 64
_PRIVATE, _PUBLIC = 0o600, 0o644
_KINDS = {
    "SEALFRAME DEVICE": "a device key",
    "SEALFRAME SERVER": "a server key",
    "SEALFRAME SHARED": "a shared key",
    "SEALFRAME ANSWER": "the key of an answer",
    "SEALFRAME VAULT": "a vault key",
}

PathLike = str | os.PathLike[str]


class Block(NamedTuple):
    """One PEM block: its label and the bytes it holds."""

    label: str
    content: bytes

    def __repr__(self) -> str:
        return f"<Block {self.label}>"

    def pem(self) -> str:
        """The block as text, base64 in lines of 64."""
        text = base64.b64encode(self.content).decode("ascii")
        lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
        return "\n".join([f"-----BEGIN {self.label}-----", *lines, f"-----END {self.label}-----", ""])


def record_block(label: str, record: dict[str, Any]) -> Block:
    """A record in its one spelling: JSON, keys sorted, no spaces, ASCII."""
    return Block(label, json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii"))


def read_record(block: Block, label: str, source: PathLike = "The key file") -> dict[str, Any]:
    """The record in a block; KeyFileError, about `source`, unless it has this label and the canonical spelling."""
    if block.label != label:
        raise KeyFileError(f"{source} is {kind_in_words(block.label)}; give the file of {kind_in_words(label)}.")
    try:
        record = json.loads(block.content)
        canonical = isinstance(record, dict) and record_block(label, record) == block
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        raise KeyFileError(f"{source} holds a damaged record; use a fresh copy of the file.")
    return dict(record)


def kind_in_words(label: str) -> str:
    """What the record with this label is, in words: "a device key"."""
    return _KINDS.get(label, "another kind of file")


def save_public(path: PathLike, record: Block, *, overwrite: bool) -> None:
    """Write a record, readable by everybody."""
    _write(path, record.pem(), _PUBLIC, overwrite)


def load_public(path: PathLike) -> Block:
    """The record of a public file, or of a private one (whose secrets are not touched)."""
    return _parse(_read(path)[0], path)[0]


def record_in_text(text: str) -> Block:
    """The one record in a text, as a public file holds it; KeyFileError for anything more or less."""
    blocks = _parse(text.replace("\r\n", "\n"), "The text")
    if len(blocks) != 1:
        raise KeyFileError("The text must hold one public record; give the .pub file, and never send a private key.")
    return blocks[0]


def save_private(
    path: PathLike, record: Block, secret_blocks: list[Block], password: bytes | None, *, overwrite: bool
) -> None:
    """Write a record and its secrets, mode 0600, encrypted when there is a password."""
    if password is not None:
        secret_blocks = [_encrypt(record, secret_blocks, password)]
    _write(path, "".join(block.pem() for block in (record, *secret_blocks)), _PRIVATE, overwrite)


def load_private(path: PathLike, password: bytes | None) -> tuple[Block, list[Block]]:
    """The record and the secret blocks of a private file.

    Raises KeyFileError when others may read or write the file, or the password does not fit.
    """
    record, secret_blocks, encrypted = _read_private(path)
    if encrypted and password is None:
        raise KeyFileError(f"The key file {path} is protected by a password; give the password (--password-file).")
    if not encrypted and password is not None:
        raise KeyFileError(f"The key file {path} is not protected by a password; leave the password out.")
    return record, _decrypt(path, record, secret_blocks, password) if password is not None else secret_blocks


def is_protected(path: PathLike) -> bool:
    """Whether a private file needs a password. Raises KeyFileError for what no password would help."""
    return _read_private(path)[2]


def _read_private(path: PathLike) -> tuple[Block, list[Block], bool]:
    """Record, secret blocks, and whether these are encrypted."""
    text, open_to_others = _read(path)
    record, *secret_blocks = _parse(text, path)
    if not secret_blocks:
        raise KeyFileError(f"{path} holds only a public key; give the private key file (.key).")
    if open_to_others:
        raise KeyFileError(f"The key file {path} can be read by other users; make the file private: chmod 600 {path}")
    return record, secret_blocks, secret_blocks[0].label == _ENCRYPTED_LABEL


def _read(path: PathLike) -> tuple[str, bool]:
    """The text of a file, and whether others may do anything with it."""
    try:
        with Path(path).open("rb") as file:
            open_to_others = is_open_to_others(file.fileno())
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"The key file {path} cannot be read: {error.strerror}.") from error
    return content.replace(b"\r\n", b"\n").decode("latin-1"), open_to_others


def _write(path: PathLike, text: str, mode: int, overwrite: bool) -> None:
    try:
        write_whole_file(path, text.encode("ascii"), mode=mode, overwrite=overwrite)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists already; choose another name, or allow overwriting.") from error
    except OSError as error:
        raise KeyFileError(f"The key file {path} cannot be written: {reason_of(error)}") from error


def _parse(text: str, source: PathLike) -> list[Block]:
    """The blocks of a text; KeyFileError, about `source`, unless it is their one spelling, to the byte."""
    if len(text) > _MAX_FILE_BYTES:
        raise KeyFileError(f"{source} is too large for a sealframe key file; give another file.")
    try:
        blocks = [Block(label, base64.b64decode(lines)) for label, lines in _BLOCK.findall(text)]
    except ValueError:
        blocks = []
    if not blocks or text != "".join(block.pem() for block in blocks):
        raise KeyFileError(f"{source} is not a sealframe key file, or is damaged; give another file.")
    return blocks


def _encrypt(record: Block, secret_blocks: list[Block], password: bytes) -> Block:
    salt = secrets.token_bytes(_SALT_BYTES)
    plaintext = "".join(block.pem() for block in secret_blocks).encode("ascii")
    sealed = AESGCM(_password_key(password, salt)).encrypt(bytes(12), plaintext, record.content)
    return Block(_ENCRYPTED_LABEL, salt + sealed)


def _decrypt(path: PathLike, record: Block, blocks: list[Block], password: bytes) -> list[Block]:
    if len(blocks) != 1:
        raise KeyFileError(
            f"The key file {path} has extra blocks after its encrypted keys; use a fresh copy of the file."
        )
    salt, sealed = blocks[0].content[:_SALT_BYTES], blocks[0].content[_SALT_BYTES:]
    try:
        plaintext = AESGCM(_password_key(password, salt)).decrypt(bytes(12), sealed, record.content)
    except (InvalidTag, ValueError) as error:
        raise KeyFileError(
            f"The password is wrong, or the key file {path} was altered; try the password again."
        ) from error
    return _parse(plaintext.decode("latin-1"), path)


def _password_key(password: bytes, salt: bytes) -> bytes:
    """Stretch by scrypt with 32 MiB and three passes; the salt is fresh for each file, so a zero nonce is used once."""
    if not isinstance(password, bytes) or not password:
        raise ValueError("a password must be non-empty bytes")
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=3).derive(password)
