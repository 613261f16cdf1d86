"""Seal and open beside other libraries, in turns in one process: `python benchmarks/envelope_table.py [--rounds 25]`.

Prints medians of process CPU and wall time for a round trip, in units of one AES-256-GCM encryption and decryption
of the same bytes into the caller's buffers. The cases are those of `test_bench_envelope.py`; peers that are not
installed are left out.
"""

from __future__ import annotations

from importlib.util import find_spec

from test_bench_envelope import CASES, PAYLOADS
from turns import Seconds, rounds_of_command_line, time_in_turns

ROUNDS, WARM_UP, REHEARSALS = 25, 2, 1
UNIT = "AES-256-GCM into buffers"


def measure(payload: bytes, rounds: int) -> dict[str, Seconds]:
    """Medians of each case whose package is installed."""
    contenders = {name: make(payload) for name, (make, package) in CASES.items() if find_spec(package)}
    return time_in_turns(contenders, rounds, warm_up=WARM_UP, rehearsals=REHEARSALS)


def main() -> None:
    """Measure and print a Markdown table, CPU / wall."""
    rounds = rounds_of_command_line(__doc__, ROUNDS)
    tables = {size: measure(payload, rounds) for size, payload in PAYLOADS.items()}
    print(f"| sealed and opened | {' | '.join(tables)} |\n| --- |{' --- |' * len(tables)}")
    for name in next(iter(tables.values())):
        cells = (
            f"{table[name].cpu / table[UNIT].cpu:.1f} / {table[name].wall / table[UNIT].wall:.1f}"
            for table in tables.values()
        )
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
