"""Run the benchmarks and print each group as ratios: `python benchmarks/report.py [--short] [--json FILE] [-k NAME]`.

In each group the case named sealframe is 1.00; a peer at 2.00 takes twice as long. Medians of one run; no limit is set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OURS = "sealframe"


def run_benchmarks(*, short: bool, only: str | None) -> dict[str, Any]:
    """pytest-benchmark's result as a dictionary; the run's progress goes to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        rounds = ["--benchmark-min-rounds=5", "--benchmark-max-time=0.3"] if short else ["--benchmark-max-time=2"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            str(HERE),
            "-q",
            "--benchmark-only",
            "--benchmark-warmup=on",
        ]
        command += ["--benchmark-quiet", f"--benchmark-json={result}", "-p", "no:cacheprovider", *rounds]
        subprocess.run(command + (["-k", only] if only else []), check=True, cwd=HERE.parent)
        return dict(json.loads(result.read_text()))


def ratios(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Median of each case over sealframe's, by group and case."""
    medians: dict[str, dict[str, float]] = defaultdict(dict)
    for case in result["benchmarks"]:
        medians[case["group"] or "other"][case["extra_info"].get("case", case["name"])] = case["stats"]["median"]
    return {
        group: {case: median / cases[OURS] for case, median in sorted(cases.items(), key=lambda item: item[1])}
        for group, cases in medians.items()
        if OURS in cases
    }


def print_table(groups: dict[str, dict[str, float]]) -> None:
    """A Markdown table."""
    print("\n| what | case | time, sealframe = 1 |\n| --- | --- | --- |")
    for group, cases in groups.items():
        for case, ratio in cases.items():
            print(f"| {group} | {case} | {ratio:.2f} |")


def main() -> int:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer rounds")
    parser.add_argument("--json", metavar="FILE", help="write the ratios here")
    parser.add_argument("-k", metavar="NAME", help="only the benchmarks of this name")
    arguments = parser.parse_args()
    groups = ratios(run_benchmarks(short=arguments.short, only=arguments.k))
    print_table(groups)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(groups, indent=2) + "\n")
    return 0 if groups else 1


if __name__ == "__main__":
    sys.exit(main())
