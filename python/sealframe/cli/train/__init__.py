"""`sealframe train`: networks from folders of pictures, and what exported networks are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.options import positive

if TYPE_CHECKING:
    from argparse import ArgumentParser

EXAMPLE = "sealframe train gan faces scenes --out run && sealframe train judge --models run --unseen photo=other"


def add_options(parser: ArgumentParser) -> None:
    """What every action has; it comes before the action."""
    parser.add_argument(
        "--threads", metavar="N", type=positive, default=1, help="train on N threads (default: %(default)s)"
    )
