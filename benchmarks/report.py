"""Run the benchmarks and print each group as ratios: `python benchmarks/report.py [--short] [--json FILE] [-k NAME]`.

In each group the case named sealframe is 1.00; a peer at 2.00 takes twice as long. Medians of one run; no limit is set.
Beside each stands the ratio that was committed last (benchmarks/ratios.json), and what became of it: below 1.00 this
tree is slower against that peer, or this processor another one. `--json benchmarks/ratios.json` renews the file.
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
COMMITTED = HERE / "ratios.json"


def run_benchmarks(*, short: bool, only: str | None) -> dict[str, Any]:
    """pytest-benchmark's result as a dictionary; the run's progress goes to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        rounds = ["--benchmark-min-rounds=5", "--benchmark-max-time=0.3"] if short else ["--benchmark-max-time=0.5"]
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


def rounded(groups: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Three digits: more would be noise."""
    return {group: {case: float(f"{ratio:.3g}") for case, ratio in cases.items()} for group, cases in groups.items()}


def print_table(groups: dict[str, dict[str, float]], committed: dict[str, dict[str, float]]) -> None:
    """A Markdown table, with the committed ratios beside."""
    print("\n| what | case | time, sealframe = 1 | committed | now / then |\n| --- | --- | --- | --- | --- |")
    for group, cases in groups.items():
        for case, ratio in cases.items():
            before = committed.get(group, {}).get(case)
            then = "new | " if before is None else f"{before:.2f} | {ratio / before:.2f}"
            print(f"| {group} | {case} | {ratio:.2f} | {then} |")


def main() -> int:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="fewer rounds")
    parser.add_argument("--json", metavar="FILE", help="write the ratios here")
    parser.add_argument("-k", metavar="NAME", help="only the benchmarks of this name")
    arguments = parser.parse_args()
    groups = ratios(run_benchmarks(short=arguments.short, only=arguments.k))
    print_table(groups, json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {})
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rounded(groups), indent=2) + "\n")
    return 0 if groups else 1


if __name__ == "__main__":
    sys.exit(main())
