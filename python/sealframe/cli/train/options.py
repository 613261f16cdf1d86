"""Options that several kinds of training share, and what they ask for."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.options import positive
from sealframe.cli.printing import value_errors_refused

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from sealframe.training.train import TrainingRequest


def add_run(parser: ArgumentParser) -> None:
    """Pictures, the run's folder, and its recipe."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="+", type=Path, help="folders of pictures, with one subfolder for each source"
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        required=True,
        type=Path,
        help="write the run to FOLDER, or continue the unfinished run there",
    )
    parser.add_argument(
        "--recipe",
        metavar="JSON",
        type=Path,
        help="take fields of the recipe from this file, written like a run's recipe.json",
    )
    parser.add_argument("--steps", metavar="N", type=positive, help="train for N steps (default: the recipe's)")
    parser.add_argument("--seed", metavar="N", type=int, help="random seed (default: the recipe's)")
    parser.add_argument("--faces", action="store_true", help="drop pictures without a face or with a covered face")
    parser.add_argument(
        "--detector",
        metavar="MODULE:NAME",
        help="find faces for --faces with your own detector: a class without arguments",
    )


def add_choice(parser: ArgumentParser) -> None:
    """Sources kept back, and recipes to try first."""
    parser.add_argument(
        "--hold-out", metavar="SOURCE", nargs="*", default=[], help="keep these sources for judging as well"
    )
    parser.add_argument(
        "--choose",
        metavar="FIELD=VALUES",
        nargs="+",
        default=[],
        help="first try these values in short runs, for example channels=8,12,16; then train the smallest good choice",
    )
    parser.add_argument(
        "--choose-steps",
        metavar="N",
        type=positive,
        help="train the short runs of --choose for N steps (default: a tenth of the run)",
    )


def request_of(options: Namespace) -> TrainingRequest:
    """What `add_run`, and `add_choice` where it was called, asked for."""
    from sealframe.training.train import TrainingRequest

    asked = vars(options)
    return TrainingRequest(
        options.folder,
        options.out,
        recipe=options.recipe,
        steps=options.steps,
        seed=options.seed,
        faces=options.faces,
        detector=options.detector,
        hold_out=asked.get("hold_out", ()),
        choices=asked.get("choose", ()),
        choice_steps=asked.get("choose_steps"),
    )


@contextmanager
def training(options: Namespace) -> Iterator[None]:
    """Train on so many threads; refuse what cannot be trained on. Raises PolicyError."""
    import torch

    torch.set_num_threads(options.threads)
    with value_errors_refused():
        yield
