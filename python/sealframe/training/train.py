"""Train networks on folders of pictures: recipe, cleaning, choice, training, export, and drawings of how it went.

folders -> pictures (what was dropped, and why) -> recipe (the best of those tried) -> run -> networks, manifest
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sealframe.faces import choose_detector
from sealframe.training.choice import choose, parse_options, variants
from sealframe.training.dataset import Picture, scan
from sealframe.training.export import export_gan
from sealframe.training.face_check import FaceCheck
from sealframe.training.gan import GanRecipe, GanRun
from sealframe.training.matcher import MatcherRecipe, MatcherRun, portraits
from sealframe.training.matcher_export import export_matcher
from sealframe.training.recipes import read_recipe
from sealframe.training.sheets import draw_dropped, draw_history, draw_samples
from sealframe.training.vae import VaeRecipe, VaeRun
from sealframe.training.vae_export import export_vae

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sealframe.training.choice import SizedRun

    Report = Callable[[str], None]

Recipe = TypeVar("Recipe", GanRecipe, MatcherRecipe, VaeRecipe)
ImageRecipe = TypeVar("ImageRecipe", GanRecipe, VaeRecipe)


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train on, where the run goes, and how it departs from the recipe's defaults."""

    folders: Sequence[Path]
    """Pictures, one folder below each for every source."""
    out: Path
    """The run's folder; an unfinished run there goes on."""
    recipe: Path | None = None
    """Fields of the recipe, as JSON."""
    steps: int | None = None
    seed: int | None = None
    faces: bool = False
    """Drop pictures without a face, or with a covered one."""
    detector: str | None = None
    """MODULE:NAME of the detector for that; it implies `faces`."""
    hold_out: Sequence[str] = ()
    """Sources kept for judging, beside those that are always kept."""
    choices: Sequence[str] = ()
    """FIELD=VALUE,VALUE to try in short runs first."""
    choice_steps: int | None = None
    """Length of these runs; a tenth of the recipe's by default."""


def train_gan(request: TrainingRequest, report: Report) -> None:
    """Train, round and export generator and discriminator.

    Parameters
    ----------
    request
        What to train on, and how.
    report
        Called with a line on how it goes.

    Raises
    ------
    ValueError
        For folders, recipes or detectors that cannot be used.

    """
    recipe = _recipe(GanRecipe(), request)
    pictures = _clean(request, report)
    recipe = _chosen(lambda each, out: GanRun(each, pictures, out), recipe, request, report)
    run = GanRun(recipe, pictures, request.out)
    run.run(report)
    draw_history(run.history, request.out / "losses.png")
    export_gan(run, request.out)
    draw_samples(request.out, run.pairs.batch(0, min(64, recipe.batch)), request.out / "samples.png")
    report(f"{request.out} holds the networks, manifest.json, recipe.json, losses.png and samples.png")


def train_vae(request: TrainingRequest, features: str | None, report: Report) -> None:
    """Train, round and export posterior and likelihood net.

    Parameters
    ----------
    request
        What to train on, and how.
    features
        What the posterior net reads, "pixels" or "spectrum"; the recipe's by default.
    report
        Called with a line on how it goes.

    Raises
    ------
    ValueError
        For folders, recipes or detectors that cannot be used.

    """
    recipe = _recipe(VaeRecipe(), request)
    if features:
        recipe = replace(recipe, features=features)
    pictures = _clean(request, report)
    recipe = _chosen(lambda each, out: VaeRun(each, pictures, out), recipe, request, report)
    run = VaeRun(recipe, pictures, request.out)
    run.run(report)
    draw_history(run.history, request.out / "vae-losses.png")
    export_vae(run, request.out)
    report(f"{request.out} holds the networks, manifest.json, vae-recipe.json and vae-losses.png")


def train_matcher(request: TrainingRequest, backgrounds: Sequence[Path], report: Report) -> None:
    """Train, round and export the face encoder, from one portrait a person.

    Parameters
    ----------
    request
        Whose portraits, and how.
    backgrounds
        Folders of pictures without faces.
    report
        Called with a line on how it goes.

    Raises
    ------
    ValueError
        For folders, recipes or detectors that cannot be used.

    """
    recipe = _recipe(MatcherRecipe(), request)
    people = portraits(_clean(request, report))
    run = MatcherRun(recipe, people, portraits(scan(backgrounds).pictures), request.out)
    run.run(report, every=50)
    draw_history(run.history, request.out / "matcher-losses.png")
    export_matcher(run, request.out)
    report(f"{request.out} holds face_encoder.onnx, manifest.json and matcher-losses.png")


def _recipe(start: Recipe, request: TrainingRequest) -> Recipe:
    """The recipe's file, then what the request says."""
    recipe = read_recipe(start, request.recipe) if request.recipe else start
    if request.steps is not None:
        recipe = replace(recipe, steps=request.steps)
    if request.seed is not None:
        recipe = replace(recipe, seed=request.seed)
    if request.hold_out and not isinstance(recipe, MatcherRecipe):
        recipe = replace(recipe, held_out=tuple(request.hold_out))
    return recipe


def _chosen(
    start: Callable[[ImageRecipe, Path], SizedRun], recipe: ImageRecipe, request: TrainingRequest, report: Report
) -> ImageRecipe:
    """The recipe, or the best of those that the request says to try first."""
    if not request.choices:
        return recipe
    recipes = variants(recipe, parse_options(request.choices))
    steps = request.choice_steps or max(1, recipe.steps // 10)
    return choose(start, recipes, steps, request.out / "choice", report).recipe


def _clean(request: TrainingRequest, report: Report) -> list[Picture]:
    """Scan the folders, and write what was dropped and why."""
    detector = choose_detector(request.detector) if request.detector else None
    found = scan(request.folders, FaceCheck(detector) if request.faces or detector else None)
    report(f"{len(found.pictures)} pictures of {len(found.sources)} sources; {len(found.dropped)} dropped")
    request.out.mkdir(parents=True, exist_ok=True)
    (request.out / "dropped.json").write_text(json.dumps(found.dropped, indent=2, sort_keys=True) + "\n")
    if found.dropped:
        draw_dropped(found.dropped, request.out / "dropped.png")
    return found.pictures
