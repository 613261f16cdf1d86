"""Ranges: every tensor inside the integer graph is a uint8, so training already keeps to what a uint8 can hold.

Inner tensors have one step each and zero point 0 behind a relu; before tanh the zero point is 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.training.networks import GRID, Generator, tiles_to_patches, transpose_conv_same

if TYPE_CHECKING:
    from torch import Tensor

MIDDLE = 128
TANH_REACH = 2.8
"""Largest value before tanh: within one gray level of black and white, and fine enough steps in the middle."""


@dataclass(frozen=True)
class GeneratorSteps:
    """Size of one integer step of each tensor inside the generator."""

    latent: float
    spread: float
    grow: float
    draw: float


class RangedGenerator:
    """The generator with every tensor saturating at the end of its uint8 range.

    After a call, `overflow` says how far values went beyond their ranges, as a share of the range: a loss that keeps
    the network from resting on saturation, which the float network does not have.
    """

    def __init__(self, network: Generator, steps: GeneratorSteps) -> None:
        self._network = network
        self._steps = steps
        self.overflow = torch.zeros(())

    def _limit(self, values: Tensor, step: float, zero: int = 0) -> Tensor:
        highest = (255 - zero) * step
        reached = values.abs() if zero else values
        self.overflow = self.overflow + F.relu(reached / highest - 1).mean()
        return values.clamp(-zero * step, highest)

    def latent(self, tiles: Tensor) -> Tensor:
        """Return the maps (n, channels, 8, 8) behind the leaky relu, folded as in the integer graph."""
        network, step = self._network, self._steps.latent
        scale, offset = network.normalised_affine()
        folded, bias = network.dense.weight * scale[:, None], network.dense.bias * scale + offset
        sums = F.linear(tiles_to_patches(tiles).flatten(1), folded, bias)
        maps = torch.maximum(self._limit(sums.float(), step), self._limit(offset, step))
        return maps.view(-1, GRID, GRID, network.channels).permute(0, 3, 1, 2)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Map tiles (n, 1, 32, 32) in [-1, 1] to derived tiles of the same shape."""
        self.overflow = torch.zeros(())
        network, steps = self._network, self._steps
        maps = self._limit(F.conv_transpose2d(self.latent(tiles), network.spread, padding=2).float(), steps.spread)
        maps = self._limit(transpose_conv_same(maps, network.grow).float(), steps.grow)
        return torch.tanh(self._limit(transpose_conv_same(maps, network.draw).float(), steps.draw, MIDDLE))


@torch.no_grad()
def measure_steps(network: Generator, tiles: Tensor) -> GeneratorSteps:
    """Choose the steps: what `tiles` reach in the inner maps, the useful part of tanh at the end."""
    latent = network.latent(tiles)
    spread = F.relu(F.conv_transpose2d(latent, network.spread, padding=2))
    grow = F.relu(transpose_conv_same(spread, network.grow))
    return GeneratorSteps(
        latent=float(latent.max()) / 255,
        spread=float(spread.max()) / 255,
        grow=float(grow.max()) / 255,
        draw=TANH_REACH / 127,
    )
