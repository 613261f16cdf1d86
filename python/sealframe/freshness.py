"""Freshness: whether a capture is recent and was never accepted before.

`Live` is for servers: it compares captures with its clock, and a replay store accepts each capture once. `Archive`
checks neither. A device's counter must grow with every accepted capture, and by no more than `max_gap` where a store
has one. A jump means that the device was cloned, or that a faulty device is about to lock itself out.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sealframe.errors import CounterAnomaly, ReplayedCapture, StaleCapture, StoreUnavailable
from sealframe.files import NO_FOLLOW, run_in_forked_children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealframe.capture_context import CaptureContext

_BUSY_SECONDS = 10.0
_RETRY_SECONDS = 0.01
_SETUP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "CREATE TABLE IF NOT EXISTS devices (key_id BLOB PRIMARY KEY, counter TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS captures "
    "(message_id BLOB PRIMARY KEY, key_id BLOB NOT NULL, timestamp INTEGER NOT NULL) WITHOUT ROWID",
)


class ReplayStore(Protocol):
    """Contract of a store that remembers which captures were accepted; `Live` takes one.

    Examples
    --------
    >>> import sealframe as sf
    >>> class AcceptsAll:
    ...     def accept(self, device_key_id, counter, message_id, timestamp):
    ...         print(f"capture {counter}")
    >>> live = sf.Live(AcceptsAll())
    """

    def accept(self, device_key_id: bytes, counter: int, message_id: bytes, timestamp: int) -> None:
        """Accept a capture in one atomic step, or raise.

        Parameters
        ----------
        device_key_id : bytes
            Key id of the device that signed, 16 bytes.
        counter : int
            The capture's number, 0 to 2^64 - 1.
        message_id : bytes
            The envelope's random id, 16 bytes.
        timestamp : int
            Unix time of the capture in milliseconds.

        Raises
        ------
        ReplayedCapture
            When this capture, or a later one of the device, was accepted before.
        CounterAnomaly
            When the counter jumped by more than the store allows.
        StoreUnavailable
            When the store cannot be used: then nothing is accepted.
        """


class MemoryReplayStore:
    """A replay store in memory: it forgets when the process ends, and only threads of this process share it.

    Parameters
    ----------
    max_gap : int, optional
        By how much a device's counter may grow at once, 1 or more; any amount without.

    Examples
    --------
    >>> import sealframe as sf
    >>> store = sf.MemoryReplayStore(max_gap=1000)
    >>> store.accept(bytes(16), 7, b"first envelope's", 1_767_225_600_000)
    >>> store.accept(bytes(16), 7, b"second envelope.", 1_767_225_600_000)
    Traceback (most recent call last):
    sealframe.errors.ReplayedCapture: ...
    """

    def __init__(self, max_gap: int | None = None) -> None:
        self._max_gap = max_gap
        self._lock = threading.Lock()
        self._counters: dict[bytes, int] = {}
        self._message_ids: set[bytes] = set()

    def accept(self, device_key_id: bytes, counter: int, message_id: bytes, timestamp: int) -> None:  # noqa: ARG002
        """Accept a capture in one atomic step, or raise; see `ReplayStore.accept`.

        Parameters
        ----------
        device_key_id : bytes
            Key id of the device that signed, 16 bytes.
        counter : int
            The capture's number, 0 to 2^64 - 1.
        message_id : bytes
            The envelope's random id, 16 bytes.
        timestamp : int
            Unix time of the capture in milliseconds; not used here.

        Raises
        ------
        ReplayedCapture
            When this capture, or a later one of the device, was accepted before.
        CounterAnomaly
            When the counter grew by more than `max_gap`.
        """
        with self._lock:
            if message_id in self._message_ids:
                raise _message_replayed()
            _require_growth(self._counters.get(device_key_id), counter, self._max_gap)
            self._counters[device_key_id] = counter
            self._message_ids.add(message_id)


class _Connection(sqlite3.Connection):
    """Closed when its thread, or the store, is gone."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it never opened
            self.close()


