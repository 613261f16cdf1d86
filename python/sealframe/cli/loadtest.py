"""`sealframe loadtest`: seal, send, measure, check the books, print ratios, write JSON and a picture."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.cli.options import positive
from sealframe.cli.printing import print_json, show_progress
from sealframe.cli.report_files import add_report, require_report_places, write_report
from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe loadtest --payments 400 --out loadtest.json"
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


def add_options(parser: ArgumentParser) -> None:
    """How much, on what, and where the report goes."""
    from sealframe.loadtest.plan import FEWEST_PAYMENTS, MOST_CLIENTS, MOST_PAYMENTS, SCENARIOS

    parser.add_argument(
        "--payments",
        metavar="N",
        type=positive,
        default=200,
        help=f"make N payments in each scenario, {FEWEST_PAYMENTS} to {MOST_PAYMENTS} (default: %(default)s)",
    )
    parser.add_argument(
        "--clients",
        metavar="N",
        type=positive,
        default=16,
        help=f"let N clients pay at the same time, at most {MOST_CLIENTS} (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=positive,
        default=1,
        help="start N server processes (default: %(default)s); more than one needs PostgreSQL",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="use this empty database, postgresql://... (default: SQLite in a temporary folder)",
    )
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        type=Path,
        help="measure on the disk that holds FOLDER (default: the disk of temporary files)",
    )
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="run only this scenario; may be repeated")
    add_report(parser, "loadtest.json", "the measurements")


def run(options: Namespace) -> int:
    """Exit 1 when an answer or the ledger was wrong; a missed goal is only said."""
    from sealframe.loadtest.measurement import measure
    from sealframe.loadtest.picture import draw_load
    from sealframe.loadtest.plan import SCENARIOS, LoadPlan

    plan = LoadPlan(options.payments, options.clients, options.workers, options.database, options.only or SCENARIOS)
    require_report_places(options)
    if options.folder is not None and not options.folder.is_dir():
        raise PolicyError(f"--folder {options.folder} is not a folder; create it first, or name another.")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        report = measure(plan, Path(folder), show_progress)
    show_progress("")
    write_report(options, report, draw_load(report))
    if options.json:
        print_json(report)
    else:
        _print_report(report)
        print(f"Written: {options.out}, {options.out.with_suffix('.png')}")
    return 1 if report["faults"] else 0


def _print_report(report: dict[str, Any]) -> None:
    unit = report["factor_ms"]
    print(
        f"{report['database']}, {report['workers']} server process(es) and all clients on {report['machine']['cores']}"
        f" cores; a synchronised write takes {report['synchronised_write_ms']:.2f} ms"
    )
    print(f"one image factor, the unit of cost below: {unit:.2f} ms\n")
    _print_scenarios(report["scenarios"])
    if "first" in report["scenarios"]:
        _print_stages(report["scenarios"]["first"], unit)
    print()
    for goal in report["goals"]:
        relation = "at most" if "at most" in goal else "at least"
        verdict = "held" if goal["held"] else "missed"
        print(f"{verdict:8}{goal['name']:48}{goal['measured']:7.2f}   goal {relation} {goal[relation]:g}")
    print("\n".join(report["faults"]))


def _print_scenarios(scenarios: dict[str, Any]) -> None:
    print(f"{'':24}{'requests':>9}{'a second':>10}{'p50 ms':>9}{'p90':>8}{'p99':>8}{'most':>8}")
    for name, facts in scenarios.items():
        p50, p90, p99, most = facts["milliseconds"].values()
        line = f"{p50:9.1f}{p90:8.1f}{p99:8.1f}{most:8.1f}"
        print(f"{_TITLES[name]:24}{facts['requests']:9}{facts['per_second']:10.1f}{line}")
        for kind, spent in facts.get("kinds_ms", {}).items():
            print(f"    {kind:20}{'':19}{spent:8.1f}")


def _print_stages(first: dict[str, Any], unit: float) -> None:
    print(f"\n{'one first verification, one client':40}{'ms':>8}{'factors':>10}")
    for stage, spent in first["stages_ms"].items():
        print(f"    {stage:36}{spent:8.2f}{spent / unit:10.2f}")
    whole = first["milliseconds"]["p50"]
    print(f"    {'whole, as the client sees it (p50)':36}{whole:8.2f}{whole / unit:10.2f}")
