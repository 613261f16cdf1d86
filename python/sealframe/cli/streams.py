"""Files and standard streams in and out, and the password of a key file."""

from __future__ import annotations

import getpass
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.errors import ImageError, KeyFileError, MalformedEnvelope
from sealframe.files import staged_file
from sealframe.image import MAX_FILE_BYTES, read_picture_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from sealframe.files import Bytes

MAX_ENVELOPE_BYTES = MAX_FILE_BYTES + (1 << 20)


def read_picture(path: str) -> bytes:
    """A picture file, or standard input for "-". Raises ImageError."""
    if path != "-":
        return read_picture_file(path)
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ImageError("The picture is larger than 256 MiB; give a smaller one.")
    return content


def read_envelope(path: str) -> bytes:
    """An envelope file, or standard input for "-". Raises MalformedEnvelope when it is too large, or OSError."""
    if path == "-":
        content = sys.stdin.buffer.read(MAX_ENVELOPE_BYTES + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(MAX_ENVELOPE_BYTES + 1)
    if len(content) > MAX_ENVELOPE_BYTES:
        raise MalformedEnvelope("The file is larger than any envelope; it is refused.")
    return content


@contextmanager
def staged_output(path: str, content: Bytes, *, force: bool) -> Iterator[None]:
    """A whole file with mode 0600, or standard output for "-", that appears only when the block ends well."""
    if path == "-":
        yield
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        with staged_file(path, content, overwrite=force):
            yield


def write_output(path: str, content: Bytes, *, force: bool) -> None:
    """A whole file with mode 0600, or standard output for "-"."""
    with staged_output(path, content, force=force):
        pass


def say(text: str, *, out: str = "") -> None:
    """A line for the person: on standard error when standard output carries the result itself."""
    print(text, file=sys.stderr if out == "-" else sys.stdout)


def print_json(facts: dict[str, Any]) -> None:
    """Facts as indented JSON on standard output."""
    print(json.dumps(facts, indent=2))


def password_of(arguments: argparse.Namespace) -> bytes | None:
    """The first line of --password-file, if given. Raises KeyFileError for an empty one."""
    if arguments.password_file is None:
        return None
    first_line = Path(arguments.password_file).read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    if not first_line:
        raise KeyFileError("The password file's first line is empty; write the password there.")
    return first_line


def new_password(arguments: argparse.Namespace) -> bytes | None:
    """The password for a new key: from --password-file, asked for twice with --password, or none."""
    if arguments.password_file is not None or not arguments.password:
        return password_of(arguments)
    first = ask_password("New password: ")
    if not first or first != ask_password("Once more: "):
        raise KeyFileError("The passwords are empty or differ; run the command again.")
    return first


def ask_password(prompt: str) -> bytes:
    """What a person types unseen. Raises KeyFileError when nobody does."""
    try:
        return getpass.getpass(prompt).encode()
    except EOFError:
        raise KeyFileError("No password was typed; run the command again.") from None
