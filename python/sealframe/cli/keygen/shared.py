"""`sealframe keygen shared`: one key for both sides of a closed installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.keygen.files import add_files, write_key_files
from sealframe.keys import SharedKey

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe keygen shared --out site"


def add_options(parser: ArgumentParser) -> None:
    """The file."""
    add_files(parser)


def run(options: Namespace) -> int:
    """NAME.key."""
    return write_key_files(
        options, SharedKey.generate, {".key": "secret; for the devices and the server alone, mode 0600"}
    )
