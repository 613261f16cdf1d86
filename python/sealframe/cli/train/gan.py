"""`sealframe train gan`: generator and discriminator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.printing import note
from sealframe.cli.train.options import add_choice, add_run, request_of, training

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe train gan faces scenes --out run"


def add_options(parser: ArgumentParser) -> None:
    """The run, and recipes to try first."""
    add_run(parser)
    add_choice(parser)


def run(options: Namespace) -> int:
    """Train, round and export."""
    with training(options):
        from sealframe.training.train import train_gan

        train_gan(request_of(options), note)
    return 0
