"""`sealframe bench`: the kernels' speed on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe import bench

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and return the exit status."""
    return bench.run(arguments.json)
