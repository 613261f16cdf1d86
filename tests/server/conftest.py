"""The server's tests need the extra `server`; without it they are not collected, and nothing is skipped unseen."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bank import Bank

if find_spec("fastapi") is None:
    collect_ignore_glob = ["test_*.py"]
elif find_spec("schemathesis") is None:
    collect_ignore_glob = ["test_server_openapi.py"]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A small bank: a shop, two customers of whom one is enrolled, one terminal."""
    from bank import Bank

    bank = Bank(tmp_path)
    yield bank
    bank.close()
