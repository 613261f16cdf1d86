"""`sealframe server prune`: forget old attempts and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_password_file
from sealframe.cli.server.options import add_home, home_of
from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe server prune --home bank --days 30"


def add_options(parser: ArgumentParser) -> None:
    """Home, and what is kept."""
    add_home(parser)
    add_password_file(parser)
    parser.add_argument(
        "--days", metavar="N", type=int, default=30, help="keep the attempts of the last N days (default: %(default)s)"
    )


def run(options: Namespace) -> int:
    """Forget attempts older than so many days."""
    from sealframe.server.home import now_ms
    from sealframe.server.payments.administration import prune_attempts
    from sealframe.server.payments.limits import DAY_MS

    if options.days < 1:
        raise PolicyError("--days must be 1 or more: terminals may still ask for the answers of the last day.")
    now = now_ms()
    with home_of(options).database() as database, database.transaction() as connection:
        forgotten = prune_attempts(connection, "console", now, now - options.days * DAY_MS)
    print(f"{forgotten} attempts deleted")
    return 0
