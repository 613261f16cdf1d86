"""`sealframe keygen server`: the keys with which a server opens envelopes and signs answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.keygen.files import PRIVATE, add_files, add_sign, write_key_files
from sealframe.keys import ServerKey, Suite
from sealframe.keys.recipient import SUITE_NAMES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe keygen server --out server"


def add_options(parser: ArgumentParser) -> None:
    """Suite, signature and files."""
    parser.add_argument(
        "--suite",
        choices=[name for name, suite in SUITE_NAMES.items() if suite is not Suite.SHARED_KEY],
        default="x-wing",
        help="wrap content keys by this algorithm (default: %(default)s, post-quantum)",
    )
    add_sign(parser)
    add_files(parser)


def run(options: Namespace) -> int:
    """NAME.key and NAME.pub."""
    return write_key_files(
        options,
        lambda: ServerKey.generate(SUITE_NAMES[options.suite], options.sign),
        {".key": PRIVATE, ".pub": "public; give it to the devices"},
    )
