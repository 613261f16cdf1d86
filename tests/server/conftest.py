"""The server's tests need the extra `server`; without it they are not collected. Those of one database,
and of the OpenAPI document, need their package too."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bank import Bank

_NEEDS = {"test_*.py": "fastapi", "test_server_openapi.py": "schemathesis", "test_server_postgres.py": "psycopg"}
collect_ignore_glob = [pattern for pattern, module in _NEEDS.items() if find_spec(module) is None]
if not list(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
    collect_ignore_glob.append("test_server_postgres.py")


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A small bank: a shop, two customers of whom one is enrolled, one terminal."""
    from bank import Bank

    bank = Bank(tmp_path)
    yield bank
    bank.close()
