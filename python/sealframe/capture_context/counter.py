"""Capture counters: numbers that may skip but never repeat, not even after a crash or a fork."""

from __future__ import annotations

import fcntl
import os
import re
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sealframe.errors import KeyFileError, PolicyError
from sealframe.files import reason_of, write_whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST_COUNTER = 2**64 - 1
_DEFAULT_BLOCK = 256
_FORM = re.compile(rb"sealframe-counter 1\nnext (0|[1-9][0-9]{0,19})\n")
_MAX_FILE_BYTES = 64


class Counter(Protocol):
    """Anything that hands out each number at most once."""

    def next(self) -> int:
        """The next capture number, larger than all before."""


class MemoryCounter:
    """A counter that forgets when the process ends: for tests and for devices that keep their own state."""

    def __init__(self, start: int = 0) -> None:
        self._next = start
        self._lock = threading.Lock()

    def next(self) -> int:
        """The next capture number; PolicyError when all 2^64 are used up."""
        with self._lock:
            value = _require_unused(self._next)
            self._next += 1
            return value


class CounterFile:
    """A counter whose state outlives the process (A41, A43).

    Numbers are reserved in blocks: the file names the first number that nobody holds, and it is on the disk
    before any number of the block is used. After a crash the rest of the block is skipped. Threads, processes
    and forked children may share one file.

    The file at `path` is made on first use, with mode 0600; `block` numbers are reserved at once.

    `next` raises KeyFileError when the file is damaged, open to others, or cannot be written, and PolicyError
    when all 2^64 numbers are used up.
    """

    def __init__(self, path: str | os.PathLike[str], block: int = _DEFAULT_BLOCK) -> None:
        if block < 1:
            raise ValueError("a block holds at least one number")
        self._path = Path(path)
        self._block = block
        self._lock = threading.Lock()
        self._next = self._end = 0
        _open_counters.add(self)

    def next(self) -> int:
        """The next capture number."""
        with self._lock:
            if self._next == self._end:
                self._next, self._end = self._reserve()
            value = self._next
            self._next += 1
            return value

    def advance_past(self, counter: int) -> None:
        """Skip to the number after `counter`, for a device restored from a backup. Never goes back."""
        if not 0 <= counter <= LAST_COUNTER:
            raise ValueError(f"a counter lies between 0 and {LAST_COUNTER}")
        with self._lock:
            try:
                with self._locked_file() as first_free:
                    self._store(max(first_free, counter + 1))
            except OSError as error:
                raise self._unusable(error) from error
            self._next = self._end = 0

    def _reserve(self) -> tuple[int, int]:
        try:
            with self._locked_file() as first_free:
                start = _require_unused(first_free)
                end = min(start + self._block, LAST_COUNTER + 1)
                self._store(end)
                return start, end
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def _locked_file(self) -> Iterator[int]:
        """Hold the file alone, and give the number it names."""
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if self._is_current(descriptor):
                    yield self._read(descriptor)
                    return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        """Whether the locked file still has the name; another process may have renamed a new one over it."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def _read(self, descriptor: int) -> int:
        if os.fstat(descriptor).st_mode & 0o077:
            raise KeyFileError(f"{self._path} is open to others; make it private: chmod 600 {self._path}")
        content = os.pread(descriptor, _MAX_FILE_BYTES, 0)
        if not content:
            return 0
        match = _FORM.fullmatch(content)
        if match is None or int(match.group(1)) > LAST_COUNTER + 1:
            raise KeyFileError(f"{self._path} is not a counter file; start a new one beyond every number used.")
        return int(match.group(1))

    def _store(self, first_free: int) -> None:
        write_whole_file(self._path, b"sealframe-counter 1\nnext %d\n" % first_free, overwrite=True)

    def _forget_reservation(self) -> None:
        self._lock = threading.Lock()
        self._next = self._end = 0

    def _unusable(self, error: OSError) -> KeyFileError:
        return KeyFileError(f"The counter file {self._path} cannot be used: {reason_of(error)}")


_open_counters: weakref.WeakSet[CounterFile] = weakref.WeakSet()


def _forget_all_reservations() -> None:
    """In a forked child: the parent keeps the reserved numbers, the child starts with none."""
    for counter in list(_open_counters):
        counter._forget_reservation()


os.register_at_fork(after_in_child=_forget_all_reservations)


def _require_unused(value: int) -> int:
    if value > LAST_COUNTER:
        raise PolicyError("The device has used up its counter; give it a new key and a new counter file.")
    return value
