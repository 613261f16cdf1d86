"""`sealframe loadtest`: seal, send, measure, check the books, print ratios, write JSON and a picture."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sealframe as sf
from sealframe.errors import PolicyError
from sealframe.files import require_place, write_whole_file
from sealframe.loadtest.commit import compare_commits, synchronised_write_ms
from sealframe.loadtest.corpus import Corpus
from sealframe.loadtest.picture import draw_load
from sealframe.loadtest.processes import Servers
from sealframe.loadtest.scenarios import FLOOD_CLIENTS, Scenarios
from sealframe.loadtest.site import open_site

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from sealframe.loadtest.scenarios import Findings
    from sealframe.loadtest.site import Site

FORMAT = 1
MOST_PAYMENTS, MOST_CLIENTS = 4000, 48
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


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when an answer or the ledger was wrong; a missed goal is only said."""
    _refuse_too_much(arguments)
    out = Path(arguments.out)
    for path in (out, out.with_suffix(".png")):
        require_place(path, overwrite=arguments.force)
    if arguments.folder is not None and not Path(arguments.folder).is_dir():
        raise PolicyError(f"{arguments.folder} is no folder; make it first, or name another with --folder.")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        report = measure(arguments, Path(folder))
    write_whole_file(out, (json.dumps(report, indent=2) + "\n").encode(), overwrite=arguments.force)
    write_whole_file(out.with_suffix(".png"), draw_load(report), overwrite=arguments.force)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        _print_report(report, out)
    return 1 if report["faults"] else 0


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run every scenario; the report as JSON values."""
    clients, payments = arguments.clients, arguments.payments
    _progress("keys, accounts and faces")
    site = open_site(folder, arguments.database, max(clients + FLOOD_CLIENTS, _COMMIT_CLIENTS))
    factor = factor_seconds(site)
    corpus = Corpus(site, folder / "corpus", _progress)
    commits: dict[str, Any] | None = None
    with Servers(site, arguments.workers, folder) as servers:
        scenarios = Scenarios(site, corpus, servers, _progress)
        plays: dict[str, Callable[[], None]] = {
            "one-by-one": lambda: scenarios.one_by_one(max(20, payments // 4)),
            "together": lambda: scenarios.together(payments, clients),
            "twice": lambda: scenarios.twice(max(20, payments // 4), clients),
            "flood": lambda: scenarios.flood(payments // 2, min(clients, 2)),
        }
        for name, play in plays.items():
            if not arguments.only or name in arguments.only:
                play()
    if not arguments.only or "commits" in arguments.only:
        commits = compare_commits(site, 2 * payments, _COMMIT_CLIENTS, _progress)
    scenarios.books()
    write_ms = synchronised_write_ms(folder)
    _progress("")
    return _report(arguments, scenarios.findings, commits, factor, write_ms)


def factor_seconds(site: Site) -> float:
    """The unit of cost: one image factor of one of the frames, median, on one thread."""
    times = []
    for turn in range(_FACTOR_TURNS):
        begun = time.perf_counter()
        sf.image_factor(site.frames[turn % len(site.frames)])
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _refuse_too_much(arguments: argparse.Namespace) -> None:
    if not 20 <= arguments.payments <= MOST_PAYMENTS:
        raise PolicyError(f"A load test makes 20 to {MOST_PAYMENTS} payments in a scenario; change --payments.")
    if not 1 <= arguments.clients <= MOST_CLIENTS:
        raise PolicyError(f"A load test has 1 to {MOST_CLIENTS} clients: a server takes 64 requests at once.")
    if arguments.workers > 1 and not (arguments.database or "").startswith("postgresql"):
        raise PolicyError("Several workers need PostgreSQL; give --database postgresql://...")


def _report(
    arguments: argparse.Namespace, findings: Findings, commits: dict[str, Any] | None, factor: float, write_ms: float
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "sealframe": sf.__version__,
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "database": "PostgreSQL" if arguments.database else "SQLite",
        "workers": arguments.workers,
        "clients": arguments.clients,
        "synchronised_write_ms": write_ms,
        "factor_ms": 1000 * factor,
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


def _print_report(report: dict[str, Any], out: Path) -> None:
    unit = report["factor_ms"]
    print(
        f"{report['database']}, {report['workers']} server process(es) and all clients on {report['machine']['cores']}"
        f" cores; a synchronised write takes {report['synchronised_write_ms']:.2f} ms"
    )
    print(f"one image factor, the unit of cost below: {unit:.2f} ms\n")
    print(f"{'':24}{'requests':>9}{'a second':>10}{'p50 ms':>9}{'p90':>8}{'p99':>8}{'most':>8}")
    for name, facts in report["scenarios"].items():
        p50, p90, p99, most = facts["milliseconds"].values()
        line = f"{p50:9.1f}{p90:8.1f}{p99:8.1f}{most:8.1f}"
        print(f"{_TITLES[name]:24}{facts['requests']:9}{facts['per_second']:10.1f}{line}")
        for kind, spent in facts.get("kinds_ms", {}).items():
            print(f"    {kind:20}{'':19}{spent:8.1f}")
    if "first" in report["scenarios"]:
        _print_stages(report["scenarios"]["first"], unit)
    print()
    for goal in report["goals"]:
        relation = "at most" if "at most" in goal else "at least"
        verdict = "held" if goal["held"] else "missed"
        print(f"{verdict:8}{goal['name']:48}{goal['measured']:7.2f}   goal {relation} {goal[relation]:g}")
    print("\n".join(report["faults"]))
    print(f"Written: {out}, {out.with_suffix('.png')}")


def _print_stages(first: dict[str, Any], unit: float) -> None:
    print(f"\n{'one first verification, one client':40}{'ms':>8}{'factors':>10}")
    for stage, spent in first["stages_ms"].items():
        print(f"    {stage:36}{spent:8.2f}{spent / unit:10.2f}")
    whole = first["milliseconds"]["p50"]
    print(f"    {'whole, as the client sees it (p50)':36}{whole:8.2f}{whole / unit:10.2f}")


_TITLES = {
    "first": "first verification",
    "again": "the same bytes again",
    "garbage": "garbage",
    "together": "many clients",
    "twice": "every envelope twice",
    "alone": "faces alone",
    "flooded": "faces beside guesses",
    "guesses": "guessed passwords",
}


def _progress(text: str) -> None:
    """One line that is written over, for people alone."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
