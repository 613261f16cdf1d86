"""`sealframe evaluate`: what the image factor can do on pictures of your own, as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from sealframe.cli.streams import print_json
from sealframe.errors import PolicyError
from sealframe.training.factor_evaluation import localisation, one_pixel, same_or_different
from sealframe.training.frames import to_frame
from sealframe.training.scan import scan

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and return the exit status."""
    frames = []
    for folder in arguments.folder:
        try:
            pictures = scan([folder]).pictures
        except ValueError as refusal:
            raise PolicyError(str(refusal)) from None
        chosen = np.linspace(0, len(pictures) - 1, min(arguments.most, len(pictures))).astype(int)
        frames += [to_frame(pictures[index].gray) for index in chosen]
    if len(frames) < 2:
        raise PolicyError("Give at least two pictures that can be used.")
    print(f"{len(frames)} pictures", file=sys.stderr)
    rng = np.random.default_rng(arguments.seed)
    print_json(
        {
            "pictures": len(frames),
            "one_pixel": one_pixel(frames, rng),
            "same_or_different": same_or_different(frames, rng),
            "localisation": localisation(frames, rng),
        }
    )
    return 0
