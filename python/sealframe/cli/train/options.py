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
    parser.add_argument("folder", metavar="FOLDER", nargs="+", type=Path, help="pictures, one folder below per source")
    parser.add_argument("--out", metavar="FOLDER", required=True, type=Path, help="the run; an unfinished one goes on")
    parser.add_argument("--recipe", metavar="JSON", type=Path, help="fields of the recipe, as in a run's recipe.json")
    parser.add_argument("--steps", metavar="N", type=positive, help="length of the run (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="of weights, pairs and order (default: the recipe's)")
    parser.add_argument("--faces", action="store_true", help="drop pictures without a face, or with a covered one")
    parser.add_argument(
        "--detector", metavar="MODULE:NAME", help="a face detector of yours for that; called without arguments"
    )


def add_choice(parser: ArgumentParser) -> None:
    """Sources kept back, and recipes to try first."""
    parser.add_argument("--hold-out", metavar="SOURCE", nargs="*", default=[], help="sources kept for judging too")
    parser.add_argument(
        "--choose",
        metavar="FIELD=VALUES",
        nargs="+",
        default=[],
        help="try these of the recipe in short runs first, as channels=8,12,16, and train the smallest good one",
    )
    parser.add_argument("--choose-steps", metavar="N", type=positive, help="length of these runs (default: a tenth)")


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
