"""`sealframe key show`: the public facts of a key file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.keys import Passwords, load_facts
from sealframe.cli.streams import print_json

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print them; no secret is shown."""
    facts = load_facts(arguments.file, Passwords(arguments))
    if arguments.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:16}{value}")
    return 0
