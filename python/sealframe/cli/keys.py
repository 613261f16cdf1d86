"""Key files on the command line: which kind a file is, by its own word, and the passwords that open them."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from sealframe.cli import printable
from sealframe.cli.streams import ask_password, password_of
from sealframe.errors import KeyFileError
from sealframe.keys import DevicePublic, ServerKey, ServerPublic, SharedKey
from sealframe.keys.device import DEVICE_LABEL
from sealframe.keys.key_file import PathLike, is_protected, load_public
from sealframe.keys.shared import SHARED_LABEL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_Key = TypeVar("_Key")


class Passwords:
    """The passwords of one command: each is tried on every protected key file, and what they do not open is asked for.

    They stay with the arguments, by which a folder's worker processes get them.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Begins with --password-file. Raises KeyFileError for an empty one."""
        self._known: list[bytes] = vars(arguments).setdefault("passwords", [])
        given = password_of(arguments)
        if given is not None and given not in self._known:
            self._known.append(given)

    def load(self, load: Callable[[PathLike, bytes | None], _Key], path: PathLike) -> _Key:
        """A key from its file. Raises KeyFileError, for a missing password where nobody can be asked."""
        if not is_protected(path):
            return load(path, None)
        for password in self._known:
            with suppress(KeyFileError):
                return load(path, password)
        if not sys.stdin.isatty():
            return load(path, self._known[-1] if self._known else None)
        typed = ask_password(f"Password of {printable(str(path))}: ")
        key = load(path, typed)
        self._known.append(typed)
        return key


def kind_of(path: str) -> str:
    """The label of a key file's record. Raises KeyFileError."""
    return load_public(path).label


def load_recipient(path: str, passwords: Passwords) -> ServerPublic | SharedKey:
    """What to seal to: a server's public key, or a shared key. Raises KeyFileError."""
    return passwords.load(SharedKey.load, path) if kind_of(path) == SHARED_LABEL else ServerPublic.load(path)


def load_opening_key(path: str, passwords: Passwords) -> ServerKey | SharedKey:
    """What to open with: a server's private key, or a shared key. Raises KeyFileError."""
    if kind_of(path) == SHARED_LABEL:
        return passwords.load(SharedKey.load, path)
    return passwords.load(ServerKey.load, path)


def load_facts(path: str, passwords: Passwords) -> dict[str, object]:
    """The public facts of any key file. Raises KeyFileError."""
    kind = kind_of(path)
    if kind == SHARED_LABEL:
        return passwords.load(SharedKey.load, path).to_dict()
    return DevicePublic.load(path).to_dict() if kind == DEVICE_LABEL else ServerPublic.load(path).to_dict()
