"""`sealframe server check`: whether the books hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_json, add_password_file
from sealframe.cli.printing import print_json
from sealframe.cli.server.options import add_home, home_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe server check --home bank --json"


def add_options(parser: ArgumentParser) -> None:
    """Home, and how the findings are printed."""
    add_home(parser)
    add_password_file(parser)
    add_json(parser)


def run(options: Namespace) -> int:
    """Exit 1 when an invariant does not hold."""
    from sealframe.server.payments.invariants import broken_invariants

    with home_of(options).database() as database, database.reading() as connection:
        broken = broken_invariants(connection)
    if options.json:
        print_json({"sound": not broken, "broken": broken})
    else:
        print("\n".join(broken) or "The ledger is sound.")
    return 1 if broken else 0
