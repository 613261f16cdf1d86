"""Reference pages are true: public names of docs/api.md and tests of docs/threat-model.md exist (M30)."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def names_in_table(text: str, module: str) -> list[str]:
    """First column of the table under the heading of a module."""
    (section,) = re.findall(rf"^### `{re.escape(module)}`\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("module", ["sealframe", "sealframe.faces", "sealframe.sandbox"])
def test_the_reference_lists_every_public_name_once(module: str) -> None:
    listed = names_in_table((ROOT / "docs" / "api.md").read_text(), module)
    assert sorted(listed) == sorted(import_module(module).__all__)


def test_the_threat_model_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text()))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    written = {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}
    assert named
    assert not named - written


def test_every_attack_of_the_threat_model_has_a_test() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    tables = re.findall(r"^\| attack \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert rows
    assert not [row for row in rows if "`test_" not in row.split("|")[3]]
