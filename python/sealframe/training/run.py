"""What every training run does: steps in order, a line now and then, a checkpoint to resume from."""

from __future__ import annotations

import json
import math
import pickle
import time
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from sealframe.training.recipes import with_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torch import Tensor

SAVE_EVERY_S = 60.0


def learning_rate(step: int, steps: int, warm_up: int, lowest: float = 0.0) -> float:
    """Part of the highest learning rate at a step: up a line over `warm_up` steps, down a cosine to `lowest`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return min(1.0, (step + 1) / warm_up) * (lowest + (1 - lowest) * cosine)


def descend(
    loss: Tensor, optimiser: torch.optim.Optimizer, clipped: nn.Module | None = None, longest: float = 1
) -> None:
    """Take one step down a loss; gradients of the network `clipped` are together at most `longest`."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if clipped is not None:
        nn.utils.clip_grad_norm_(clipped.parameters(), longest)
    optimiser.step()


class RunRecipe(Protocol):
    """A frozen dataclass of all that determines a run besides the pictures."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def steps(self) -> int:
        """Length of the run."""

    @property
    def seed(self) -> int:
        """Of everything random."""

    @property
    def averaging(self) -> float:
        """How much a running average of weights keeps of itself at a step, late in the run."""


Recipe = TypeVar("Recipe", bound=RunRecipe)


class TrainingRun(ABC, Generic[Recipe]):
    """A run of one recipe in one folder. Everything follows from the recipe, its seed and the pictures."""

    prefix: ClassVar[str] = ""
    """Before the names of the run's files."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        """Start afresh: subclasses make their parts, then `resume`."""
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.out = out
        self.step = 0
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds, by name: networks, optimisers, schedules."""

    @abstractmethod
    def learn(self) -> dict[str, float]:
        """Take step number `step`; return its losses."""

    def advance(self) -> dict[str, float]:
        """Take one step and count it; return its losses."""
        losses = self.learn()
        self.step += 1
        return losses

    def run(self, report: Callable[[str], None], every: int = 200) -> None:
        """Train to the last step, saving every minute.

        Parameters
        ----------
        report : callable
            Called with a line of mean losses.
        every : int
            After so many steps.
        """
        steps, first = self.recipe.steps, self.step
        started = saved = time.monotonic()
        sums: dict[str, float] = {}
        while self.step < steps:
            for name, value in self.advance().items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % every == 0:
                means = {name: value / every for name, value in sums.items()}
                sums = {}
                self.history.append({"step": self.step, **means})
                left = (time.monotonic() - started) / (self.step - first) * (steps - self.step)
                facts = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
                report(f"step {self.step}/{steps}  {facts}  {left / 60:.1f} min left")
            if time.monotonic() - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> None:
        """Write the checkpoint, replacing the last one only when the new one is complete."""
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(self._state(), self._file("checkpoint.new"))
        self._file("checkpoint.new").replace(self._file("checkpoint.pt"))
        self._file("recipe.json").write_text(json.dumps(asdict(self.recipe), indent=2) + "\n")
        self._file("history.json").write_text(json.dumps(self.history) + "\n")

    def resume(self) -> None:
        """Go on from the folder's checkpoint, if there is one. Raises ValueError when it is of another recipe."""
        if not self._file("checkpoint.pt").exists():
            return
        try:
            state = torch.load(self._file("checkpoint.pt"), weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as failure:
            raise ValueError(f"{self._file('checkpoint.pt')} is not a checkpoint; choose an empty folder.") from failure
        if with_facts(type(self.recipe)(), state["recipe"]) != self.recipe:
            raise ValueError(f"{self.out} holds a run of another recipe; choose an empty folder.")
        self._restore(state)

    def _state(self) -> dict[str, Any]:
        state = {name: part.state_dict() for name, part in self.parts().items()}
        facts = {"step": self.step, "history": self.history, "random": torch.get_rng_state()}
        return state | facts | {"recipe": asdict(self.recipe)}

    def _restore(self, state: dict[str, Any]) -> None:
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.step, self.history = state["step"], state["history"]
        torch.set_rng_state(state["random"])

    def _average(self, means: Iterable[Tensor], news: Iterable[Tensor]) -> None:
        """Move running averages of weights towards the new weights, faster at the start of a run."""
        keep = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(means, news, strict=True):
                mean.lerp_(new, 1 - keep)

    def _file(self, name: str) -> Path:
        return self.out / f"{self.prefix}{name}"
