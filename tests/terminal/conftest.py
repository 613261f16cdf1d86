"""A terminal against the real server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.terminal.network import Network
    from tests.terminal.running_terminal import RunningTerminal
    from tests.terminal.served_bank import ServedBank


@pytest.fixture(scope="package", autouse=True)
def fronts() -> Iterator[None]:
    """The application behind which every test's bank stands is made once."""
    yield
    if "tests.terminal.served_bank" in sys.modules:
        sys.modules["tests.terminal.served_bank"].close_fronts()


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServedBank]:
    """The bank of the server's tests behind HTTP; for tests marked `mortal`, in a process that can be killed."""
    from tests.terminal.served_bank import KillableBank, ServedBank

    kind = KillableBank if request.node.get_closest_marker("mortal") else ServedBank
    site = kind(tmp_path / "bank")
    yield site
    site.close()


@pytest.fixture
def network(site: ServedBank) -> Iterator[Network]:
    """What lies between a terminal and that bank."""
    from tests.terminal.network import Network

    network = Network(site.port)
    yield network
    network.close()


@pytest.fixture
def till(site: ServedBank, tmp_path: Path) -> Iterator[RunningTerminal]:
    """A terminal of that bank, running, with Alice before its camera."""
    from tests.terminal.running_terminal import RunningTerminal

    till = RunningTerminal(site, tmp_path / "till")
    yield till
    till.stop()
