"""`sealframe train matcher`: the face encoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.printing import note
from sealframe.cli.train.options import add_run, request_of, training

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe train matcher faces --backgrounds scenes --out run"


def add_options(parser: ArgumentParser) -> None:
    """The run, and pictures without faces."""
    add_run(parser)
    parser.add_argument(
        "--backgrounds", metavar="FOLDER", nargs="+", required=True, type=Path, help="folders of pictures without faces"
    )


def run(options: Namespace) -> int:
    """Train, round and export."""
    with training(options):
        from sealframe.training.train import train_matcher

        train_matcher(request_of(options), options.backgrounds, note)
    return 0
