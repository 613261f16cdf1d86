"""`sealframe key show`: the public facts of a key file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_json, add_password_file
from sealframe.cli.passwords import KeyPasswords
from sealframe.cli.printing import print_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe key show pos.key --json"


def add_options(parser: ArgumentParser) -> None:
    """The key file, and how its facts are printed."""
    parser.add_argument("file", metavar="FILE", help="the key file (.key or .pub)")
    add_json(parser)
    add_password_file(parser)


def run(options: Namespace) -> int:
    """Print them; no secret is shown."""
    facts = KeyPasswords(options.password_file).load_facts(options.file)
    if options.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:16}{value}")
    return 0
