"""`sealframe server rewrap`: the newest vault key for all templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_password_file
from sealframe.cli.passwords import KeyPasswords
from sealframe.cli.server.options import add_home, add_old_vault_key, home_of, vault_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe server rewrap --home bank --old-vault-key former.key"


def add_options(parser: ArgumentParser) -> None:
    """Home, and former keys."""
    add_home(parser)
    add_password_file(parser)
    add_old_vault_key(parser)


def run(options: Namespace) -> int:
    """Wrap every template's key with the newest vault key, so that older ones can be destroyed."""
    from sealframe.server.home import now_ms
    from sealframe.server.rewrapping import rewrap_templates

    home = home_of(options)
    with home.database() as database:
        vault = vault_of(options, home, KeyPasswords(options.password_file))
        with database.transaction() as connection:
            count = rewrap_templates(connection, vault, now_ms())
    print(f"{count} templates rewrapped")
    return 0
