"""`sealframe server init`: keys and an empty database; nothing that exists is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import add_new_password_file
from sealframe.cli.passwords import new_password
from sealframe.cli.server.options import add_home, home_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe server init --home bank --password-file secret.txt"


def add_options(parser: ArgumentParser) -> None:
    """The new home."""
    add_home(parser)
    add_new_password_file(parser, "the private keys")


def run(options: Namespace) -> int:
    """Make it, and say what is what."""
    home = home_of(options)
    home.create(new_password(options.password_file))
    print(f"{home.server_key}  private: opens captures, signs answers")
    print(f"{home.vault_key}  private: opens enrolled faces")
    print(f"{home.server_public}  public: give it to every terminal")
    print(f"Next: sealframe server token --home {home.folder} --name YOU")
    return 0
