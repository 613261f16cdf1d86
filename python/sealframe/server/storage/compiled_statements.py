"""Statements compiled once for each kind of database and then run by its driver.

SQLAlchemy writes the SQL, as it does everywhere here; but running a statement through it takes ten times what SQLite
takes, and what settles payments runs a dozen of them while others wait.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Insert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Dialect
    from sqlalchemy.sql import ClauseElement


class ResultRow(Protocol):
    """What a statement found; its columns are attributes."""

    def __getattr__(self, column: str) -> Any:
        """The column's value."""


class Statement:
    """A select, insert, update or delete. Raises DBAPIError as SQLAlchemy does, without the values.

    The values of an insert name its columns, always the same ones.
    """

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._prepared: dict[str, Prepared] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """How many rows it changed."""
        return int(self._execute(connection, values).rowcount)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[ResultRow]:
        """All rows."""
        cursor = self._execute(connection, values)
        columns = [column[0] for column in cursor.description]
        rows: list[Any] = [SimpleNamespace(**dict(zip(columns, found, strict=True))) for found in cursor.fetchall()]
        return rows

    def row(self, connection: Connection, values: Mapping[str, Any]) -> ResultRow | None:
        """The one row, or None."""
        found = self.rows(connection, values)
        return found[0] if found else None

    def value(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """The first column of the one row, or None."""
        found = self._execute(connection, values).fetchall()
        return found[0][0] if found else None

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        dialect = connection.dialect
        prepared = self._prepared.get(dialect.name)
        if prepared is None:
            prepared = self._prepared[dialect.name] = Prepared(self._clause, dialect, values)
        driver: Any = connection.connection.dbapi_connection
        try:
            return driver.execute(prepared.sql, prepared.arrange(values))
        except prepared.error as error:
            raise DBAPIError.instance(prepared.sql, None, error, prepared.error, hide_parameters=True) from error


class Prepared:
    """The SQL of one dialect, and how its values are given."""

    def __init__(self, clause: ClauseElement, dialect: Dialect, values: Mapping[str, Any]) -> None:
        columns = list(values) if isinstance(clause, Insert) else None
        compiled: Any = clause.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self.error: type[Exception] = dialect.loaded_dbapi.Error
        self._order: list[str] | None = compiled.positiontup
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def arrange(self, values: Mapping[str, Any]) -> Any:
        """By name or by place, as the driver takes them, with those that the statement itself names."""
        given = {**self._constants, **values}
        return given if self._order is None else [given[name] for name in self._order]
