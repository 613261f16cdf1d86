"""Seal and open beside other libraries, in turns in one process: `python benchmarks/envelope_table.py`.

Prints medians of process CPU and wall time for a round trip, in units of one AES-256-GCM encryption and decryption
of the same bytes into the caller's buffers. The cases are those of `test_bench_envelope.py`; peers that are not
installed are left out.
"""

from __future__ import annotations

import statistics
import time
from importlib.util import find_spec

from test_bench_envelope import CASES, PAYLOADS

ROUNDS, WARM_UP = 25, 2
UNIT = "AES-256-GCM into buffers"
CLOCKS = {"CPU": time.process_time_ns, "wall": time.perf_counter_ns}


def measure(payload: bytes) -> dict[str, dict[str, float]]:
    """Units by case and clock."""
    contenders = {name: make(payload) for name, (make, package) in CASES.items() if find_spec(package)}
    spent: dict[str, dict[str, list[int]]] = {name: {clock: [] for clock in CLOCKS} for name in contenders}
    for turn in range(ROUNDS + WARM_UP):
        for name, round_trip in contenders.items():
            round_trip()  # so that each finds its own code and buffers in the caches
            before = {clock: now() for clock, now in CLOCKS.items()}
            round_trip()
            for clock, now in CLOCKS.items():
                if turn >= WARM_UP:
                    spent[name][clock].append(now() - before[clock])
    medians = {
        name: {clock: statistics.median(times) for clock, times in clocks.items()} for name, clocks in spent.items()
    }
    return {name: {clock: clocks[clock] / medians[UNIT][clock] for clock in CLOCKS} for name, clocks in medians.items()}


def main() -> None:
    """Measure and print a Markdown table, CPU / wall."""
    tables = {size: measure(payload) for size, payload in PAYLOADS.items()}
    print(f"| sealed and opened | {' | '.join(tables)} |\n| --- |{' --- |' * len(tables)}")
    for name in next(iter(tables.values())):
        cells = (f"{table[name]['CPU']:.1f} / {table[name]['wall']:.1f}" for table in tables.values())
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
