"""`sealframe server token`: what an operator shows who he is by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_password_file
from sealframe.cli.server.options import add_home, home_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe server token --home bank --name olga"


def add_options(parser: ArgumentParser) -> None:
    """Home and operator."""
    add_home(parser)
    add_password_file(parser)
    parser.add_argument("--name", metavar="NAME", required=True, help="the operator's name")
    parser.add_argument("--revoke", action="store_true", help="revoke all tokens of this operator")


def run(options: Namespace) -> int:
    """Print a new token, once; or revoke an operator's tokens."""
    from sealframe.server.home import now_ms
    from sealframe.server.payments.operator_tokens import create_token, revoke_tokens

    with home_of(options).database() as database, database.transaction() as connection:
        if options.revoke:
            revoke_tokens(connection, options.name, now_ms())
            return 0
        token = create_token(connection, options.name, now_ms())
    print(token)
    return 0
