"""Group commit: what waits is written in one transaction and answered after its commit.

One commit, one wait for the disk, for as many pieces of work as came in meanwhile. Each runs in a savepoint of its
own, so that one that fails takes nothing of the others with it. A failed commit fails all: nobody is told otherwise.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sealframe.errors import StoreUnavailable
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.database import is_retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from sealframe.server.storage.database import Database

T = TypeVar("T")

MAX_BATCH = 32
_MAX_WAITING = 1024
_TRIES = 5
_BEGIN, _KEEP, _UNDO = (
    Statement(text(f"{verb} attempt")) for verb in ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
)


@dataclass(slots=True)
class _Waiting(Generic[T]):
    work: Callable[[Connection], T]
    done: Future[T]
    names: Sequence[str]
    tries: int = 0


_Outcome: TypeAlias = tuple[_Waiting[Any], Any, BaseException | None]


class GroupCommit:
    """The one writer of a process. `submit` from any thread; `close` finishes what waits.

    Parameters
    ----------
    database : Database
        Where it writes.
    max_batch : int
        Pieces of work in one transaction, at most.

    """

    def __init__(self, database: Database, max_batch: int = MAX_BATCH) -> None:
        self._database = database
        self._max_batch = max_batch
        self._queue: queue.Queue[_Waiting[Any] | None] = queue.Queue(_MAX_WAITING)
        self._closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sealframe-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T], names: Sequence[str] = ()) -> Future[T]:
        """Do a piece of work in a transaction.

        Parameters
        ----------
        work : callable
            Takes the connection. It may run more than once, but only one run is ever committed.
        names : sequence of str
            Whatever it works on that other processes may work on too; batches that share one take turns.

        Returns
        -------
        Future
            Holds what `work` returned, once that is on the disk. Raises what `work` raised, or StoreUnavailable; then
            nothing of it was written.

        Raises
        ------
        StoreUnavailable
            When too much waits, or the writer is closed.

        """
        waiting = _Waiting(work, Future[T](), names)
        with self._door:
            if self._closed:
                raise StoreUnavailable("The server is stopping; try again.")
            try:
                self._queue.put_nowait(waiting)
            except queue.Full:
                raise StoreUnavailable("The server has too many writes waiting; try again.") from None
        return waiting.done

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._door:  # nothing may queue up behind the end, where it would wait for ever
            self._closed = True
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the writer takes work."""
        return self._thread.is_alive() and not self._closed

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._collect(first)
            # From here on a future can no longer be cancelled: what is written is also told.
            for again in self._commit([each for each in batch if each.done.set_running_or_notify_cancel()]):
                self._commit_alone(again)
            if last:
                return

    def _collect(self, first: _Waiting[Any]) -> tuple[list[_Waiting[Any]], bool]:
        batch = [first]
        while len(batch) < self._max_batch:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _commit_alone(self, waiting: _Waiting[Any]) -> None:
        while self._commit([waiting]):
            pass

    def _commit(self, batch: list[_Waiting[Any]]) -> list[_Waiting[Any]]:
        """Commit a batch and answer it; returns those that lost a race and may be tried again."""
        outcomes: list[_Outcome] = []
        try:
            with self._database.transaction() as connection:
                self._database.lock_names(connection, (name for waiting in batch for name in waiting.names))
                outcomes.extend((waiting, *_attempt(connection, waiting)) for waiting in batch)
        except Exception as error:
            return _fail_all(batch, error)
        return _answer_all(outcomes)


def _attempt(connection: Connection, waiting: _Waiting[Any]) -> tuple[Any, BaseException | None]:
    """Run one piece of work in its savepoint. Raises when not even the savepoint could be rolled back.

    The savepoint is made by plain statements: `begin_nested` compiles two new ones each time, a seventh of the work.
    """
    _BEGIN.run(connection, {})
    try:
        result = waiting.work(connection)
        _KEEP.run(connection, {})
    except Exception as error:
        _UNDO.run(connection, {})
        _KEEP.run(connection, {})
        return None, error
    return result, None


def _answer_all(outcomes: list[_Outcome]) -> list[_Waiting[Any]]:
    """Tell all who wait, after the commit; returns those that lost a race."""
    return [waiting for waiting, result, error in outcomes if not _answer(waiting, result, error)]


def _answer(waiting: _Waiting[Any], result: Any, error: BaseException | None) -> bool:
    """Tell the one who waits; False when it lost a race and may still win it."""
    if error is None:
        waiting.done.set_result(result)
        return True
    waiting.tries += 1
    if is_retryable(error) and waiting.tries < _TRIES:
        return False
    waiting.done.set_exception(_unavailable(error) if isinstance(error, DBAPIError) else error)
    return True


def _fail_all(batch: list[_Waiting[Any]], error: Exception) -> list[_Waiting[Any]]:
    again = []
    for waiting in batch:
        waiting.tries += 1
        if is_retryable(error) and waiting.tries < _TRIES:
            again.append(waiting)
        else:
            waiting.done.set_exception(_unavailable(error))
    return again


def _unavailable(error: BaseException) -> StoreUnavailable:
    unavailable = StoreUnavailable("The database refused the transaction; nothing was changed. Try again.")
    unavailable.__cause__ = error
    return unavailable
