"""The crash test, short: a sound server passes it, and each faulty one is caught (I1-I12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs.crash import LIMITS, CrashBank, Nursery, Plan, run
from tests.programs.crash_mutants import MUTANTS


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


def test_kills_around_commits_leave_a_sound_ledger(tmp_path: Path, nursery: Nursery) -> None:
    bank = CrashBank(tmp_path, limits=LIMITS)
    findings = run(Plan(attempts=60, clients=4, kills=3, commits_per_life=6), bank, nursery)
    bank.close()
    assert findings.faults == []
    assert findings.kills == 3
    assert findings.duplicates
    assert "paid" in findings.codes


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_faulty_server_is_caught(tmp_path: Path, nursery: Nursery, mutant: str) -> None:
    """A kill hits the moment that matters by chance, so a fault that only a kill shows gets several lives."""
    kills = 4 if mutant == "answer_before_commit" else 0
    for seed in range(1, 17 if kills else 2):
        home = tmp_path / str(seed)
        home.mkdir()
        bank = CrashBank(home, limits=LIMITS)
        plan = Plan(attempts=24, clients=2, kills=kills, commits_per_life=3, mutant=mutant, seed=seed)
        findings = run(plan, bank, nursery)
        bank.service.close()
        if findings.broken:
            return
    pytest.fail(f"{mutant} was not caught")
