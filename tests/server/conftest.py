"""A small bank, and a PostgreSQL of the tests' own where it is installed; else what needs it is skipped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.bank import Bank
    from tests.server.postgres import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of the tests' own."""
    from tests.server.postgres import Cluster, installed

    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    if installed() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A small bank: a shop, two customers of whom one is enrolled, one terminal."""
    from tests.server.bank import Bank

    bank = Bank(tmp_path)
    yield bank
    bank.close()
