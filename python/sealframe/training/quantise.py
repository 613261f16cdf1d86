"""Quantisation: 7-bit weights, uint8 activations, and training that already feels their rounding.

Weights are rounded to at most +-63 with one scale per output channel, for the stride 2 transposed convolutions one per
output channel and phase (even or odd output row and column), because that is what the integer graph multiplies with.
Activations are uint8 with one scale per tensor and zero point 0 behind a relu; before tanh the zero point is 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.training.networks import BLOCK, GRID, Generator, tiles_to_blocks, transpose_conv_same

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_WEIGHT = 63
"""Two products of a uint8 and a weight add up within int16 when no weight is larger: 2 * 255 * 63 < 32768."""
PIXEL_SCALE = 1 / 128
MIDDLE = 128


@dataclass(frozen=True)
class GeneratorScales:
    """Size of one quantisation step of each tensor inside the generator."""

    latent: float
    spread: float
    grow: float
    draw: float


def _straight_through(exact: Tensor, rounded: Tensor) -> Tensor:
    """Go forward with `rounded`, backward as if it were `exact`."""
    return exact + (rounded - exact).detach()


def weight_steps(weight: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return the step size of each weight group, the groups being what is left after `dims`."""
    return weight.abs().amax(dims, keepdim=True).clamp(min=1e-8) / LARGEST_WEIGHT


def phase_steps(weight: Tensor) -> Tensor:
    """Return step sizes (1, co, 5, 5) of a stride 2 transposed kernel (ci, co, 5, 5), equal within each phase."""
    steps = torch.empty_like(weight[:1])
    for row in range(2):
        for column in range(2):
            phase = weight[:, :, row::2, column::2]
            steps[:, :, row::2, column::2] = weight_steps(phase, (0, 2, 3))
    return steps


def round_weight(weight: Tensor, steps: Tensor) -> Tensor:
    """Round to multiples of the step size, passing gradients through."""
    return _straight_through(weight, torch.round(weight / steps) * steps)


def round_activation(values: Tensor, step: float, zero: int = 0) -> Tensor:
    """Round to the uint8 grid and saturate; gradients pass where nothing saturates."""
    low, high = -zero * step, (255 - zero) * step
    kept = values.clamp(low, high)
    return _straight_through(kept, torch.round(kept / step) * step)


class IntegerLike:
    """The generator as the integer graph computes it, but in float and with gradients.

    Every tensor saturates at the end of its uint8 range; with `rounding`, weights and tensors are rounded too. After a
    call, `overflow` says how far values went beyond their ranges, as a share of the range: a loss that keeps networks
    from resting on saturation, which the float network does not have.
    """

    def __init__(self, network: Generator, scales: GeneratorScales, *, rounding: bool) -> None:
        self._network = network
        self._scales = scales
        self._rounding = rounding
        self.overflow = torch.zeros(())

    def _weight(self, weight: Tensor, steps: Tensor) -> Tensor:
        return round_weight(weight, steps) if self._rounding else weight

    def _activation(self, values: Tensor, step: float, zero: int = 0) -> Tensor:
        highest = (255 - zero) * step
        reached = values.abs() if zero else values
        self.overflow = self.overflow + F.relu(reached / highest - 1).mean()
        if self._rounding:
            return round_activation(values, step, zero)
        return values.clamp(-zero * step, highest)

    def latent(self, tiles: Tensor) -> Tensor:
        """Return the maps (n, 16, 8, 8) behind the leaky relu."""
        network, step = self._network, self._scales.latent
        scale, offset = network.normalised_affine()
        folded = network.dense.weight * scale[:, None]
        folded = self._weight(folded, weight_steps(folded.detach(), (1,)))
        sums = F.linear(tiles_to_blocks(tiles).flatten(1), folded, network.dense.bias * scale + offset)
        maps = torch.maximum(self._activation(sums.float(), step), self._activation(offset, step))
        return maps.view(-1, GRID, GRID, BLOCK * BLOCK).permute(0, 3, 1, 2)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Map tiles (n, 1, 32, 32) in [-1, 1] to derived tiles of the same shape."""
        self.overflow = torch.zeros(())
        network, scales = self._network, self._scales
        spread = self._weight(network.spread, weight_steps(network.spread.detach(), (0, 2, 3)))
        maps = F.conv_transpose2d(self.latent(tiles), spread, padding=2)
        maps = self._activation(maps.float(), scales.spread)
        grow = self._weight(network.grow, phase_steps(network.grow.detach()))
        maps = self._activation(transpose_conv_same(maps, grow).float(), scales.grow)
        draw = self._weight(network.draw, phase_steps(network.draw.detach()))
        drawn = transpose_conv_same(maps, draw).float()
        return torch.tanh(self._activation(drawn, scales.draw, MIDDLE))


TANH_REACH = 2.8
"""Largest value before tanh: within one gray level of black and white, and fine enough steps in the middle."""


@torch.no_grad()
def calibrate_generator(network: Generator, tiles: Tensor) -> GeneratorScales:
    """Choose the step sizes: what `tiles` reach in the inner maps, the useful part of tanh at the end."""
    latent = network.latent(tiles)
    spread = F.relu(F.conv_transpose2d(latent, network.spread, padding=2))
    grow = F.relu(transpose_conv_same(spread, network.grow))
    return GeneratorScales(
        latent=float(latent.max()) / 255,
        spread=float(spread.max()) / 255,
        grow=float(grow.max()) / 255,
        draw=TANH_REACH / 127,
    )
