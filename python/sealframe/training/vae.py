"""Train the VAE path: binary pixels, sampling by reparameterisation, the ELBO with a slowly growing KL term."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.features import TILE_SIDE, spectrum_of_tiles
from sealframe.training.choice import judging_tiles
from sealframe.training.dataset import divide
from sealframe.training.frames import to_blocks
from sealframe.training.networks import tiles_to_patches
from sealframe.training.pairs import Mix, Pairs
from sealframe.training.run import TrainingRun, descend, learning_rate
from sealframe.training.vae_networks import LikelihoodNet, PosteriorNet, divergence, sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from sealframe.training.dataset import Picture

THRESHOLD = 128
QUANTA = {"features": (1.0, 0), "spectrum": (1 / 8, 128)}
"""Step and zero point of what a posterior net reads, by the name of its input."""
SOURCES = {"pixels": "features", "spectrum": "spectrum"}
"""Name of that input, by what the recipe says."""
LARGEST_SPECTRUM = 128
"""Tiles whose spectrum the kernel takes at once."""


@dataclass(frozen=True)
class VaeRecipe:
    """All that determines a VAE run besides the pictures."""

    steps: int = 12000
    seed: int = 1
    batch: int = 64
    rate: float = 1e-3
    divergence_weight: float = 0.03
    """Weight of the KL term at its highest: at 1 the posterior of a whole map collapses to N(0, 1)."""
    warm_up: float = 0.3
    """Part of the run over which the weight grows from zero."""
    averaging: float = 0.998
    features: str = "spectrum"
    """What the posterior net reads: binary `pixels`, or their `spectrum`."""
    channels: int = 32
    """Maps of 4x4 that the posterior net starts from: its size."""
    bfloat16: bool = False
    mix: Mix = field(default_factory=lambda: Mix(degraded=0.15))
    held_out: tuple[str, ...] = ()


def binarise(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Threshold gray tiles to {0, 1}."""
    return (tiles >= THRESHOLD).astype(np.uint8)


def to_pixels(tiles: NDArray[np.uint8]) -> Tensor:
    """Binarise gray tiles (n, 32, 32) to float32 (n, 1, 32, 32)."""
    return torch.from_numpy(binarise(tiles)).unsqueeze(1).float()


def information_bytes(tiles: NDArray[np.uint8], source: str) -> NDArray[np.uint8]:
    """What a posterior net with the input `features` or `spectrum` reads of gray tiles (n, 32, 32)."""
    binary = binarise(tiles)
    if source == "features":
        return to_blocks(binary)
    parts = [binary[at : at + LARGEST_SPECTRUM] for at in range(0, len(binary), LARGEST_SPECTRUM)]
    return np.concatenate([spectrum_of_tiles((part * np.uint8(255)).reshape(-1, TILE_SIDE)) for part in parts])


def latent_information(tiles: NDArray[np.uint8], source: str) -> Tensor:
    """The same in real values, float32 (n, 1024): pixels of 0 and 1, or coefficients of 256 gray levels."""
    step, zero = QUANTA[source]
    return (torch.from_numpy(information_bytes(tiles, source)).flatten(1).float() - zero) * step


def bits_per_pixel(logits: Tensor, pixels: Tensor) -> Tensor:
    """Negative log-likelihood of binary pixels (n, 1, 32, 32) under logits (n, 8, 8, 16), in bits."""
    return F.binary_cross_entropy_with_logits(logits.float(), tiles_to_patches(pixels)) / math.log(2)


class VaeRun(TrainingRun[VaeRecipe]):
    """State of one run: both networks, their running averages, the optimiser, and the losses so far."""

    prefix = "vae-"
    loss_name: ClassVar[str] = "bits per pixel, decoding a sample"
    tolerance: ClassVar[float] = 0.005

    def __init__(self, recipe: VaeRecipe, pictures: Sequence[Picture], out: Path) -> None:
        """Start afresh, or go on from the checkpoint in `out` when one of the same recipe is there."""
        super().__init__(recipe, out)
        if recipe.features not in SOURCES:
            raise ValueError(f"features must be {' or '.join(SOURCES)}, not {recipe.features}.")
        learnt, self._judged = divide(pictures, recipe.held_out)
        self.pairs = Pairs(learnt, recipe.mix, recipe.seed)
        self.networks = torch.nn.ModuleList([PosteriorNet(recipe.channels), LikelihoodNet()])
        self.averaged = torch.nn.ModuleList([PosteriorNet(recipe.channels), LikelihoodNet()])
        self.averaged.load_state_dict(self.networks.state_dict())
        self.optimiser = torch.optim.Adam(self.networks.parameters(), lr=recipe.rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate_factor)
        self.resume()

    def _rate_factor(self, step: int) -> float:
        return learning_rate(step, self.recipe.steps, warm_up=300, lowest=0.01)

    def parts(self) -> dict[str, Any]:
        """Networks, their running averages, optimiser, schedule."""
        return {
            "networks": self.networks,
            "averaged": self.averaged,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def weights(self) -> int:
        """Weights of both networks."""
        return sum(weight.numel() for weight in self.networks.parameters())

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Bits per pixel that the averaged networks need, decoding a sample."""
        tiles = judging_tiles(self._judged)
        posterior, likelihood = self.averaged
        torch.manual_seed(self.recipe.seed)
        latent = sample(*posterior(latent_information(tiles, SOURCES[self.recipe.features])))
        return float(bits_per_pixel(likelihood(latent), to_pixels(tiles)))

    def learn(self) -> dict[str, float]:
        """Encode, sample, decode, estimate the ELBO, update."""
        recipe = self.recipe
        tiles, _ = self.pairs.batch(self.step, recipe.batch)
        pixels = to_pixels(tiles)
        information = latent_information(tiles, SOURCES[recipe.features])
        posterior, likelihood = self.networks
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            mean, log_variance = (value.float() for value in posterior(information))
            bits = bits_per_pixel(likelihood(sample(mean, log_variance)), pixels)
        nats = divergence(mean, log_variance)
        weight = recipe.divergence_weight * min(1.0, self.step / (recipe.warm_up * recipe.steps))
        loss = bits * math.log(2) + weight * nats
        descend(loss, self.optimiser, self.networks)
        self.schedule.step()
        self._average(self.averaged.parameters(), self.networks.parameters())
        return {"bits": float(bits.detach()), "divergence": float(nats.detach())}
