"""Files and standard streams in and out."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.errors import ImageError, MalformedEnvelope
from sealframe.files import staged_file
from sealframe.image import MAX_FILE_BYTES, read_picture_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealframe.files import Buffer

MAX_ENVELOPE_BYTES = MAX_FILE_BYTES + (1 << 20)


def read_picture(path: str) -> bytes:
    """A picture file, or standard input for "-". Raises ImageError."""
    if path != "-":
        return read_picture_file(path)
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ImageError("The picture on standard input is larger than 256 MiB; give a smaller picture.")
    return content


def read_envelope(path: str) -> bytes:
    """An envelope file, or standard input for "-". Raises MalformedEnvelope when it is too large, or OSError."""
    if path == "-":
        content = sys.stdin.buffer.read(MAX_ENVELOPE_BYTES + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(MAX_ENVELOPE_BYTES + 1)
    if len(content) > MAX_ENVELOPE_BYTES:
        raise MalformedEnvelope(
            f"{'Standard input' if path == '-' else path} is too large for an envelope; give a .seal file."
        )
    return content


@contextmanager
def staged_output(path: str, content: Buffer, *, force: bool) -> Iterator[None]:
    """A whole file with mode 0600, or standard output for "-", that appears only when the block ends well."""
    if path == "-":
        yield
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        with staged_file(path, content, overwrite=force):
            yield


def write_output(path: str, content: Buffer, *, force: bool) -> None:
    """A whole file with mode 0600, or standard output for "-"."""
    with staged_output(path, content, force=force):
        pass
