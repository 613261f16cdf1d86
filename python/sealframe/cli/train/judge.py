"""`sealframe train judge`: what exported networks are worth, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.printing import print_json
from sealframe.cli.train.options import training

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from sealframe.training.evaluate_networks import Category

EXAMPLE = "sealframe train judge --models run --unseen photo=other > judgement.json"


def add_options(parser: ArgumentParser) -> None:
    """Networks, and pictures by category."""
    parser.add_argument(
        "--models",
        metavar="FOLDER",
        required=True,
        type=Path,
        help="the folder of a run, or of any other manifest.json",
    )
    parser.add_argument(
        "--unseen",
        metavar="NAME=FOLDER",
        nargs="*",
        default=[],
        help="judge on these pictures, which no network was trained on",
    )
    parser.add_argument(
        "--trained-on",
        metavar="NAME=FOLDER",
        nargs="*",
        default=[],
        help="judge on the held-out sources of these folders",
    )
    parser.add_argument("--seed", metavar="N", type=int, default=7, help="random seed (default: %(default)s)")


def run(options: Namespace) -> int:
    """Judge, and print the report."""
    with training(options):
        from sealframe.training import evaluate_networks

        categories = [*_photographed(options), *evaluate_networks.drawn(options.seed)]
        print_json(evaluate_networks.evaluate(options.models, categories, options.seed))
    return 0


def _photographed(options: Namespace) -> Iterator[Category]:
    """The categories of folders; of those that were trained on, the sources that were kept back."""
    from sealframe.training import evaluate_networks

    entries = json.loads((options.models / "manifest.json").read_text())["models"]
    kept_back = {source for entry in entries.values() for source in entry["recipe"].get("held_out", ())}
    for assignments, kept in ((options.unseen, None), (options.trained_on, kept_back)):
        for assignment in assignments:
            name, _, folder = assignment.partition("=")
            yield evaluate_networks.photographed(name, Path(folder), kept)
