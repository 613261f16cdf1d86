"""Files that are written whole or not at all, locked, private, and on the disk.

What a system lacks (file locks on Windows, `fdatasync` on macOS) is decided here and nowhere else.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sealframe.errors import StoreUnavailable

if TYPE_CHECKING:
    from types import ModuleType

_locks: ModuleType | None
try:
    import fcntl as _locks
except ImportError:
    _locks = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Buffer: TypeAlias = bytes | bytearray | memoryview

NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
"""The flag of `os.open` that refuses a symbolic link."""
_OPEN_TO_OTHERS = 0o077

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links (FAT, some network mounts) answer to link()."""


def reason_of(error: OSError) -> str:
    """What the system, or this module, said, as the end of a sentence."""
    return f"{error.strerror}." if error.strerror else str(error)


def require_place(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise the OSError of `write_whole_file` that is known before the work: no folder, or something in the way."""
    target = Path(path)
    if target.is_symlink():
        raise OSError(f"{target} is a symbolic link; give the path of the real file.")
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; give the path of a file.")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already; choose another name, or allow overwriting (--force).")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent} is not a folder; create the folder first, or choose another.")


def write_whole_file(
    path: str | os.PathLike[str], content: Buffer, *, mode: int = 0o600, overwrite: bool = False
) -> None:
    """Write `content` so that `path` holds all of it or is left as it was, also after a crash or Ctrl-C.

    A temporary file beside `path` is filled, synced and put in place in one step. Never follows a symbolic link.
    Raises FileExistsError unless `overwrite`, and any other OSError of the file system.
    """
    with staged_file(path, content, mode=mode, overwrite=overwrite):
        pass


@contextmanager
def staged_file(
    path: str | os.PathLike[str], content: Buffer, *, mode: int = 0o600, overwrite: bool = False
) -> Iterator[None]:
    """As `write_whole_file`, but put in place only when the block ends well: what can fail comes before what counts."""
    target = Path(path)
    require_place(target, overwrite=overwrite)
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.part")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target.parent)) from None
        try:
            _write_all(descriptor, memoryview(content).cast("B"))
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        yield
        if overwrite:
            temporary.replace(target)
        else:
            _put_in_place_if_free(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)


def _write_all(descriptor: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _put_in_place_if_free(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise FileExistsError(
            f"{target} exists already; choose another name, or allow overwriting (--force)."
        ) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        temporary.rename(target)


def lock_file(descriptor: int, *, wait: bool = True) -> None:
    """Hold an open file alone until it is closed.

    Raises BlockingIOError when another holds it and `wait` is false, StoreUnavailable on a system without file locks.
    """
    locks = require_file_locks("This file")
    locks.flock(descriptor, locks.LOCK_EX if wait else locks.LOCK_EX | locks.LOCK_NB)


def require_file_locks(what: str) -> ModuleType:
    """The system's file locks. Raises StoreUnavailable, of which `what` is the subject, where there are none."""
    if _locks is None:
        raise StoreUnavailable(f"{what} needs file locks (fcntl), which this system lacks; use Linux or macOS.")
    return _locks


def sync_file(descriptor: int) -> None:
    """Wait until a file is on the disk: on macOS, where `fsync` stops at the drive's cache, by F_FULLFSYNC."""
    if _locks is not None and hasattr(_locks, "F_FULLFSYNC"):
        with suppress(OSError):  # network file systems do not know it
            _locks.fcntl(descriptor, _locks.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """As `sync_file`; times and other facts about the file may come later."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        sync_file(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where a folder can be opened for that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_open_to_others(descriptor: int) -> bool:
    """Whether other users may do anything with a file; never where modes do not say so (Windows)."""
    return hasattr(os, "getuid") and bool(os.fstat(descriptor).st_mode & _OPEN_TO_OTHERS)


def run_in_forked_children(step: Callable[[], object]) -> None:
    """Run `step` first in every child that this process forks, where processes fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=step)
