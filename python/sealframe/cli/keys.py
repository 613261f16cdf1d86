"""Key files on the command line: which kind a file is, by its own word."""

from __future__ import annotations

from sealframe.keys import DevicePublic, ServerKey, ServerPublic, SharedKey
from sealframe.keys.device import DEVICE_LABEL
from sealframe.keys.key_file import load_public
from sealframe.keys.shared import SHARED_LABEL


def kind_of(path: str) -> str:
    """The label of a key file's record. Raises KeyFileError."""
    return load_public(path).label


def load_recipient(path: str) -> ServerPublic | SharedKey:
    """What to seal to: a server's public key, or a shared key. Raises KeyFileError."""
    return SharedKey.load(path) if kind_of(path) == SHARED_LABEL else ServerPublic.load(path)


def load_opening_key(path: str, password: bytes | None) -> ServerKey | SharedKey:
    """What to open with: a server's private key, or a shared key. Raises KeyFileError."""
    return SharedKey.load(path, password) if kind_of(path) == SHARED_LABEL else ServerKey.load(path, password)


def load_facts(path: str, password: bytes | None) -> dict[str, object]:
    """The public facts of any key file. Raises KeyFileError."""
    kind = kind_of(path)
    if kind == SHARED_LABEL:
        return SharedKey.load(path, password).facts()
    return DevicePublic.load(path).facts() if kind == DEVICE_LABEL else ServerPublic.load(path).facts()
