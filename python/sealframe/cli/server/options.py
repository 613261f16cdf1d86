"""Options that the server's actions share, and what they open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from sealframe.cli.passwords import KeyPasswords
    from sealframe.server.home import ServerHome
    from sealframe.server.verification.template_vault import Vault


def add_home(parser: ArgumentParser) -> None:
    """Where keys and database lie."""
    parser.add_argument(
        "--home", metavar="FOLDER", required=True, type=Path, help="the folder of the server's keys and database"
    )
    parser.add_argument(
        "--database", metavar="URL", help="use this database, postgresql://... (default: SQLite in the home folder)"
    )


def add_old_vault_key(parser: ArgumentParser) -> None:
    """Former vault keys."""
    parser.add_argument(
        "--old-vault-key",
        metavar="KEY",
        action="append",
        default=[],
        help="a previous vault key, still needed to read old templates; may be repeated",
    )


def home_of(options: Namespace) -> ServerHome:
    """What `add_home` named."""
    from sealframe.server.home import ServerHome

    return ServerHome(options.home, options.database)


def vault_of(options: Namespace, home: ServerHome, passwords: KeyPasswords) -> Vault:
    """The vault of the home's key and the former ones. Raises KeyFileError."""
    from sealframe.server.verification.template_vault import Vault, VaultKey

    return Vault([passwords.load(VaultKey.load, path) for path in (home.vault_key, *options.old_vault_key)])