class SqliteReplayStore:
    """A replay store in one SQLite file, shared by threads and processes of one machine.

    An acceptance is on the disk before it is answered.

    Parameters
    ----------
    path : str or os.PathLike
        The SQLite file; made on first use, mode 0600.
    max_gap : int, optional
        By how much a device's counter may grow at once, 1 or more; any amount without.

    Examples
    --------
    >>> import sealframe as sf
    >>> store = sf.SqliteReplayStore("replay.db")
    >>> store.accept(bytes(16), 7, bytes(16), 1_767_225_600_000)
    >>> sf.SqliteReplayStore("replay.db").accept(bytes(16), 7, bytes(16), 1_767_225_600_000)
    Traceback (most recent call last):
    sealframe.errors.ReplayedCapture: ...
    """

    def __init__(self, path: str | os.PathLike[str], max_gap: int | None = None) -> None:
        self._path = Path(path)
        self._max_gap = max_gap
        self._local = threading.local()

    def accept(self, device_key_id: bytes, counter: int, message_id: bytes, timestamp: int) -> None:
        """Accept a capture in one transaction, or raise; see `ReplayStore.accept`.

        Parameters
        ----------
        device_key_id : bytes
            Key id of the device that signed, 16 bytes.
        counter : int
            The capture's number, 0 to 2^64 - 1.
        message_id : bytes
            The envelope's random id, 16 bytes.
        timestamp : int
            Unix time of the capture in milliseconds.

        Raises
        ------
        ReplayedCapture
            When this capture, or a later one of the device, was accepted before.
        CounterAnomaly
            When the counter grew by more than `max_gap`.
        StoreUnavailable
            When the file cannot be used: then nothing is accepted.
        """
        with self._transaction() as connection:
            spent = connection.execute(
                "INSERT INTO captures (message_id, key_id, timestamp) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (message_id, device_key_id, timestamp),
            )
            if spent.rowcount != 1:
                raise _message_replayed()
            row = connection.execute("SELECT counter FROM devices WHERE key_id = ?", (device_key_id,)).fetchone()
            _require_growth(int(row[0]) if row else None, counter, self._max_gap)
            # As text: counters reach 2^64 - 1, SQLite's integers end at 2^63 - 1.
            connection.execute("INSERT OR REPLACE INTO devices VALUES (?, ?)", (device_key_id, str(counter)))

    def forget_before(self, timestamp: int) -> None:
        """Drop the message ids of old captures, to bound the file. Replays stay refused by the last counters.

        Parameters
        ----------
        timestamp : int
            Unix time in milliseconds; captures before it are forgotten.

        Raises
        ------
        StoreUnavailable
            When the store cannot be used.
        """
        with self._transaction() as connection:
            connection.execute("DELETE FROM captures WHERE timestamp < ?", (timestamp,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed when the body succeeds, rolled back when it raises."""
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(
                f"The replay store {self._path} cannot be used, so nothing was accepted; check its disk and rights."
            ) from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a forked child opens its own."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.connection = self._connect()
            self._local.process = os.getpid()
        return self._local.connection  # type: ignore[no-any-return]

    def _connect(self) -> sqlite3.Connection:
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self._open()
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself while another process turns the write-ahead log on.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)

    def _open(self) -> sqlite3.Connection:
        _make_private(self._path)
        connection = _Connection(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for statement in _SETUP:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


class Archive:
    """Freshness for reading kept envelopes: it checks neither age nor replays.

    Examples
    --------
    >>> import sealframe as sf
    >>> opener = sf.Opener(sf.ServerKey.generate(), devices=[], freshness=sf.Archive())
    """

    def check(self, context: CaptureContext) -> None:
        """Accept a capture of any age.

        Parameters
        ----------
        context : CaptureContext
            Not looked at.
        """

    def accept(self, device_key_id: bytes, context: CaptureContext, message_id: bytes) -> None:
        """Accept a capture, however often it was accepted before.

        Parameters
        ----------
        device_key_id : bytes
            Not looked at.
        context : CaptureContext
            Not looked at.
        message_id : bytes
            Not looked at.
        """


class Live:
    """Freshness for servers: a capture lies within the clock's window and is accepted once.

    Parameters
    ----------
    store : ReplayStore
        Remembers what was accepted.
    window_s : float
        Seconds by which a capture's time may differ from the clock, in either direction; above 0.
    clock : callable
        Returns Unix seconds.

    Raises
    ------
    ValueError
        When `window_s` is not above 0.

    Examples
    --------
    >>> import sealframe as sf
    >>> live = sf.Live(sf.SqliteReplayStore("replay.db"), window_s=60)
    """

    def __init__(self, store: ReplayStore, window_s: float = 300, clock: Callable[[], float] = time.time) -> None:
        if window_s <= 0:
            raise ValueError("window_s must be above 0")
        self._store = store
        self._window_ms = int(window_s * 1000)
        self._clock = clock

    def check(self, context: CaptureContext) -> None:
        """Require that a capture is recent.

        Parameters
        ----------
        context : CaptureContext
            Its timestamp is compared with the clock.

        Raises
        ------
        StaleCapture
            When the capture time lies outside the window.
        """
        self.check_timestamp(context.timestamp)

    def check_timestamp(self, timestamp: int) -> None:
        """Require that a time is recent.

        Parameters
        ----------
        timestamp : int
            Unix time in milliseconds.

        Raises
        ------
        StaleCapture
            When the time lies outside the window.
        """
        late = int(self._clock() * 1000) - timestamp
        if abs(late) > self._window_ms:
            raise StaleCapture(
                f"The capture is {abs(late) // 1000} s {'old' if late > 0 else 'in the future'}; at most "
                f"{self._window_ms // 1000} s are allowed; capture again, and check both clocks."
            )

    def accept(self, device_key_id: bytes, context: CaptureContext, message_id: bytes) -> None:
        """Accept a capture once, in the replay store.

        Parameters
        ----------
        device_key_id : bytes
            Key id of the device that signed, 16 bytes.
        context : CaptureContext
            The capture.
        message_id : bytes
            The envelope's random id, 16 bytes.

        Raises
        ------
        ReplayedCapture, CounterAnomaly, StoreUnavailable
            As `ReplayStore.accept`.
        """
        self._store.accept(device_key_id, context.counter, message_id, context.timestamp)


def _make_private(path: Path) -> None:
    """An empty file of mode 0600, unless there is one."""
    with _making, suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600))


def _renew_lock() -> None:
    """In a forked child: the thread that held the lock is not there."""
    global _making
    _making = threading.Lock()


_making = threading.Lock()
"""Held while a file is made: closing it later would drop the locks that SQLite holds on it for other threads."""
run_in_forked_children(_renew_lock)


def _require_growth(last: int | None, counter: int, max_gap: int | None) -> None:
    if last is None:
        return
    if counter <= last:
        raise ReplayedCapture(
            f"Replay refused: this device's counter ({counter}) is not above the last accepted one ({last}). "
            "Seal again; if every capture is refused, the device's .counter file was lost or restored."
        )
    if max_gap is not None and counter - last > max_gap:
        raise CounterAnomaly(
            f"The device's counter jumped from {last} to {counter}, by more than {max_gap}; find out whether the "
            "device was cloned before it is accepted again."
        )


def _message_replayed() -> ReplayedCapture:
    return ReplayedCapture("Replay refused: this envelope was accepted before. Seal again.")
