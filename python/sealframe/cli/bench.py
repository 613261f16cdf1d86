"""`sealframe bench`: the kernels' speed on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sealframe import bench
from sealframe.cli.options import add_json
from sealframe.cli.printing import print_json, show_progress

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.bench import Measurements

EXAMPLE = "sealframe bench --json > bench.json"


def add_options(parser: ArgumentParser) -> None:
    """How the measurements are printed."""
    add_json(parser)


def run(options: Namespace) -> int:
    """Measure and print."""
    measured = bench.measure_all(show_progress)
    show_progress("")
    if options.json:
        print_json(asdict(measured))
    else:
        _print_table(measured)
    return 0


def _print_table(measured: Measurements) -> None:
    for what, limits in (("Read", measured.read_gb_per_s), ("Copy", measured.copy_gb_per_s)):
        speeds = ", ".join(f"{speed:.0f} GB/s {where}" for where, speed in limits.items())
        print(f"{what} limit of one core: {speeds}")
    print(f"Instruction set: {measured.isa}. A ratio below 1 means faster than the peer.\n")
    print(f"{'kernel':44} {'us':>8} {'read':>5}  ratio to")
    for row in measured.rows:
        ratios = "  ".join(f"{peer} {ratio:.2f}" for peer, ratio in row.ratios.items())
        print(f"{row.name:44} {row.microseconds:8.1f} {row.share_of_read_limit:5.0%}  {ratios}")
