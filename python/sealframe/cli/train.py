"""`sealframe train`: networks from folders of pictures, and what exported networks are worth."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from sealframe.cli.streams import print_json
from sealframe.errors import PolicyError
from sealframe.faces import choose_detector
from sealframe.training import evaluate_networks
from sealframe.training.choice import choose, parse_options, variants
from sealframe.training.dataset import Scan, scan
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
    import argparse
    from collections.abc import Callable

    from sealframe.training.choice import SizedRun

Recipe = TypeVar("Recipe", GanRecipe, MatcherRecipe, VaeRecipe)


def run(arguments: argparse.Namespace) -> int:
    """Train or judge, and return the exit status."""
    torch.set_num_threads(arguments.threads)
    try:
        _ACTIONS[arguments.action](arguments)
    except ValueError as refusal:
        raise PolicyError(str(refusal)) from None
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _recipe(start: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe's file, then what the command line says."""
    recipe = read_recipe(start, arguments.recipe) if arguments.recipe else start
    if arguments.steps is not None:
        recipe = replace(recipe, steps=arguments.steps)
    if arguments.seed is not None:
        recipe = replace(recipe, seed=arguments.seed)
    if arguments.hold_out and not isinstance(recipe, MatcherRecipe):
        recipe = replace(recipe, held_out=tuple(arguments.hold_out))
    return recipe


def _chosen(start: Callable[[Recipe, Path], SizedRun], recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe, or the best of what the command line says to try first."""
    if not arguments.choose:
        return recipe
    recipes = variants(recipe, parse_options(arguments.choose))
    steps = arguments.choose_steps or max(1, recipe.steps // 10)
    return choose(start, recipes, steps, arguments.out / "choice", _say).recipe


def _clean(arguments: argparse.Namespace) -> Scan:
    """Scan the folders, and write what was dropped and why."""
    detector = choose_detector(arguments.detector) if arguments.detector else None
    found = scan(arguments.folder, FaceCheck(detector) if arguments.faces or detector else None)
    _say(f"{len(found.pictures)} pictures of {len(found.sources)} sources; {len(found.dropped)} dropped")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "dropped.json").write_text(json.dumps(found.dropped, indent=2, sort_keys=True) + "\n")
    if found.dropped:
        draw_dropped(found.dropped, arguments.out / "dropped.png")
    return found


def _train_gan(arguments: argparse.Namespace) -> None:
    recipe = _recipe(GanRecipe(), arguments)
    pictures = _clean(arguments).pictures
    recipe = _chosen(lambda each, out: GanRun(each, pictures, out), recipe, arguments)
    gan = GanRun(recipe, pictures, arguments.out)
    gan.run(_say)
    draw_history(gan.history, arguments.out / "losses.png")
    export_gan(gan, arguments.out)
    draw_samples(arguments.out, gan.pairs.batch(0, min(64, recipe.batch)), arguments.out / "samples.png")
    _say(f"{arguments.out} holds the networks, manifest.json, recipe.json, losses.png and samples.png")


def _train_vae(arguments: argparse.Namespace) -> None:
    recipe = _recipe(VaeRecipe(), arguments)
    if arguments.features:
        recipe = replace(recipe, features=arguments.features)
    pictures = _clean(arguments).pictures
    recipe = _chosen(lambda each, out: VaeRun(each, pictures, out), recipe, arguments)
    vae = VaeRun(recipe, pictures, arguments.out)
    vae.run(_say)
    draw_history(vae.history, arguments.out / "vae-losses.png")
    export_vae(vae, arguments.out)
    _say(f"{arguments.out} holds the networks, manifest.json, vae-recipe.json and vae-losses.png")


def _train_matcher(arguments: argparse.Namespace) -> None:
    recipe = _recipe(MatcherRecipe(), arguments)
    people = portraits(_clean(arguments).pictures)
    matcher = MatcherRun(recipe, people, portraits(scan(arguments.backgrounds).pictures), arguments.out)
    matcher.run(_say, every=50)
    draw_history(matcher.history, arguments.out / "matcher-losses.png")
    export_matcher(matcher, arguments.out)
    _say(f"{arguments.out} holds face_encoder.onnx, manifest.json and matcher-losses.png")


def _judge(arguments: argparse.Namespace) -> None:
    entries = json.loads((arguments.models / "manifest.json").read_text())["models"]
    kept_back = {source for entry in entries.values() for source in entry["recipe"].get("held_out", ())}
    categories = []
    for named, kept in ((arguments.unseen, None), (arguments.trained_on, kept_back)):
        for assignment in named:
            name, _, folder = assignment.partition("=")
            categories.append(evaluate_networks.photographed(name, Path(folder), kept))
    print_json(
        evaluate_networks.evaluate(
            arguments.models, [*categories, *evaluate_networks.drawn(arguments.seed)], arguments.seed
        )
    )


_ACTIONS = {"gan": _train_gan, "vae": _train_vae, "matcher": _train_matcher, "judge": _judge}
