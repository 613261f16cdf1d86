"""A terminal against the real server."""

from __future__ import annotations

import re
import shutil
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


@pytest.fixture
def third_language() -> Iterator[str]:
    """A made-up language whose catalogue lies beside the others, for programs that start meanwhile.

    Every text is the language, its context and its name, with the places for values behind.
    """
    from importlib.resources import files
    from pathlib import Path

    pofile = pytest.importorskip("babel.messages.pofile", reason="the extra dev is not installed")
    mofile = pytest.importorskip("babel.messages.mofile", reason="the extra dev is not installed")
    translations = Path(str(files("sealframe.terminal.screen"))) / "translations"
    with (translations / "zh" / "LC_MESSAGES" / "terminal.po").open("rb") as file:
        catalogue = pofile.read_po(file)
    catalogue.locale = "xx"
    for each in catalogue:
        if each.id:
            places = " ".join(re.findall(r"\{\w+\}", each.string))
            each.string = f"xx {each.context} {each.id} {places}".strip()
    catalogue.get("account_pad", "label").string = "letters"
    folder = translations / "xx"
    (folder / "LC_MESSAGES").mkdir(parents=True)
    try:
        with (folder / "LC_MESSAGES" / "terminal.mo").open("wb") as file:
            mofile.write_mo(file, catalogue)
        yield "xx"
    finally:
        shutil.rmtree(folder)
