"""`sealframe train vae`: posterior and likelihood net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.printing import note
from sealframe.cli.train.options import add_choice, add_run, request_of, training

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe train vae faces scenes --out run"


def add_options(parser: ArgumentParser) -> None:
    """The run, recipes to try first, and what the posterior net reads."""
    add_run(parser)
    add_choice(parser)
    parser.add_argument(
        "--features", choices=("pixels", "spectrum"), help="feed this to the posterior net (default: spectrum)"
    )


def run(options: Namespace) -> int:
    """Train, round and export."""
    with training(options):
        from sealframe.training.train import train_vae

        train_vae(request_of(options), options.features, note)
    return 0
