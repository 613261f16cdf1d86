"""A PostgreSQL cluster of the tests' own, from the Debian package: a private folder, a socket, no network."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, text

_USER = "postgres"


def installed() -> Path | None:
    """The folder of the newest PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


class Cluster:
    def __init__(self) -> None:
        programs = installed()
        assert programs, "PostgreSQL is not installed: apt install postgresql"
        # A socket's path has about 100 characters at most, and another user must reach it.
        self._folder = Path(tempfile.mkdtemp(prefix="sealframe-pg-"))
        self._folder.chmod(0o755)
        self._pg_ctl = programs / "pg_ctl"
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER)
        self._run(programs / "initdb", "-A", "trust", "-U", _USER, "-D", self._folder / "data", "--no-sync")
        options = f"-k {self._folder} -c listen_addresses='' -c unix_socket_permissions=0777"
        self._run(self._pg_ctl, "-w", "-D", self._folder / "data", "-l", self._folder / "log", "-o", options, "start")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"bank_{secrets.token_hex(4)}"
        engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url(name)

    def stop(self) -> None:
        self._run(self._pg_ctl, "-w", "-m", "immediate", "-D", self._folder / "data", "stop")
        shutil.rmtree(self._folder)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://{_USER}@/{name}?host={self._folder}"

    def _run(self, *command: object) -> None:
        as_user = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
        words = [*as_user, *(str(word) for word in command)]
        subprocess.run(words, check=True, cwd="/", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
