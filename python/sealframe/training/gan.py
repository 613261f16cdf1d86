"""Train generator and discriminator: reconstruction with cross-entropy against each other.

Most of a run learns to reconstruct alone, then the discriminator joins. Everything follows from the recipe and its
seed; a run can be stopped and resumed.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.training.choice import judging_tiles
from sealframe.training.dataset import divide
from sealframe.training.networks import Discriminator, Generator
from sealframe.training.pairs import Mix, Pairs
from sealframe.training.ranges import GeneratorSteps, RangedGenerator, measure_steps
from sealframe.training.run import TrainingRun, descend, learning_rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from sealframe.training.dataset import Picture


@dataclass(frozen=True)
class GanRecipe:
    """All that determines a GAN run besides the pictures."""

    steps: int = 14000
    seed: int = 1
    batch: int = 32
    judged: int = 8
    """Tiles per step, and how many of them the discriminator sees."""
    channels: int = 16
    """Maps behind the generator's fully connected layer, 2 to 16: its size."""
    rate: float = 1e-3
    dense_rate: float = 3e-4
    discriminator_rate: float = 1e-4
    """Learning rates of Adam at their highest; the generator's fall along a cosine."""
    log_error_weight: float = 1.0
    absolute_weight: float = 0.5
    structure_weight: float = 0.2
    adversarial_weight: float = 0.003
    adversarial_from: float = 0.8
    """Part of the run after which the discriminator joins."""
    averaging: float = 0.998
    bfloat16: bool = False
    """Pays only on processors that compute with it: on AVX2 alone a step takes nine times longer than in float32."""
    mix: Mix = field(default_factory=Mix)
    held_out: tuple[str, ...] = ()
    """Sources kept for judging besides those that `scan.held_out` keeps."""


def to_tensor(tiles: NDArray[np.uint8]) -> Tensor:
    """Standardise gray tiles (n, 32, 32) to (n, 1, 32, 32) float32 in [-1, 1)."""
    return (torch.from_numpy(tiles).unsqueeze(1).float() - 128) / 128


def log_error(derived: Tensor, clear: Tensor) -> Tensor:
    """Return the mean over tiles of the log of the squared error: what a mean PSNR measures.

    The added constant, about three gray levels squared, keeps near-perfect flat tiles from taking over.
    """
    error = (derived - clear).square().mean((1, 2, 3))
    return torch.log(error + 2e-4).mean()


def structural_loss(derived: Tensor, clear: Tensor) -> Tensor:
    """Return 1 - SSIM over 7x7 windows."""

    def mean(maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps, 7, 1)

    mean_d, mean_c = mean(derived), mean(clear)
    variance_d = mean(derived.square()) - mean_d.square()
    variance_c = mean(clear.square()) - mean_c.square()
    covariance = mean(derived * clear) - mean_d * mean_c
    c1, c2 = (2 * 0.01) ** 2, (2 * 0.03) ** 2
    alike = (2 * mean_d * mean_c + c1) * (2 * covariance + c2)
    scale = (mean_d.square() + mean_c.square() + c1) * (variance_d + variance_c + c2)
    return 1 - (alike / scale).mean()


class GanRun(TrainingRun[GanRecipe]):
    """State of one run: networks, optimisers, running averages of the generator's weights, and the losses so far."""

    loss_name: ClassVar[str] = "error on clear tiles, -PSNR in dB"
    tolerance: ClassVar[float] = 0.3

    def __init__(self, recipe: GanRecipe, pictures: Sequence[Picture], out: Path) -> None:
        """Start afresh, or go on from the checkpoint in `out` when one of the same recipe is there."""
        super().__init__(recipe, out)
        learnt, self._judged = divide(pictures, recipe.held_out)
        self.pairs = Pairs(learnt, recipe.mix, recipe.seed)
        self.generator = Generator(recipe.channels)
        self.discriminator = Discriminator()
        first, _ = self.pairs.batch(0, 512)
        self.generator.calibrate_normalisation(to_tensor(first))
        self.steps = measure_steps(self.generator, to_tensor(first))
        self.averaged = copy.deepcopy(self.generator)
        dense = [*self.generator.dense.parameters(), *self.generator.normalise.parameters()]
        kernels = [self.generator.spread, self.generator.grow, self.generator.draw]
        self.generator_optimiser = torch.optim.Adam(
            [{"params": dense, "lr": recipe.dense_rate}, {"params": kernels, "lr": recipe.rate}], betas=(0.9, 0.99)
        )
        self.discriminator_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), lr=recipe.discriminator_rate, betas=(0.5, 0.99)
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self.generator_optimiser, self._rate_factor)
        self.resume()

    def _rate_factor(self, step: int) -> float:
        return learning_rate(step, self.recipe.steps, warm_up=300, lowest=0.02)

    def parts(self) -> dict[str, Any]:
        """Networks, the generator's running average, optimisers, schedule."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "averaged": self.averaged,
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
            "schedule": self._schedule,
        }

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"steps": asdict(self.steps)}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.steps = GeneratorSteps(**state["steps"])

    @property
    def _progress(self) -> float:
        return self.step / self.recipe.steps

    def _learn_generator(self, degraded: Tensor, clear: Tensor, adversarial: bool) -> tuple[Tensor, float]:
        recipe = self.recipe
        derive = RangedGenerator(self.generator, self.steps)
        derived = derive(degraded)
        loss = (
            derive.overflow
            + recipe.log_error_weight * log_error(derived, clear)
            + recipe.absolute_weight * (derived - clear).abs().mean()
            + recipe.structure_weight * structural_loss(derived, clear)
        )
        if adversarial:
            forged = self.discriminator(derived[: recipe.judged]).float()
            loss = loss + recipe.adversarial_weight * F.softplus(-forged).mean()
        descend(loss, self.generator_optimiser, self.generator)
        self.generator.keep_exportable()
        return derived.detach(), float(loss.detach())

    def _learn_discriminator(self, derived: Tensor, clear: Tensor) -> float:
        verdicts = self.discriminator(torch.cat([clear, derived])).float()
        real, forged = verdicts.chunk(2)
        loss = F.softplus(-real).mean() + F.softplus(forged).mean()
        descend(loss, self.discriminator_optimiser)
        return float(loss.detach())

    def weights(self) -> int:
        """Weights of generator and discriminator."""
        networks = (self.generator, self.discriminator)
        return sum(weight.numel() for network in networks for weight in network.parameters())

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Mean over clear tiles of the averaged generator's -PSNR in dB, within the ranges of uint8."""
        clear = to_tensor(judging_tiles(self._judged))
        derived = RangedGenerator(self.averaged, self.steps)(clear)
        error = (derived - clear).square().mean((1, 2, 3)) / 4
        return float(10 * torch.log10(error + 1e-6).mean())

    def learn(self) -> dict[str, float]:
        """Reconstruct; near the end of the run also against the discriminator."""
        degraded, clear = map(to_tensor, self.pairs.batch(self.step, self.recipe.batch))
        adversarial = self._progress >= self.recipe.adversarial_from
        losses = {}
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            derived, losses["generator"] = self._learn_generator(degraded, clear, adversarial)
            if adversarial:
                judged = slice(0, self.recipe.judged)
                losses["discriminator"] = self._learn_discriminator(derived[judged], clear[judged])
        losses["error"] = float(-10 * torch.log10((derived - clear).square().mean((1, 2, 3)) / 4 + 1e-6).mean())
        self._schedule.step()
        self._average(self.averaged.parameters(), self.generator.parameters())
        return losses
