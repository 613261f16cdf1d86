"""Train the face encoder (M25): tell people apart by their margin, and find a person's other view among others'.

Cosine softmax with a margin (Wang et al., "CosFace", 2018) over the people, and noise-contrastive estimation (van den
Oord et al., 2018) over the two views of each. Everything follows from the recipe and its seed; a run can be resumed.
"""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from sealframe.training.frames import area_resize
from sealframe.training.matcher_networks import SIDE, TEMPLATE, FaceEncoder
from sealframe.training.matcher_views import standardise, view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from sealframe.training.scan import Picture

CHECKPOINT = "matcher-checkpoint.pt"
PORTRAIT = 160


@dataclass(frozen=True)
class MatcherRecipe:
    """All that determines a run besides the pictures."""

    steps: int = 2000
    seed: int = 1
    people: int = 64
    """People in a step, two views of each."""
    rate: float = 3e-3
    decay: float = 0.05
    scale: float = 20.0
    margin: float = 0.2
    smoothing: float = 0.05
    contrast_weight: float = 0.5
    temperature: float = 0.1
    averaging: float = 0.99


def portraits(pictures: Sequence[Picture]) -> Tensor:
    """Return square portraits as float32 gray levels (n, 1, 160, 160)."""
    grays = [area_resize(picture.gray, PORTRAIT, PORTRAIT) for picture in pictures]
    return torch.from_numpy(np.stack(grays)).unsqueeze(1).float()


class MatcherRun:
    """State of one run: encoder, its running average, the people's directions, optimiser, losses so far."""

    def __init__(self, recipe: MatcherRecipe, people: Tensor, backgrounds: Tensor, out: Path) -> None:
        """`people` and `backgrounds` are (n, 1, 160, 160); one portrait a person."""
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.people = people
        self.backgrounds = backgrounds
        self.out = out
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.encoder = FaceEncoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.directions = nn.Parameter(torch.randn(len(people), TEMPLATE))
        self.averaged = copy.deepcopy(self.encoder)
        self.optimiser = torch.optim.AdamW(
            [*self.encoder.parameters(), self.directions], lr=recipe.rate, weight_decay=recipe.decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate_factor)
        self._resume()

    def _rate_factor(self, step: int) -> float:
        warm = min(1.0, (step + 1) / 100)
        return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.recipe.steps)))

    def _parts(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self._schedule,
        }

    def save(self) -> None:
        """Write the checkpoint, replacing the last one only when the new one is complete."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "history": self.history, "directions": self.directions.detach()}
        state |= {"recipe": asdict(self.recipe), "random": torch.get_rng_state()}
        self.out.mkdir(parents=True, exist_ok=True)
        torch.save(state, self.out / "matcher-checkpoint.new")
        (self.out / "matcher-checkpoint.new").replace(self.out / CHECKPOINT)
        (self.out / "matcher-history.json").write_text(json.dumps(self.history) + "\n")

    def _resume(self) -> None:
        if not (self.out / CHECKPOINT).exists():
            return
        state = torch.load(self.out / CHECKPOINT, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(f"{self.out} holds a run of another recipe; choose an empty folder")
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        with torch.no_grad():
            self.directions.copy_(state["directions"])
        self.step, self.history = state["step"], state["history"]
        torch.set_rng_state(state["random"])

    def views(self, chosen: Tensor) -> Tensor:
        """Return a random view of each chosen person, as the encoder takes it."""
        with torch.no_grad():
            made = standardise(view(self.people[chosen], self.backgrounds, SIDE))
        return made.contiguous(memory_format=torch.channels_last)

    def _loss(self, vectors: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        cosines = vectors @ F.normalize(self.directions).T
        margins = recipe.margin * F.one_hot(chosen, len(self.people))
        told = F.cross_entropy(recipe.scale * (cosines - margins), chosen, label_smoothing=recipe.smoothing)
        one, other = vectors.chunk(2)
        alike = one @ other.T / recipe.temperature
        own = torch.arange(len(one))
        return told, (F.cross_entropy(alike, own) + F.cross_entropy(alike.T, own)) / 2

    def advance(self) -> dict[str, float]:
        """Take one step; return its losses."""
        recipe = self.recipe
        chosen = torch.randperm(len(self.people))[: recipe.people].repeat(2)
        vectors = F.normalize(self.encoder(self.views(chosen)))
        told, found = self._loss(vectors, chosen)
        loss = told + recipe.contrast_weight * found
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.encoder.parameters(), 5.0)
        self.optimiser.step()
        self._schedule.step()
        self._average()
        self.step += 1
        return {"step": self.step, "people": float(told.detach()), "views": float(found.detach())}

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
        for mean, new in zip(self.averaged.state_dict().values(), self.encoder.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, 1 - keep)
            else:
                mean.copy_(new)

    def run(self, say: Callable[[str], None]) -> None:
        """Train to the end of the recipe, saving every hundred steps."""
        begun, first = time.monotonic(), self.step
        self.encoder.train()
        while self.step < self.recipe.steps:
            losses = self.advance()
            if self.step % 20 == 0:
                self.history.append(losses)
            if self.step % 100 == 0 or self.step == self.recipe.steps:
                self.save()
                pace = (time.monotonic() - begun) / (self.step - first)
                left = pace * (self.recipe.steps - self.step)
                say(
                    f"step {self.step}/{self.recipe.steps}  people {losses['people']:.3f}"
                    f"  views {losses['views']:.3f}  {left:.0f} s left"
                )
        self.averaged.eval()
