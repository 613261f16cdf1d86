"""The networks of the VAE path in float, in the method's wiring: the posterior net grows, the other shrinks.

Tensors are float32, channels first, one tile of 32x32 binary pixels per sample; SAME padding as in TensorFlow.
The posterior net reads latent information, 1024 numbers in the order in which the integer graph takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from sealframe.training.networks import GRID

if TYPE_CHECKING:
    from torch import Tensor

BASE = 4
"""Positions along a tile's side where the posterior net starts and the likelihood net ends."""
LOWEST_LOG_VARIANCE, HIGHEST_LOG_VARIANCE = -10.0, 2.0


def _grow(maps: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """Transposed convolution 3x3 stride 2, SAME: twice the rows and columns."""
    return F.conv_transpose2d(maps, layer.weight, layer.bias, stride=2)[..., :-1, :-1]


def _shrink(maps: Tensor, layer: nn.Conv2d) -> Tensor:
    """Convolution 3x3 stride 2, SAME: half the rows and columns."""
    return F.conv2d(F.pad(maps, (0, 1, 0, 1)), layer.weight, layer.bias, stride=2)


class PosteriorNet(nn.Module):
    """q(z|x): mean and log-variance of a 32x32 latent map.

    Fully connected, relu; reshape to 4x4 maps; transposed convolutions 64@3x3 s2, 32@3x3 s2, 16@3x3 s2, relu each; a
    linear 1@3x3 s1 head for the mean and one for the log-variance. `channels` counts the 4x4 maps, which decide the
    size of the network.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.dense = nn.Linear(1024, BASE * BASE * channels)
        self.grow1 = nn.ConvTranspose2d(channels, 64, 3, stride=2)
        self.grow2 = nn.ConvTranspose2d(64, 32, 3, stride=2)
        self.grow3 = nn.ConvTranspose2d(32, 16, 3, stride=2)
        self.mean = nn.Conv2d(16, 1, 3, padding=1)
        self.log_variance = nn.Conv2d(16, 1, 3, padding=1)

    def maps(self, information: Tensor) -> list[Tensor]:
        """Return every inner map behind its relu, first to last, the last being (n, 16, 32, 32)."""
        dense = F.relu(self.dense(information))
        maps = [dense.view(-1, BASE, BASE, self.grow1.in_channels).permute(0, 3, 1, 2)]
        for layer in (self.grow1, self.grow2, self.grow3):
            maps.append(F.relu(_grow(maps[-1], layer)))
        return maps

    def forward(self, information: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent information (n, 1024) to mean and log-variance (n, 1, 32, 32)."""
        last = self.maps(information)[-1]
        return self.mean(last), self.log_variance(last).clamp(LOWEST_LOG_VARIANCE, HIGHEST_LOG_VARIANCE)


class LikelihoodNet(nn.Module):
    """p(x|z): logits of the Bernoulli probability of every pixel.

    Convolutions 16@3x3 s2, 32@3x3 s2, 64@3x3 s2, relu each; fully connected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shrink1 = nn.Conv2d(1, 16, 3, stride=2)
        self.shrink2 = nn.Conv2d(16, 32, 3, stride=2)
        self.shrink3 = nn.Conv2d(32, 64, 3, stride=2)
        self.dense = nn.Linear(BASE * BASE * 64, 1024)

    def maps(self, latent: Tensor) -> list[Tensor]:
        """Return every inner map behind its relu, first to last, the last being (n, 64, 4, 4)."""
        maps: list[Tensor] = []
        for layer in (self.shrink1, self.shrink2, self.shrink3):
            maps.append(F.relu(_shrink(maps[-1] if maps else latent, layer)))
        return maps

    def forward(self, latent: Tensor) -> Tensor:
        """Map a latent map (n, 1, 32, 32) to logits (n, 8, 8, 16) in the order of `tiles_to_patches`."""
        flat = self.maps(latent)[-1].permute(0, 2, 3, 1).flatten(1)
        logits: Tensor = self.dense(flat)
        return logits.view(-1, GRID, GRID, 16)


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Draw from the posterior by reparameterisation."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of the posterior from N(0, 1), in nats per pixel."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
