"""The database: SQLite in one file by default, PostgreSQL by URL, migrated by Alembic."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from sealframe.errors import PolicyError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Engine

_BUSY_SECONDS = 10.0
_MIGRATION_LOCK = int.from_bytes(b"sealfram")
"""Servers that are started at once migrate the tables one after the other."""
_LOCK = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key")
_LOST_RACES = {"40001", "40P01", "23505"}
"""SQLSTATE of a serialization failure, a deadlock, a row that another process made first: try again."""


class Database:
    """An engine and the two ways to use it: `transaction` writes, `reading` does not.

    Parameters
    ----------
    url : str
        As SQLAlchemy takes it: sqlite:///FILE or postgresql://...

    Raises
    ------
    PolicyError
        When the URL cannot be used.

    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        one_view = {"isolation_level": "REPEATABLE READ"} if self.engine.dialect.name == "postgresql" else {}
        self._reader = self.engine.execution_options(reading=True, **one_view)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: committed when the block ends well, rolled back when it raises."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view; never waits for a writer."""
        with self._reader.connect() as connection:
            connection.begin()
            yield connection

    def lock_names(self, connection: Connection, names: Iterable[str]) -> None:
        """Wait until no transaction of another process works on what has these names; this one does until it ends.

        All names at once and in one order everywhere, so that no two wait for each other. On SQLite whoever writes is
        alone.

        Parameters
        ----------
        connection : Connection
            In a write transaction.
        names : iterable of str
            Such as "account alice".

        """
        if connection.dialect.name == "postgresql" and (keys := sorted({_lock_key(name) for name in names})):
            connection.execute(_LOCK, {"keys": keys})

    def migrate(self) -> None:
        """Migrate the tables to this version's form.

        Raises
        ------
        StoreUnavailable
            When the database cannot be used.

        """
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        try:
            with self.engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # SQLite's transactions wait for each other by themselves
                    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except DBAPIError as error:
            raise StoreUnavailable(
                "The database cannot be used; check its URL, permissions and disk (--database)."
            ) from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def is_retryable(error: BaseException) -> bool:
    """Whether the database asks to try the same transaction again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOST_RACES


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if parsed.get_backend_name() == "postgresql":
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise PolicyError(f"The database's URL cannot be used (--database): {error}.") from None
    raise PolicyError("--database must be sqlite:///FILE or postgresql://...; change the URL.")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    _keep_write_ahead_log(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _keep_write_ahead_log(connection: Any) -> None:
    """Two who change the mode of a new file at once do not wait for each other: one is told that it is locked."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """The driver's own transactions begin too late, at the first write: here the lock comes first."""
    if connection.get_execution_options().get("reading", False):
        connection.connection.execute("BEGIN")  # waits for nobody, so nothing can fail that SQLAlchemy would translate
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
