"""One load test: keys and envelopes made, scenarios played, books checked; and the ratios that are its goals."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sealframe as sf
from sealframe.loadtest.commit import compare_commits, synchronised_write_ms
from sealframe.loadtest.corpus import Corpus
from sealframe.loadtest.plan import FEWEST_PAYMENTS
from sealframe.loadtest.processes import Servers
from sealframe.loadtest.scenarios import FLOOD_CLIENTS, Scenarios
from sealframe.loadtest.site import open_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealframe.loadtest.plan import LoadPlan
    from sealframe.loadtest.scenarios import Findings
    from sealframe.loadtest.site import Site

FORMAT = 1
_COMMIT_CLIENTS = 32
_FACTOR_TURNS = 30


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio within one run, and the bound it is meant to keep."""

    name: str
    measured: float
    bound: float
    at_most: bool = True

    @property
    def held(self) -> bool:
        """Whether it is kept."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        relation = "at most" if self.at_most else "at least"
        return {"name": self.name, "measured": self.measured, relation: self.bound, "held": self.held}


def measure(plan: LoadPlan, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Run the scenarios of a plan.

    Parameters
    ----------
    plan
        What is done.
    folder
        An empty one, on the disk to measure on.
    progress
        Called with what is being done.

    Returns
    -------
    dict
        The report, as JSON values.

    Raises
    ------
    PolicyError
        When a server does not start, or the database is not empty.

    """
    progress("keys, accounts and faces")
    site = open_site(folder, plan.database_url, max(plan.clients + FLOOD_CLIENTS, _COMMIT_CLIENTS))
    factor = factor_seconds(site)
    corpus = Corpus(site, folder / "corpus", progress)
    with Servers(site, plan.workers, folder) as servers:
        scenarios = Scenarios(site, corpus, servers, progress)
        _play(scenarios, plan)
    commits: dict[str, Any] | None = None
    if "commits" in plan.scenarios:
        commits = compare_commits(site, 2 * plan.payments, _COMMIT_CLIENTS, progress)
    scenarios.books()
    return {
        "format": FORMAT,
        "sealframe": sf.__version__,
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "database": "PostgreSQL" if plan.database_url else "SQLite",
        "workers": plan.workers,
        "clients": plan.clients,
        "synchronised_write_ms": synchronised_write_ms(folder),
        "factor_ms": 1000 * factor,
        **_found(scenarios.findings, commits),
    }


def factor_seconds(site: Site) -> float:
    """The unit of cost: one image factor of one of the frames, median, on one thread."""
    times = []
    for turn in range(_FACTOR_TURNS):
        begun = time.perf_counter()
        sf.image_factor(site.frames[turn % len(site.frames)])
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _play(scenarios: Scenarios, plan: LoadPlan) -> None:
    """Those that servers answer."""
    few = max(FEWEST_PAYMENTS, plan.payments // 4)
    plays: dict[str, Callable[[], None]] = {
        "one-by-one": lambda: scenarios.one_by_one(few),
        "together": lambda: scenarios.together(plan.payments, plan.clients),
        "twice": lambda: scenarios.twice(few, plan.clients),
        "flood": lambda: scenarios.flood(plan.payments // 2, min(plan.clients, 2)),
    }
    for name, play in plays.items():
        if name in plan.scenarios:
            play()


def _found(findings: Findings, commits: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "goals": [goal.to_dict() for goal in _goals(findings, commits)],
        "faults": findings.faults,
        "commits": commits,
        "scenarios": {name: findings.to_dict(name) for name in findings.seen},
    }


def _goals(findings: Findings, commits: dict[str, Any] | None) -> Iterator[Goal]:
    """Of the scenarios that were run."""
    seen = findings.seen
    if "first" in seen:
        first = seen["first"].percentile(50)
        yield Goal("the same bytes again, to a first verification", seen["again"].percentile(50) / first, 0.25)
        yield Goal(
            "garbage, mean of its kinds, to a first verification",
            statistics.fmean(findings.garbage.values()) / first,
            0.2,
        )
        yield Goal("rows that garbage wrote", findings.rows_of_garbage, 0)
    if commits is not None:
        yield Goal("group commit: payments in the same time", commits["throughput"], 2.0, at_most=False)
        yield Goal("group commit: waiting at p99", commits["p99"], 0.5)
    if "flooded" in seen:
        idle = seen["alone"].percentile(99)
        yield Goal("faces beside guessed passwords, p99", seen["flooded"].percentile(99) / idle, 2.0)
    yield Goal("wrong answers and broken invariants", len(findings.faults), 0)
