"""The networks of the GAN path in float, as they are trained: generator and discriminator.

Tensors are float32, channels first, one tile of 32x32 gray pixels in [-1, 1] per sample. SAME padding follows the
TensorFlow convention: with stride 2 one row and column more is padded behind than in front.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

GRID = 8
"""Positions along a tile's side in the innermost maps; one position stands for a patch of 4x4 pixels."""
PATCH = 4
SLOPE = 0.2
"""Slope of the leaky relu below zero."""


def tiles_to_patches(tiles: Tensor) -> Tensor:
    """Reorder (n, 1, 32, 32) into rows of patches (n, 8, 8, 16), pixel (4i+r, 4j+c) at [i, j, 4r+c]."""
    cut = tiles.reshape(-1, GRID, PATCH, GRID, PATCH).permute(0, 1, 3, 2, 4)
    return cut.reshape(-1, GRID, GRID, PATCH * PATCH)


def transpose_conv_same(maps: Tensor, weight: Tensor) -> Tensor:
    """Transposed convolution 5x5 stride 2, SAME: (n, ci, h, w) with weight (ci, co, 5, 5) to (n, co, 2h, 2w)."""
    return F.conv_transpose2d(maps, weight, stride=2, padding=1)[..., :-1, :-1]


def conv_same(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolution 5x5 stride 2, SAME: (n, ci, h, w) with weight (co, ci, 5, 5) to (n, co, h/2, w/2)."""
    return F.conv2d(F.pad(maps, (1, 2, 1, 2)), weight, bias, stride=2)


class Generator(nn.Module):
    """Derive an image from an image.

    Fully connected, relu; batch normalisation; leaky relu; transposed convolutions 128@5x5 s1 relu, 64@5x5 s2 relu,
    1@5x5 s2 tanh, without bias.

    Batch normalisation uses population statistics, taken once from pictures by `calibrate_normalisation`: statistics of
    single batches would make a picture's derived image depend on its neighbours in the batch. `keep_exportable` holds
    its scale and its value at zero non-negative, so that the leaky relu behind it meets no negative number.

    `channels`, 2 to 16, counts the maps between the fully connected layer and the first transposed convolution: what
    decides the size of the network.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        if not 2 <= channels <= PATCH * PATCH:
            raise ValueError(f"The generator must have 2 to {PATCH * PATCH} channels, not {channels}.")
        self.channels = channels
        units = GRID * GRID * channels
        self.dense = nn.Linear(GRID * GRID * PATCH * PATCH, units)
        self.normalise = nn.BatchNorm1d(units)
        self.spread = nn.Parameter(torch.empty(channels, 128, 5, 5))
        self.grow = nn.Parameter(torch.empty(128, 64, 5, 5))
        self.draw = nn.Parameter(torch.empty(64, 1, 5, 5))
        start_near_identity(self)

    def normalised_affine(self) -> tuple[Tensor, Tensor]:
        """Return batch normalisation as scale and offset per unit."""
        mean, variance = self.normalise.running_mean, self.normalise.running_var
        if mean is None or variance is None:
            raise RuntimeError("batch normalisation keeps no statistics")
        scale = self.normalise.weight / torch.sqrt(variance + self.normalise.eps)
        return scale, self.normalise.bias - scale * mean

    def latent(self, tiles: Tensor) -> Tensor:
        """Return the maps (n, channels, 8, 8) that leave the leaky relu."""
        dense = F.relu(self.dense(tiles_to_patches(tiles).flatten(1)))
        scale, offset = self.normalised_affine()
        maps = F.leaky_relu(dense * scale + offset, SLOPE)
        return maps.view(-1, GRID, GRID, self.channels).permute(0, 3, 1, 2)

    def forward(self, tiles: Tensor) -> Tensor:
        """Map tiles (n, 1, 32, 32) in [-1, 1] to derived tiles of the same shape."""
        maps = F.relu(F.conv_transpose2d(self.latent(tiles), self.spread, padding=2))
        maps = F.relu(transpose_conv_same(maps, self.grow))
        return torch.tanh(transpose_conv_same(maps, self.draw))

    @torch.no_grad()
    def calibrate_normalisation(self, tiles: Tensor) -> None:
        """Take the population statistics from `tiles`, leaving the function as it is."""
        dense = F.relu(self.dense(tiles_to_patches(tiles).flatten(1)))
        scale, offset = self.normalised_affine()
        mean, variance = dense.mean(0), dense.var(0)
        self.normalise.weight.copy_(scale * torch.sqrt(variance + self.normalise.eps))
        self.normalise.bias.copy_(offset + scale * mean)
        self.normalise.running_mean = mean
        self.normalise.running_var = variance

    @torch.no_grad()
    def keep_exportable(self) -> None:
        """Clamp scale and offset of the batch normalisation to what the integer graph can express."""
        self.normalise.weight.clamp_(min=1e-3)
        _, offset = self.normalised_affine()
        self.normalise.bias.add_(torch.clamp(-offset, min=0))


class Discriminator(nn.Module):
    """Tell clear images (positive) from derived ones (negative).

    Convolution 64@5x5 s2 relu, leaky relu, dropout; convolution 128@5x5 s2 relu, leaky relu; fully connected.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 64, 5, stride=2)
        self.second = nn.Conv2d(64, 128, 5, stride=2)
        self.verdict = nn.Linear(128 * GRID * GRID, 1)
        self.dropout = dropout

    def first_maps(self, tiles: Tensor) -> Tensor:
        """Return the maps (n, 64, 16, 16) of the first convolution."""
        return F.leaky_relu(F.relu(conv_same(tiles, self.first.weight, self.first.bias)), SLOPE)

    def features(self, tiles: Tensor) -> Tensor:
        """Return the maps (n, 128, 8, 8) of the last convolution."""
        maps = F.dropout(self.first_maps(tiles), self.dropout, self.training)
        return F.leaky_relu(F.relu(conv_same(maps, self.second.weight, self.second.bias)), SLOPE)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return logits (n,): above zero means clear."""
        flat = self.features(tiles).permute(0, 2, 3, 1).flatten(1)
        logits: Tensor = self.verdict(flat)
        return logits.squeeze(1)


def _cosine_basis() -> Tensor:
    """Return the orthonormal 4x4 cosine basis (16 coefficients, 16 pixels), lowest frequencies first."""
    k = torch.arange(PATCH, dtype=torch.float32)
    line = torch.cos(math.pi * (k[None] + 0.5) * k[:, None] / PATCH) * math.sqrt(2 / PATCH)
    line[0] /= math.sqrt(2)
    basis = torch.einsum("ar,bc->abrc", line, line).reshape(16, 16)
    frequency = (k[:, None] + k[None]).flatten()
    return basis[torch.argsort(frequency, stable=True)]


_PIXEL_LIFT = 1.2
_INNER_SLOPE, _OUTER_SLOPE, _BEND_FROM = 1.1, 2.5, 0.6
_BEND_SIZE = 2.0
"""The inverse of tanh as a bent line: inner slope, slope added beyond the bend, size that the bends travel with."""


@torch.no_grad()
def start_near_identity(network: Generator) -> None:
    """Start from weights that already draw the image they are given, about 30 dB, so that training adds to it.

    The dense layer gives each of the 8x8 positions the lowest cosine coefficients of its own 4x4 pixels, one less than
    it has channels, lifted above zero so that relu passes them, and a constant that stands in for the biases which
    later layers have not. These pass the first transposed convolution unchanged, the second turns them back into
    pixels, the third places them. All other weights start small and random.
    """
    last = network.channels - 1
    frequency = torch.arange(16) / 15
    lift = 3.0 - 2.0 * frequency
    lift[0] = 4.2
    basis, gain = _cosine_basis()[:last], 4.0 / lift[:last, None]
    _start_dense(network, basis * gain)
    network.spread.normal_(0, 0.02)
    network.spread[:, :16] = 0
    network.spread[torch.arange(last + 1), torch.arange(last + 1), 2, 2] = 1
    _start_grow(network, basis / gain)
    _start_draw(network)


_LIFTED, _CONSTANT = 4.0, 8.0
"""What the dense layer adds to every coefficient, and the constant beside them."""


def _start_dense(network: Generator, coefficients: Tensor) -> None:
    """From pixels to coefficients (last, 16 pixels), position by position."""
    last = len(coefficients)
    block = torch.zeros(last + 1, 16)
    block[:last] = coefficients
    dense = torch.randn(64, last + 1, 64, 16) * 1e-3
    positions = torch.arange(GRID * GRID)
    dense[positions, :, positions] = block
    network.dense.weight.copy_(dense.reshape(-1, 1024))
    bias = torch.cat([torch.full((last,), _LIFTED), torch.tensor([_CONSTANT])])
    network.dense.bias.copy_(bias.repeat(GRID * GRID))


def _start_grow(network: Generator, pixels: Tensor) -> None:
    """From coefficients back to 2x2 pixels a position, by `pixels` (last, 16), each also beyond its two bends."""
    last = len(pixels)
    network.grow.normal_(0, 0.01)
    network.grow[:, :13] = 0
    level = _LIFTED * pixels.sum(0)
    for row, column in product(range(2), repeat=2):
        tap = network.grow[:, :, 1 + row, 1 + column]
        for pixel in range(4):
            place = (2 * row + pixel // 2) * PATCH + 2 * column + pixel % 2
            for channel, sign, size, start in (
                (pixel, 1, 1, _PIXEL_LIFT),
                (5 + pixel, 1, _BEND_SIZE, -_BEND_FROM),
                (9 + pixel, -1, _BEND_SIZE, -_BEND_FROM),
            ):
                tap[:last, channel] = sign * size * pixels[:, place]
                tap[last, channel] = size * (start - sign * level[place]) / _CONSTANT
        tap[last, 4] = _PIXEL_LIFT / _CONSTANT


def _start_draw(network: Generator) -> None:
    """Every pixel in its place, through the inverse of tanh as a bent line."""
    network.draw.normal_(0, 0.005)
    network.draw[:13] = 0
    for row, column in product(range(2), repeat=2):
        pixel, tap = 2 * row + column, network.draw[:, 0, 1 + row, 1 + column]
        tap[pixel] = _INNER_SLOPE
        tap[4] = -_INNER_SLOPE
        tap[5 + pixel] = _OUTER_SLOPE / _BEND_SIZE
        tap[9 + pixel] = -_OUTER_SLOPE / _BEND_SIZE
