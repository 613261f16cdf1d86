"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Bytes: TypeAlias = bytes | bytearray | memoryview

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links (FAT, some network mounts) answer to link()."""


def reason_of(error: OSError) -> str:
    """What the system, or this module, said, as the end of a sentence."""
    return f"{error.strerror}." if error.strerror else str(error)


def require_place(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise the OSError of `write_whole_file` that is known before the work: no folder, or something in the way."""
    target = Path(path)
    if target.is_symlink():
        raise OSError(f"{target} is a symbolic link; name the real file.")
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; name a file in it.")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already; choose another name or allow overwriting (--force).")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent} is no folder; make it first, or name another.")


def write_whole_file(
    path: str | os.PathLike[str], content: Bytes, *, mode: int = 0o600, overwrite: bool = False
) -> None:
    """Write `content` so that `path` holds all of it or is left as it was, also after a crash or Ctrl-C (A50, A51).

    A temporary file beside `path` is filled, synced and put in place in one step. Never follows a symbolic link.
    Raises FileExistsError unless `overwrite`, and any other OSError of the file system.
    """
    with staged_file(path, content, mode=mode, overwrite=overwrite):
        pass


@contextmanager
def staged_file(
    path: str | os.PathLike[str], content: Bytes, *, mode: int = 0o600, overwrite: bool = False
) -> Iterator[None]:
    """As `write_whole_file`, but put in place only when the block ends well: what can fail comes before what counts."""
    target = Path(path)
    require_place(target, overwrite=overwrite)
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target.parent)) from None
        try:
            _write_all(descriptor, memoryview(content).cast("B"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield
        if overwrite:
            temporary.replace(target)
        else:
            _put_in_place_if_free(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _write_all(descriptor: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _put_in_place_if_free(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise FileExistsError(f"{target} exists already; choose another name or allow overwriting (--force).") from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        temporary.rename(target)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
