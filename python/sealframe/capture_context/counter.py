"""Capture counters: numbers that may skip but never repeat, not even after a crash or a fork."""

from __future__ import annotations

import os
import re
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sealframe.errors import CounterAnomaly, KeyFileError, LimitExceeded, StoreUnavailable
from sealframe.files import (
    NO_FOLLOW,
    is_open_to_others,
    lock_file,
    reason_of,
    require_file_locks,
    run_in_forked_children,
    write_whole_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST_COUNTER = 2**64 - 1
_DEFAULT_BLOCK = 256
_FORM = re.compile(rb"sealframe-counter 1\nnext (0|[1-9][0-9]{0,19})\n")
_MAX_FILE_BYTES = 64
_START_BEYOND = "start beyond every number used (CounterFile.advance_past)"


class Counter(Protocol):
    """Contract of a capture counter: each number is handed out at most once.

    Examples
    --------
    >>> import sealframe as sf
    >>> class EvenNumbers:
    ...     def __init__(self):
    ...         self.last = -2
    ...
    ...     def next(self):
    ...         self.last += 2
    ...         return self.last
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=EvenNumbers())
    """

    def next(self) -> int:
        """Return the next capture number.

        Returns
        -------
        int
            0 to 2^64 - 1, larger than every number before.
        """


class MemoryCounter:
    """A counter that forgets when the process ends: for tests and for devices that keep their own state.

    Parameters
    ----------
    start : int
        The first number, 0 to 2^64 - 1.

    Examples
    --------
    >>> import sealframe as sf
    >>> counter = sf.MemoryCounter(start=17)
    >>> counter.next(), counter.next()
    (17, 18)
    """

    def __init__(self, start: int = 0) -> None:
        self._next = start
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return the next capture number.

        Returns
        -------
        int
            One more than the number before.

        Raises
        ------
        LimitExceeded
            When all 2^64 numbers are used up.
        """
        with self._lock:
            value = _require_unused(self._next)
            self._next += 1
            return value


class CounterFile:
    """A counter whose state outlives the process.

    The file reserves numbers in blocks: it holds the first number that no process has reserved. The file is on the disk
    before any number of the block is used. After a crash the rest of the block is skipped.

    Threads, processes and forked children may share one file.

    Parameters
    ----------
    path : str or os.PathLike
        The counter's file, mode 0600.
    block : int
        How many numbers are reserved at once, 1 or more.
    create : bool
        Whether a missing file is made on first use, starting at 0. Without, a missing file is a CounterAnomaly.

    Raises
    ------
    ValueError
        When `block` is below 1.
    StoreUnavailable
        On a system without file locks.

    Examples
    --------
    >>> import sealframe as sf
    >>> counter = sf.CounterFile("pos.counter")
    >>> counter.next(), counter.next()
    (0, 1)
    """

    def __init__(self, path: str | os.PathLike[str], block: int = _DEFAULT_BLOCK, *, create: bool = True) -> None:
        if block < 1:
            raise ValueError("block must be 1 or more")
        require_file_locks("A counter file")
        self._path = Path(path)
        self._block = block
        self._create = create
        self._lock = threading.Lock()
        self._next = self._end = 0
        self._reserved = 0
        """What the file named when this object last saw it; it never names less."""
        _open_counters.add(self)

    def next(self) -> int:
        """Return the next capture number.

        Returns
        -------
        int
            Larger than every number that the file has handed out before.

        Raises
        ------
        CounterAnomaly
            When the file is missing or damaged, or names a smaller number than before: another file took its place.
        LimitExceeded
            When all 2^64 numbers are used up.
        KeyFileError
            When other users may open the file.
        StoreUnavailable
            When the file cannot be opened, locked or written.
        """
        with self._lock:
            if self._next == self._end:
                self._next, self._end = self._reserve()
            value = self._next
            self._next += 1
            return value

    def advance_past(self, counter: int) -> None:
        """Skip to the number after `counter`, for a device whose counter file was lost or restored. Never goes back.

        Parameters
        ----------
        counter : int
            The largest number that the device may have used, 0 to 2^64 - 1.

        Raises
        ------
        ValueError
            When `counter` is outside this range.
        CounterAnomaly, KeyFileError, StoreUnavailable
            As for `next`, except that a missing file is made and a restored one is advanced.
        """
        if not 0 <= counter <= LAST_COUNTER:
            raise ValueError(f"a counter must be between 0 and {LAST_COUNTER}")
        with self._lock:
            with self._locked_file(create=True) as first_free:
                self._store(max(first_free, self._reserved, counter + 1))
            self._next = self._end = 0

    def _reserve(self) -> tuple[int, int]:
        with self._locked_file(create=self._create) as first_free:
            if first_free < self._reserved:
                raise self._anomaly(f"names {first_free}, but all numbers below {self._reserved} are given out")
            start = _require_unused(first_free)
            end = min(start + self._block, LAST_COUNTER + 1)
            self._store(end)
            return start, end

    @contextmanager
    def _locked_file(self, *, create: bool) -> Iterator[int]:
        """Hold the file alone, and give the number it names."""
        try:
            with self._locked_descriptor(os.O_CREAT if create else 0) as descriptor:
                yield self._read(descriptor, create=create)
        except FileNotFoundError as error:
            if create:
                raise self._unusable(error) from error
            raise self._anomaly("is missing") from None
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def _locked_descriptor(self, more_flags: int) -> Iterator[int]:
        while True:
            descriptor = os.open(self._path, os.O_RDWR | NO_FOLLOW | more_flags, 0o600)
            try:
                lock_file(descriptor)
                if self._is_current(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        """Whether the locked file still has the name; another process may have renamed a new one over it."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def _read(self, descriptor: int, *, create: bool) -> int:
        if is_open_to_others(descriptor):
            raise KeyFileError(
                f"{self._path} can be read by other users; make the file private: chmod 600 {self._path}"
            )
        content = os.pread(descriptor, _MAX_FILE_BYTES, 0)
        if create and not content:
            return 0
        match = _FORM.fullmatch(content)
        if match is None or int(match.group(1)) > LAST_COUNTER + 1:
            raise CounterAnomaly(
                f"{self._path} is not a counter file. If the file is damaged, remove it and {_START_BEYOND}."
            )
        return int(match.group(1))

    def _store(self, first_free: int) -> None:
        write_whole_file(self._path, b"sealframe-counter 1\nnext %d\n" % first_free, overwrite=True)
        self._reserved = first_free

    def _forget_reservation(self) -> None:
        self._lock = threading.Lock()
        self._next = self._end = 0

    def _anomaly(self, what: str) -> CounterAnomaly:
        return CounterAnomaly(f"The counter file {self._path} {what}; find out why, then {_START_BEYOND}.")

    def _unusable(self, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(f"The counter file {self._path} cannot be used: {reason_of(error)}")


_open_counters: weakref.WeakSet[CounterFile] = weakref.WeakSet()


def _forget_all_reservations() -> None:
    """In a forked child: the parent keeps the reserved numbers, the child starts with none."""
    for counter in list(_open_counters):
        counter._forget_reservation()


run_in_forked_children(_forget_all_reservations)


def _require_unused(value: int) -> int:
    if value > LAST_COUNTER:
        raise LimitExceeded("The device has used every counter value; generate a new key and a new counter file.")
    return value
