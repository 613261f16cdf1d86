"""The folder where a server's keys and database lie."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from sealframe.errors import KeyFileError, PolicyError
from sealframe.keys import ServerKey
from sealframe.server.storage.database import Database
from sealframe.server.verification.template_vault import VaultKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerHome:
    """A server's folder, and where its database is when that is elsewhere."""

    folder: Path
    database_url: str | None = None
    """SQLAlchemy's address of it; SQLite in the folder by default."""

    @property
    def server_key(self) -> Path:
        """Private: opens captures, signs answers."""
        return self.folder / "server.key"

    @property
    def server_public(self) -> Path:
        """Public: every terminal needs it."""
        return self.folder / "server.pub"

    @property
    def vault_key(self) -> Path:
        """Private: opens enrolled faces."""
        return self.folder / "vault.key"

    def create(self, password: bytes | None) -> None:
        """Make the folder, keys and an empty database.

        Parameters
        ----------
        password
            Encrypts both private keys; None leaves them unprotected.

        Raises
        ------
        KeyFileError
            When one of the keys is there already; then nothing is changed.
        PolicyError
            When the database cannot be used.

        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.server_key, self.server_public, self.vault_key):
            if path.exists():
                raise KeyFileError(f"{path} exists already and keys are never overwritten; choose another --home.")
        key = ServerKey.generate()
        key.save(self.server_key, password)
        key.public.save(self.server_public)
        VaultKey.generate().save(self.vault_key, password)
        with self.database():
            pass

    def open_database(self) -> Database:
        """The database, migrated to this version's tables. Raises PolicyError when it cannot be used."""
        database = Database(self.database_url or f"sqlite:///{self.folder.resolve() / 'ledger.db'}")
        database.migrate()
        return database

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database for one piece of work. Raises PolicyError when it fails in the middle."""
        with database_failures_refused():
            database = self.open_database()
            try:
                yield database
            finally:
                database.close()


@contextmanager
def database_failures_refused() -> Iterator[None]:
    """Raise PolicyError where the database fails in the middle; then nothing was changed."""
    try:
        yield
    except DBAPIError as error:
        raise PolicyError(
            "The database refused the operation; check its disk, its permissions, and other processes that lock it."
        ) from error


def now_ms() -> int:
    """This computer's time in milliseconds since 1970."""
    return int(time.time() * 1000)
