"""Choice among recipes by short runs: the smallest networks that are about as good as the best.

Every candidate runs for the same few steps from the same pictures and seed, and is judged on sources kept for judging.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from sealframe import plots
from sealframe.training.frames import to_frame, to_tiles
from sealframe.training.recipes import with_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sealframe.training.dataset import Picture

MOST_FRAMES = 64
"""Frames that a candidate is judged on."""

Recipe = TypeVar("Recipe")


class SizedRun(Protocol):
    """A training run whose recipe sets the size of its networks."""

    loss_name: ClassVar[str]
    """What `held_out_loss` measures."""
    tolerance: ClassVar[float]
    """How much of that loss smaller networks are worth."""

    def run(self, report: Callable[[str], None], every: int) -> None:
        """Train to the last step."""

    def weights(self) -> int:
        """Weights of the networks."""

    def held_out_loss(self) -> float:
        """What the averaged networks lose on sources kept for judging."""


@dataclass(frozen=True)
class Candidate(Generic[Recipe]):
    """A recipe, by the fields in which it differs, with its size and what it lost on pictures kept for judging."""

    name: str
    recipe: Recipe
    weights: int
    loss: float


def parse_options(assignments: Sequence[str]) -> dict[str, list[Any]]:
    """Read fields and the values to try.

    Parameters
    ----------
    assignments : sequence of str
        As `channels=8,16`, `features=pixels,spectrum`.

    Returns
    -------
    dict of str to list

    Raises
    ------
    ValueError
        For text of another form.
    """
    options: dict[str, list[Any]] = {}
    for assignment in assignments:
        name, equals, values = assignment.partition("=")
        if not (name and equals and values):
            raise ValueError(f"--choose must be FIELD=VALUE,VALUE, not {assignment}; change the option.")
        options[name] = [_value(each) for each in values.split(",")]
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def variants(recipe: Recipe, options: Mapping[str, Sequence[Any]]) -> dict[str, Recipe]:
    """Every combination of the values, by name. Raises ValueError for a field that the recipe does not have."""
    names = list(options)
    combinations = [dict(zip(names, values, strict=True)) for values in product(*options.values())]
    return {" ".join(f"{name}={facts[name]}" for name in names): with_facts(recipe, facts) for facts in combinations}


def judging_tiles(kept: Sequence[Picture]) -> NDArray[np.uint8]:
    """Tiles (n, 32, 32) of pictures kept for judging, evenly spread. Raises ValueError when there are none."""
    if not kept:
        raise ValueError("No source is kept for judging; name sources with --hold-out, or give more sources.")
    places = np.linspace(0, len(kept) - 1, min(MOST_FRAMES, len(kept))).round().astype(int)
    return to_tiles(np.stack([to_frame(kept[place].gray) for place in places]))


def best(candidates: Sequence[Candidate[Recipe]], tolerance: float) -> Candidate[Recipe]:
    """The smallest candidate whose loss is within `tolerance` of the least; of equal ones the first."""
    least = min(candidate.loss for candidate in candidates)
    return min((each for each in candidates if each.loss <= least + tolerance), key=lambda each: each.weights)


def choose(
    start: Callable[[Recipe, Path], SizedRun],
    recipes: Mapping[str, Recipe],
    steps: int,
    out: Path,
    report: Callable[[str], None],
) -> Candidate[Recipe]:
    """Run every recipe for a few steps and choose one.

    Parameters
    ----------
    start : callable
        Makes a run of a recipe in a folder.
    recipes : mapping of str to recipe
        What to try, by name.
    steps : int
        Length of every run.
    out : Path
        Each run gets a folder below; choice.json and choice.png are written here.
    report : callable
        Called with a line now and then.

    Returns
    -------
    Candidate
    """
    candidates: list[Candidate[Recipe]] = []
    unit, tolerance = "", 0.0
    for name, recipe in recipes.items():
        report(f"trying {name}")
        run = start(with_facts(recipe, {"steps": steps}), out / name)
        run.run(report, every=max(1, steps // 4))
        candidates.append(Candidate(name, recipe, run.weights(), run.held_out_loss()))
        unit, tolerance = run.loss_name, run.tolerance
        report(f"{name}: {candidates[-1].weights} weights, {unit} {candidates[-1].loss:.4f}")
    chosen = best(candidates, tolerance)
    entries = [{"name": each.name, "weights": each.weights, "loss": each.loss} for each in candidates]
    facts = {"steps": steps, "loss": unit, "tolerance": tolerance, "chosen": chosen.name, "candidates": entries}
    (out / "choice.json").write_text(json.dumps(facts, indent=2) + "\n")
    draw_choice(candidates, chosen, unit, out / "choice.png")
    report(f"chosen: {chosen.name}")
    return chosen


def draw_choice(candidates: Sequence[Candidate[Any]], chosen: Candidate[Any], unit: str, path: Path) -> None:
    """Draw loss against size, the choice filled, as PNG."""
    with plots.chart(7, 4.6, "Short runs", f"chosen: {chosen.name}") as figure:
        axes = figure.subplots()
        for each in candidates:
            fill = plots.COLOURS[0] if each is chosen else "white"
            axes.plot(each.weights / 1e3, each.loss, "o", color=plots.COLOURS[0], markerfacecolor=fill)
            plots.label(axes, each.name, each.weights / 1e3, each.loss, va="center", fontsize=8)
        axes.margins(x=0.3, y=0.15)
        axes.set_xlabel("size of the networks (thousand weights)")
        axes.set_ylabel(unit)
        path.write_bytes(plots.png(figure))
