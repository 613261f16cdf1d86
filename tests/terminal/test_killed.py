"""A terminal killed at any step of a payment finds out, when it starts again, what became of the money (A51, M29)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import sealframe as sf
from sealframe.server.payments import administration
from sealframe.server.storage.device_records import record_of
from tests.server.bank import FUNDS
from tests.terminal.served_bank import ServedBank

AMOUNT = 10


@dataclass
class Life:
    """One payment: what was sent of it, the step at which its terminal was killed, what the next one sent and found."""

    sent: list[str] = field(default_factory=list)
    killed: str | None = None
    sent_again: list[str] = field(default_factory=list)
    resolved: str | None = None


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedBank, Path, list[Life]]]:
    """A bank, a terminal's folder, and every life that it had and lost."""
    folder = tmp_path_factory.mktemp("killed")
    site = ServedBank(folder / "bank")
    key = sf.DeviceKey.generate("POS-MORTAL")
    site.bank.operate(administration.register_device, device=key.public, record=record_of(key.public))
    key.save(folder / "pos.key")
    site.bank.key.public.save(folder / "server.pub")
    said = subprocess.run(
        [sys.executable, "-m", "tests.programs.killed_terminal", str(folder), site.address],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    ).stdout
    yield site, folder, read_lives(said)
    site.close()


def read_lives(said: str) -> list[Life]:
    lives = [Life()]
    for event in map(json.loads, said.splitlines()):
        ((what, value),) = event.items()
        if what == "sent":
            (lives[-1].sent if lives[-1].killed is None else lives[-1].sent_again).append(value)
        elif what == "killed":
            lives[-1].killed = value
        elif what == "resolved" and lives[-1].killed is not None:
            lives[-1].resolved = value
            lives.append(Life())
        elif what == "unharmed":
            lives[-1] = Life()
    return lives[:-1]


def test_whatever_the_step_what_is_shown_is_what_was_charged(killed: tuple[ServedBank, Path, list[Life]]) -> None:
    site, folder, lives = killed
    ended = [json.loads(line) for line in (folder / "journal" / "history.jsonl").read_text().splitlines()]
    ends = {each["payment_id"]: each["state"] for each in ended}
    assert all(ends[each["payment_id"]] == each["state"] for each in ended), "an end that was told stays"
    assert {life.resolved for life in lives} == {"idle", "paid", "cancelled"}
    assert site.bank.balance("alice") == FUNDS - AMOUNT * list(ends.values()).count("paid")
    assert not list((folder / "journal").glob("*.open"))


def test_every_step_was_taken(killed: tuple[ServedBank, Path, list[Life]]) -> None:
    steps = [life.killed for life in killed[2]]
    assert {"fsync", "fdatasync", "unlink", "reply", "answer", "half of send", "half of pwritev"} <= set(steps)


def test_what_was_under_way_goes_out_again_byte_for_byte_and_its_answer_is_read(
    killed: tuple[ServedBank, Path, list[Life]],
) -> None:
    """From the kept envelope; the server's answer to it opens with the kept key alone."""
    under_way = [life for life in killed[2] if life.killed in ("half of send", "after send", "reply")]
    assert len(under_way) >= 3
    for life in under_way:
        assert life.sent_again == life.sent
        assert life.resolved == "paid"


def test_before_anything_left_nothing_is_charged(killed: tuple[ServedBank, Path, list[Life]]) -> None:
    for life in killed[2]:
        if life.killed in ("before pwritev", "half of pwritev"):
            assert life.sent == []
            assert life.resolved == "cancelled"
