"""Command line of training: `python -m sealframe.training gan|vae|evaluate`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from sealframe.training import evaluate as judging
from sealframe.training.export import export_gan
from sealframe.training.gan import GanRecipe, GanRun
from sealframe.training.scan import scan
from sealframe.training.sheets import draw_history, draw_samples
from sealframe.training.vae import VaeRecipe, VaeRun
from sealframe.training.vae_export import export_vae

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _recipe(arguments: argparse.Namespace) -> GanRecipe:
    recipe = GanRecipe(held_out=tuple(arguments.hold_out))
    if arguments.steps is not None:
        recipe = replace(recipe, steps=arguments.steps)
    return replace(recipe, seed=arguments.seed)


def _train(arguments: argparse.Namespace) -> None:
    found = scan(arguments.folder)
    _say(f"{len(found.pictures)} pictures of {len(found.sources)} sources; {len(found.dropped)} dropped")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "dropped.json").write_text(json.dumps(found.dropped, indent=2, sort_keys=True) + "\n")
    run = GanRun(_recipe(arguments), found.pictures, arguments.out)
    run.run(_say)
    draw_history(run.history, arguments.out / "losses.png")
    export_gan(run, arguments.out)
    draw_samples(arguments.out, run.pairs.batch(0, 64), arguments.out / "samples.png")
    _say(
        f"written: {arguments.out}/generator.onnx, generator_discriminator.onnx, manifest.json, losses.png, samples.png"
    )


def _train_vae(arguments: argparse.Namespace) -> None:
    recipe = replace(VaeRecipe(held_out=tuple(arguments.hold_out)), seed=arguments.seed)
    if arguments.steps is not None:
        recipe = replace(recipe, steps=arguments.steps)
    run = VaeRun(recipe, scan(arguments.folder).pictures, arguments.out)
    run.run(_say)
    draw_history(run.history, arguments.out / "vae-losses.png")
    export_vae(run, arguments.out)
    _say(f"{arguments.out} holds the networks, manifest.json and vae-losses.png")


def _evaluate(arguments: argparse.Namespace) -> None:
    recipe = json.loads((arguments.models / "manifest.json").read_text())["models"]["generator"]["recipe"]
    categories = []
    for named, kept in ((arguments.unseen, None), (arguments.trained_on, recipe["held_out"])):
        for assignment in named:
            name, _, folder = assignment.partition("=")
            categories.append(judging.photographed(name, Path(folder), kept))
    report = judging.evaluate(arguments.models, [*categories, *judging.drawn(arguments.seed)], arguments.seed)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def _add_training(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], None]) -> None:
    """Give a training command its arguments."""
    parser.add_argument("folder", nargs="+", type=Path, help="pictures, one folder per source (person, photograph)")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run; an unfinished run there is resumed")
    parser.add_argument("--steps", type=int, help="length of the run (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--hold-out", nargs="*", default=[], metavar="SOURCE", help="sources kept for judging, as folder/source"
    )
    parser.set_defaults(command=command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sealframe.training", description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="threads of the training (default: %(default)s)")
    commands = parser.add_subparsers(required=True)

    for name, command, what in (("gan", _train, "generator and discriminator"), ("vae", _train_vae, "both VAE nets")):
        _add_training(commands.add_parser(name, help=f"train, round and export {what}"), command)

    judge = commands.add_parser("evaluate", help="judge exported networks on pictures they were not trained on")
    judge.add_argument("--models", required=True, type=Path, help="folder with manifest.json")
    judge.add_argument("--unseen", nargs="*", default=[], metavar="NAME=FOLDER", help="pictures never trained on")
    judge.add_argument(
        "--trained-on",
        nargs="*",
        default=[],
        metavar="NAME=FOLDER",
        help="training folders: held-out sources are judged",
    )
    judge.add_argument("--seed", type=int, default=7)
    judge.set_defaults(command=_evaluate)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused, 2 usage."""
    parsed = _parser().parse_args(arguments)
    torch.set_num_threads(parsed.threads)
    try:
        parsed.command(parsed)
    except (OSError, ValueError) as refusal:
        _say(f"error: {refusal}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
