"""`sealframe evaluate`: what the image factor can do on pictures of your own, as JSON and pictures."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sealframe.cli.streams import print_json
from sealframe.errors import PolicyError
from sealframe.training import evaluation_plots as plots
from sealframe.training import factor_evaluation as evaluation
from sealframe.training.block_features import ALL_BLOCK_FEATURES, installed_peers
from sealframe.training.dataset import scan
from sealframe.training.frames import to_frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, draw, and return the exit status."""
    torch.set_num_threads(1)
    pictures = _frames(arguments.folder, arguments.most)
    if len(pictures) < 2:
        raise PolicyError("Give at least two pictures that can be used.")
    teachers = _frames(arguments.learn_from, arguments.most_learnt)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    _say(f"{len(pictures)} pictures to judge on, {len(teachers)} to learn comparators from")
    report = _evaluate(pictures, list(teachers.values()), arguments)
    print_json(report)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _frames(folders: Sequence[Path], most: int) -> dict[str, Gray]:
    """Frames of 128x128 by the names of their files, at most so many of each folder, evenly spread."""
    frames: dict[str, Gray] = {}
    for folder in folders:
        try:
            pictures = scan([folder]).pictures
        except ValueError as refusal:
            raise PolicyError(str(refusal)) from None
        chosen = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).astype(int)
        frames |= {str(pictures[index].path): to_frame(pictures[index].gray) for index in chosen}
    return frames


def _evaluate(pictures: dict[str, Gray], teachers: Sequence[Gray], arguments: argparse.Namespace) -> dict[str, Any]:
    names, frames = list(pictures), list(pictures.values())
    rng = np.random.default_rng(arguments.seed)
    _say("one pixel, equal reductions, nearest pairs")
    report: dict[str, Any] = {
        "pictures": len(frames),
        "learnt_from": len(teachers),
        "missing_peers": [name for name, there in installed_peers().items() if not there],
        "bytes": {name: code.bytes for name, code in ALL_BLOCK_FEATURES.items()},
        "one_pixel": evaluation.one_pixel(frames, rng),
        "equal_reductions": evaluation.collisions(frames),
        "nearest_pairs": evaluation.nearest_pairs(names, frames),
    }
    _say("same or different")
    found = evaluation.distances(frames, rng)
    report["same_or_different"] = evaluation.same_or_different(found)
    comparators = evaluation.learn_comparators(teachers, arguments.examples, arguments.seed, _say) if teachers else {}
    for key, changes in (("localisation", evaluation.BEFORE_LOCALISING), ("localisation_moved", evaluation.MOVED)):
        report[key] = evaluation.localisation(frames, changes, comparators, rng, _say)
    if arguments.out is not None:
        (arguments.out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
        plots.draw_roc(found, arguments.out / "roc.png")
        plots.draw_localisation(report["localisation"], arguments.out / "localisation.png")
        plots.draw_edits(frames, comparators, rng, arguments.out / "edits.png")
        plots.draw_nearest(report["nearest_pairs"], pictures, arguments.out / "nearest.png")
        _say(f"{arguments.out} holds evaluation.json, roc.png, localisation.png, edits.png and nearest.png")
    return report
