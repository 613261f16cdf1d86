"""Key files on the command line: which kind a file is, by its own word, and the passwords that open them."""

from __future__ import annotations

import getpass
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sealframe.cli.printing import printable
from sealframe.errors import KeyFileError
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic, SharedKey
from sealframe.keys.device import DEVICE_LABEL
from sealframe.keys.key_file import is_protected, kind_in_words, load_public
from sealframe.keys.server import SERVER_LABEL
from sealframe.keys.shared import SHARED_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.keys.key_file import PathLike

_Key = TypeVar("_Key")

_DEVICE_PRIVATE = "a device's private key (pos.key)"
_DEVICE_PUBLIC = "a device's public key (pos.pub)"
_SERVER_PUBLIC = "a server's public key (server.pub)"
_RECIPIENT = "a server's public key (server.pub) or a shared key"
_OPENING = "a server's private key (server.key) or a shared key"


class KeyPasswords:
    """The passwords of one command: each is tried on every protected key file, and what they do not open is asked for.

    It is sent to the worker processes of a folder, which so need not ask again.
    """

    def __init__(self, password_file: str | None = None) -> None:
        """Begins with the password in this file. Raises KeyFileError for an empty one."""
        self._known = [] if password_file is None else [password_in(password_file)]

    def load(self, load: Callable[[PathLike, bytes | None], _Key], path: PathLike) -> _Key:
        """A key from its file. Raises KeyFileError, for a missing password where nobody can be asked."""
        if not is_protected(path):
            return load(path, None)
        for password in self._known:
            with suppress(KeyFileError):
                return load(path, password)
        if not sys.stdin.isatty():
            return load(path, self._known[-1] if self._known else None)
        typed = _ask(f"Password of {printable(str(path))}: ")
        key = load(path, typed)
        self._known.append(typed)
        return key

    def load_device(self, path: PathLike) -> DeviceKey:
        """The device's private key that --as names. Raises KeyFileError."""
        _require_kind(path, "--as", _DEVICE_PRIVATE, DEVICE_LABEL)
        return self.load(DeviceKey.load, path)

    def load_recipient(self, path: str) -> ServerPublic | SharedKey:
        """The server's public key, or the shared key, that --to names. Raises KeyFileError."""
        label = _require_kind(path, "--to", _RECIPIENT, SERVER_LABEL, SHARED_LABEL)
        return self.load(SharedKey.load, path) if label == SHARED_LABEL else ServerPublic.load(path)

    def load_opening_key(self, path: str) -> ServerKey | SharedKey:
        """The server's private key, or the shared key, that --key names. Raises KeyFileError."""
        if _require_kind(path, "--key", _OPENING, SERVER_LABEL, SHARED_LABEL) == SHARED_LABEL:
            return self.load(SharedKey.load, path)
        return self.load(ServerKey.load, path)

    def load_facts(self, path: str) -> dict[str, object]:
        """The public facts of any key file. Raises KeyFileError."""
        label = load_public(path).label
        if label == SHARED_LABEL:
            return self.load(SharedKey.load, path).to_dict()
        return DevicePublic.load(path).to_dict() if label == DEVICE_LABEL else ServerPublic.load(path).to_dict()


def load_server(path: str) -> ServerPublic:
    """The server's public key that --to names, for whom no shared key will do. Raises KeyFileError."""
    _require_kind(path, "--to", _SERVER_PUBLIC, SERVER_LABEL)
    return ServerPublic.load(path)


def load_accepted_device(path: str) -> DevicePublic:
    """The device's public key that --from names. Raises KeyFileError."""
    _require_kind(path, "--from", _DEVICE_PUBLIC, DEVICE_LABEL)
    return DevicePublic.load(path)


def password_in(file: str) -> bytes:
    """The first line of a file. Raises KeyFileError for an empty one."""
    first_line = Path(file).read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    if not first_line:
        raise KeyFileError(f"The first line of {file} is empty; write the password on that line.")
    return first_line


def new_password(password_file: str | None, *, ask: bool = False) -> bytes | None:
    """The password of a new key: the first line of a file, or typed twice, or none. Raises KeyFileError."""
    if password_file is not None:
        return password_in(password_file)
    if not ask:
        return None
    first = _ask("New password: ")
    if not first or first != _ask("Repeat the password: "):
        raise KeyFileError("The two passwords are empty or differ; run the command again.")
    return first


def _require_kind(path: PathLike, option: str, needed: str, *labels: str) -> str:
    """The label of a key file. Raises KeyFileError, in the words of the option, unless it is one of `labels`."""
    label = load_public(path).label
    if label not in labels:
        raise KeyFileError(f"{path} is {kind_in_words(label)}; {option} needs {needed}.")
    return label


def _ask(prompt: str) -> bytes:
    """What a person types unseen. Raises KeyFileError when nobody does."""
    try:
        return getpass.getpass(prompt).encode()
    except EOFError:
        raise KeyFileError("No password was typed; run the command again.") from None
