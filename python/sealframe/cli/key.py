"""`sealframe key show`: the public facts of a key file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.keys import load_facts
from sealframe.cli.streams import password_of, print_json

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print them; no secret is shown."""
    facts = load_facts(arguments.file, password_of(arguments))
    if arguments.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:16}{value}")
    return 0
