"""Contenders timed in turns in one process, so that all of them meet the same state of the computer."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Seconds:
    """Median time of one call: processor time of the process, and wall time."""

    cpu: float
    wall: float


def time_in_turns(
    contenders: Mapping[str, Callable[[], object]], rounds: int, *, warm_up: int = 3, rehearsals: int = 0
) -> dict[str, Seconds]:
    """Time every contender once a round, in an order drawn anew: none always follows the same other.

    Parameters
    ----------
    contenders
        What is called, by name.
    rounds
        Timed calls of each, 1 or more.
    warm_up
        Rounds before these that are not counted.
    rehearsals
        Untimed calls directly before each timed one, after which its code and buffers are in the caches.

    Returns
    -------
    Medians by name, in the order of `contenders`.

    """
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    order, draw = list(contenders), random.Random(1)
    for turn in range(rounds + warm_up):
        draw.shuffle(order)
        for name in order:
            for _ in range(rehearsals):
                contenders[name]()
            seconds = _time_once(contenders[name])
            if turn >= warm_up:
                spent[name].append(seconds)
    return {name: Seconds(*map(statistics.median, zip(*times, strict=True))) for name, times in spent.items()}


def _time_once(call: Callable[[], object]) -> tuple[float, float]:
    """Return processor and wall seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def rounds_of_command_line(description: str | None, default: int) -> int:
    """Parse the command line of a program whose only option is `--rounds`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=default, help="timed calls of each (default: %(default)s)")
    rounds: int = parser.parse_args().rounds
    if rounds < 1:
        parser.error(f"--rounds is {rounds}; give 1 or more")
    return rounds
