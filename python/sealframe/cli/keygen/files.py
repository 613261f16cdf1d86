"""The key files of one owner, and the options that every owner has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.capture_context import CounterFile
from sealframe.cli.options import add_new_password_file
from sealframe.cli.passwords import new_password
from sealframe.errors import KeyFileError
from sealframe.keys import SIGN_NAMES, DeviceKey, SharedKey

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Mapping

    from sealframe.keys import ServerKey

PRIVATE = "private; keep it here, mode 0600"


def add_sign(parser: ArgumentParser) -> None:
    """--sign, for keys that sign."""
    parser.add_argument(
        "--sign", choices=tuple(SIGN_NAMES), default="ed25519", help="sign with this algorithm (default: %(default)s)"
    )


def add_files(parser: ArgumentParser) -> None:
    """Where the files go, and what protects the private one."""
    parser.add_argument("--out", metavar="NAME", required=True, help="the path of the new files without an ending")
    parser.add_argument("--password", action="store_true", help="ask for a password and encrypt NAME.key with it")
    add_new_password_file(parser, "NAME.key")


def write_key_files(
    options: Namespace, generate: Callable[[], DeviceKey | ServerKey | SharedKey], files: Mapping[str, str]
) -> int:
    """Make a key and write its files.

    Parameters
    ----------
    options
        What `add_files` added.
    generate
        Makes the key.
    files
        The files' endings, each with what the file is for: private key, public key, counter.

    Returns
    -------
    int
        The exit status 0.

    Raises
    ------
    KeyFileError
        When a file is there already, or no password was typed; then no file is left.

    """
    paths = [Path(f"{options.out}{ending}") for ending in files]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise KeyFileError(f"{path} exists already and keys are never overwritten; choose another --out.")
    key = generate()
    password = new_password(options.password_file, ask=options.password)
    try:
        key.save(paths[0], password)
        if not isinstance(key, SharedKey):
            key.public.save(paths[1])
        if isinstance(key, DeviceKey):
            CounterFile(paths[2]).next()
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    for path, meaning in zip(paths, files.values(), strict=True):
        print(f"{path}  {meaning}")
    return 0
