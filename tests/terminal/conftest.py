"""The terminal's tests run against the real server: they need the extras `terminal` and `server`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from network import Network
    from site_of_bank import BankSite
    from till import Till

if any(find_spec(module) is None for module in ("cv2", "rich", "fastapi")):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="package", autouse=True)
def fronts() -> Iterator[None]:
    """The application behind which every test's bank stands is made once."""
    yield
    if "site_of_bank" in sys.modules:
        sys.modules["site_of_bank"].close_fronts()


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BankSite]:
    """The bank of the server's tests behind HTTP; for tests marked `mortal`, in a process that can be killed."""
    from site_of_bank import BankSite, MortalSite

    kind = MortalSite if request.node.get_closest_marker("mortal") else BankSite
    site = kind(tmp_path / "bank")
    yield site
    site.close()


@pytest.fixture
def network(site: BankSite) -> Iterator[Network]:
    """What lies between a terminal and that bank."""
    from network import Network

    network = Network(site.port)
    yield network
    network.close()


@pytest.fixture
def till(site: BankSite, tmp_path: Path) -> Iterator[Till]:
    """A terminal of that bank, running, with Alice before its camera."""
    from till import Till

    till = Till(site, tmp_path / "till")
    yield till
    till.stop()
