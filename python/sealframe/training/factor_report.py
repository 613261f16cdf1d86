"""Everything that `factor_evaluation` measures on one's own pictures, as one report with its plots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe.training import evaluation_plots as plots
from sealframe.training import factor_evaluation as evaluation
from sealframe.training.block_features import ALL_BLOCK_FEATURES, installed_peers
from sealframe.training.dataset import scan
from sealframe.training.frames import to_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]


def frames_in(folders: Sequence[Path], most: int) -> dict[str, Gray]:
    """Frames of folders by the names of their files.

    Parameters
    ----------
    folders
        Folders of pictures.
    most
        Pictures of each folder, at most; they are evenly spread.

    Returns
    -------
    dict
        Gray frames of (128, 128) uint8.

    Raises
    ------
    ValueError
        When one is no folder.

    """
    frames: dict[str, Gray] = {}
    for folder in folders:
        pictures = scan([folder]).pictures
        chosen = np.linspace(0, len(pictures) - 1, min(most, len(pictures))).astype(int)
        frames |= {str(pictures[index].path): to_frame(pictures[index].gray) for index in chosen}
    return frames


def report_on_factor(
    pictures: Mapping[str, Gray],
    teachers: Sequence[Gray],
    *,
    examples: int,
    seed: int,
    out: Path | None,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Measure how parts of the factor tell pictures apart and locate edits.

    Parameters
    ----------
    pictures
        Frames of (128, 128) uint8 that no network was trained on, by name; at least two.
    teachers
        Other frames, from which comparators learn where edits are; without any there are no comparators.
    examples
        Number of edits that comparators learn from.
    seed
        Of noise and of places of edits.
    out
        An existing folder for evaluation.json and the plots; None writes nothing.
    progress
        Called with a line on what is measured next.

    Returns
    -------
    dict
        The report, as JSON values.

    """
    frames, rng = list(pictures.values()), np.random.default_rng(seed)
    progress("one pixel, equal reductions, nearest pairs")
    report = {"pictures": len(frames), "learnt_from": len(teachers), **_facts_of_pairs(pictures, rng)}
    progress("same or different")
    found = evaluation.distances(frames, rng)
    report["same_or_different"] = evaluation.same_or_different(found)
    comparators = evaluation.learn_comparators(teachers, examples, seed, progress) if teachers else {}
    for key, changes in (("localisation", evaluation.BEFORE_LOCALISING), ("localisation_moved", evaluation.MOVED)):
        report[key] = evaluation.localisation(frames, changes, comparators, rng, progress)
    if out is not None:
        (out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
        plots.draw_roc(found, out / "roc.png")
        plots.draw_localisation(report["localisation"], out / "localisation.png")
        plots.draw_edits(frames, comparators, rng, out / "edits.png")
        plots.draw_nearest(report["nearest_pairs"], pictures, out / "nearest.png")
        progress(f"{out} holds evaluation.json, roc.png, localisation.png, edits.png and nearest.png")
    return report


def _facts_of_pairs(pictures: Mapping[str, Gray], rng: np.random.Generator) -> dict[str, Any]:
    """What is compared, and what needs no edits."""
    frames = list(pictures.values())
    return {
        "missing_peers": [name for name, there in installed_peers().items() if not there],
        "bytes": {name: code.bytes for name, code in ALL_BLOCK_FEATURES.items()},
        "one_pixel": evaluation.one_pixel(frames, rng),
        "equal_reductions": evaluation.collisions(frames),
        "nearest_pairs": evaluation.nearest_pairs(list(pictures), frames),
    }
