"""`sealframe evaluate`: what the image factor can do on pictures of your own, as JSON and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.cli.options import positive
from sealframe.cli.printing import note, print_json, value_errors_refused
from sealframe.errors import PolicyError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe evaluate photos --learn-from other-photos --out report > evaluation.json"


def add_options(parser: ArgumentParser) -> None:
    """Pictures to judge on, pictures to learn from, and where the plots go."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="+", type=Path, help="folders of pictures that no network was trained on"
    )
    parser.add_argument(
        "--most",
        metavar="N",
        type=positive,
        default=20,
        help="use at most N pictures of each folder, evenly spread (default: 20)",
    )
    parser.add_argument(
        "--learn-from",
        metavar="FOLDER",
        nargs="+",
        default=[],
        type=Path,
        help="train comparators that locate edits on the pictures of these folders (default: no comparators)",
    )
    parser.add_argument(
        "--most-learnt",
        metavar="N",
        type=positive,
        default=400,
        help="use at most N pictures of each --learn-from folder (default: 400)",
    )
    parser.add_argument(
        "--examples", metavar="N", type=positive, default=2000, help="train the comparators on N edits (default: 2000)"
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="also write evaluation.json and plots to FOLDER")
    parser.add_argument("--seed", metavar="N", type=int, default=7, help="random seed (default: %(default)s)")


def run(options: Namespace) -> int:
    """Measure, print, draw."""
    import torch

    from sealframe.training.factor_report import frames_in, report_on_factor

    torch.set_num_threads(1)
    with value_errors_refused():
        pictures = frames_in(options.folder, options.most)
        if len(pictures) < 2:
            raise PolicyError("FOLDER holds fewer than two usable pictures; give more pictures.")
        teachers = frames_in(options.learn_from, options.most_learnt)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    note(f"{len(pictures)} pictures to evaluate on, {len(teachers)} to train comparators on")
    report = report_on_factor(
        pictures,
        list(teachers.values()),
        examples=options.examples,
        seed=options.seed,
        out=options.out,
        progress=note,
    )
    print_json(report)
    return 0
