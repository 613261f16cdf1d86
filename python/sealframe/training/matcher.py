"""Train the face encoder: tell people apart by their margin, and find a person's other view among others'.

Cosine softmax with a margin (Wang et al., "CosFace", 2018) over the people, and noise-contrastive estimation (van den
Oord et al., 2018) over the two views of each. Everything follows from the recipe and its seed; a run can be resumed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from sealframe.training.frames import area_resize
from sealframe.training.matcher_networks import SIDE, VECTOR, FaceEncoder
from sealframe.training.matcher_views import standardise, view
from sealframe.training.run import TrainingRun, descend, learning_rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from sealframe.training.dataset import Picture

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


class MatcherRun(TrainingRun[MatcherRecipe]):
    """State of one run: encoder, its running average, the people's directions, optimiser, losses so far."""

    prefix = "matcher-"

    def __init__(self, recipe: MatcherRecipe, people: Tensor, backgrounds: Tensor, out: Path) -> None:
        """`people` and `backgrounds` are (n, 1, 160, 160); one portrait a person."""
        super().__init__(recipe, out)
        self.people = people
        self.backgrounds = backgrounds
        self.encoder = FaceEncoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.directions = nn.Parameter(torch.randn(len(people), VECTOR))
        self.averaged = copy.deepcopy(self.encoder)
        self.optimiser = torch.optim.AdamW(
            [*self.encoder.parameters(), self.directions], lr=recipe.rate, weight_decay=recipe.decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate_factor)
        self.resume()

    def _rate_factor(self, step: int) -> float:
        return learning_rate(step, self.recipe.steps, warm_up=100)

    def parts(self) -> dict[str, Any]:
        """Encoder, its running average, the people's directions, optimiser, schedule."""
        return {
            "encoder": self.encoder,
            "directions": nn.ParameterList([self.directions]),
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self._schedule,
        }

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

    def learn(self) -> dict[str, float]:
        """Two views of some people: whose are they, and which belong together."""
        recipe = self.recipe
        chosen = torch.randperm(len(self.people))[: recipe.people].repeat(2)
        vectors = F.normalize(self.encoder(self.views(chosen)))
        told, found = self._loss(vectors, chosen)
        loss = told + recipe.contrast_weight * found
        descend(loss, self.optimiser, self.encoder, longest=5)
        self._schedule.step()
        self._average_all()
        return {"people": float(told.detach()), "views": float(found.detach())}

    def _average_all(self) -> None:
        """The normalisation's statistics too; its count of batches is taken over as it is."""
        means, news = self.averaged.state_dict(), self.encoder.state_dict()
        weights = [name for name in means if means[name].is_floating_point()]
        self._average([means[name] for name in weights], [news[name] for name in weights])
        for name in means.keys() - set(weights):
            means[name].copy_(news[name])
