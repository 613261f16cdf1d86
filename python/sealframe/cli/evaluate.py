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
    parser.add_argument("folder", metavar="FOLDER", nargs="+", type=Path, help="pictures never trained on")
    parser.add_argument(
        "--most", metavar="N", type=positive, default=20, help="pictures per folder, evenly spread (default: 20)"
    )
    parser.add_argument(
        "--learn-from",
        metavar="FOLDER",
        nargs="+",
        default=[],
        type=Path,
        help="other pictures, from which comparators learn where edits are (default: no comparators)",
    )
    parser.add_argument(
        "--most-learnt", metavar="N", type=positive, default=400, help="pictures per such folder (default: 400)"
    )
    parser.add_argument(
        "--examples", metavar="N", type=positive, default=2000, help="edits that they learn from (default: 2000)"
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="also write evaluation.json and plots here")
    parser.add_argument("--seed", type=int, default=7, help="of noise and places of edits (default: %(default)s)")


def run(options: Namespace) -> int:
    """Measure, print, draw."""
    import torch

    from sealframe.training.factor_report import frames_in, report_on_factor

    torch.set_num_threads(1)
    with value_errors_refused():
        pictures = frames_in(options.folder, options.most)
        if len(pictures) < 2:
            raise PolicyError("Give at least two pictures that can be used.")
        teachers = frames_in(options.learn_from, options.most_learnt)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    note(f"{len(pictures)} pictures to judge on, {len(teachers)} to learn comparators from")
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
