"""`sealframe inspect`: what anyone can see of an envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.streams import print_json, read_envelope
from sealframe.envelope import inspect

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print the header's facts; nothing of them is verified."""
    facts = inspect(read_envelope(arguments.envelope))
    if arguments.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:16}{', '.join(map(str, value)) if isinstance(value, list) else value}")
        print("Nothing of this is verified; open the envelope to check it.")
    return 0
