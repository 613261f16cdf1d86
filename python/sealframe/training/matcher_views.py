"""Views of a face: what one portrait would look like turned, moved, lit, blurred, compressed or covered.

One picture a person teaches a matcher only what changes between views do not matter, so all of that is made here, in
batches of float32 gray levels (n, 1, h, w) in 0..255. Every function draws from torch's generator.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.faces.template import DEVIATION, OVAL, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PORTRAIT_ZOOM = 1.55
"""Training portraits are squares of 1.55 times the box that a face detector draws."""
_RISE = 0.09
"""How much higher than the portrait's centre the window's is, in sides of the box: portraits show the chin lower than
detectors' boxes do, so this is less than `WINDOW.rise`."""
_BLOCK = 8
_LUMINANCE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
"""Quantisation table of ITU-T T.81, annex K.1, for quality 50."""


def _normal(count: int, deviation: float) -> Tensor:
    return torch.randn(count, 1, 1) * deviation


def _uniform(count: int, low: float, high: float) -> Tensor:
    return torch.rand(count, 1, 1, 1) * (high - low) + low


def _some(count: int, share: float) -> Tensor:
    return (torch.rand(count, 1, 1, 1) < share).float()


def _field(count: int, channels: int, nodes: int, side: int) -> Tensor:
    """Return smooth noise (n, channels, side, side), about one standard deviation."""
    return F.interpolate(torch.randn(count, channels, nodes, nodes), (side, side), mode="bilinear", align_corners=True)


def _turned(place: Tensor, angle: Tensor) -> Tensor:
    """Move places in -1..1 as the front of a round head moves that turns by `angle`: its middle the furthest."""
    return place + angle * (0.7 - place.square())


def _grid(count: int, side: int) -> Tensor:
    """Return where in the window each pixel of a view comes from: (n, side, side, 2), -1..1 across the window."""
    line = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = (axis.expand(count, -1, -1) for axis in torch.meshgrid(line, line, indexing="ij"))
    angle, zoom = _normal(count, 0.12), torch.exp(_normal(count, 0.07))
    stretch = torch.exp(_normal(count, 0.04))
    x, y = (x * angle.cos() - y * angle.sin()) * zoom * stretch, (x * angle.sin() + y * angle.cos()) * zoom / stretch
    x, y = _turned(x, _normal(count, 0.25)), _turned(y, _normal(count, 0.15))
    x, y = x + _normal(count, 0.05), y + _normal(count, 0.05)
    bent = _field(count, 2, 5, side) * 0.025
    mirrored = torch.where(torch.rand(count, 1, 1) < 0.5, -1.0, 1.0)
    return torch.stack([(x + bent[:, 0]) * mirrored, y + bent[:, 1]], -1)


def _in_portrait(grid: Tensor) -> Tensor:
    """Turn places in the window into places in the portrait."""
    centre = torch.tensor([0.0, 2 * _RISE]) / PORTRAIT_ZOOM
    return grid * (WINDOW.side / 100 / PORTRAIT_ZOOM) - centre


def _behind(faces: Tensor, grid: Tensor, backgrounds: Tensor) -> Tensor:
    """Put another background behind two faces in five; the face is an ellipse that ends softly."""
    count, side = len(faces), faces.shape[-1]
    distance = (grid[..., 0] / 0.85).square() + ((grid[..., 1] - 0.05) / 1.15).square()
    inside = torch.sigmoid((1 - distance) * 12).unsqueeze(1)
    top, left = (int(torch.randint(backgrounds.shape[axis] - side + 1, (1,))) for axis in (2, 3))
    scene = backgrounds[torch.randint(len(backgrounds), (count,)), :, top : top + side, left : left + side]
    swapped = _some(count, 0.4) * (1 - inside)
    return faces * (1 - swapped) + scene * swapped


def _lit(faces: Tensor) -> Tensor:
    """Change gamma and gain and lay smooth light across the face, half of it a slope from one side."""
    count, side = len(faces), faces.shape[-1]
    slope = torch.linspace(-1, 1, side)
    angle = _uniform(count, 0, 2 * math.pi)
    across = slope * angle.cos() + slope[:, None] * angle.sin()
    light = torch.exp(across * torch.randn(count, 1, 1, 1) * 0.35 + _field(count, 1, 4, side) * 0.15)
    gamma = torch.exp(torch.randn(count, 1, 1, 1) * 0.3)
    return (255 * (faces.clamp(1, 255) / 255) ** gamma * light).clamp(0, 255)


def _softened(faces: Tensor) -> Tensor:
    """Lower the resolution, each quarter of the batch by another factor: far faces, soft lenses."""
    side = faces.shape[-1]
    parts = []
    for part in faces.chunk(4):
        small = int(torch.randint(22, side + 32, (1,)))
        if small < side:
            less = F.interpolate(part, (small, small), mode="bilinear", antialias=True)
            part = F.interpolate(less, (side, side), mode="bilinear", align_corners=False)
        parts.append(part)
    return torch.cat(parts).clamp(0, 255)


def _cosines() -> Tensor:
    k = torch.arange(_BLOCK, dtype=torch.float32)
    rows = torch.cos(math.pi * (k[None] + 0.5) * k[:, None] / _BLOCK) / 2
    rows[0] /= math.sqrt(2)
    return rows


def _compressed(faces: Tensor) -> Tensor:
    """Round the cosine coefficients as JPEG does, quality 20 to 85."""
    count, side = len(faces), faces.shape[-1]
    quality = _uniform(count, 20, 85)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    table = (_LUMINANCE * scale).clamp(min=1)[:, None]
    basis = _cosines()
    blocks = (faces - 128).reshape(count, side // _BLOCK, _BLOCK, side // _BLOCK, _BLOCK).transpose(2, 3)
    rounded = torch.round(basis @ blocks @ basis.T / table) * table
    drawn = basis.T @ rounded @ basis
    return (drawn.transpose(2, 3).reshape(count, 1, side, side) + 128).clamp(0, 255)


def _on_some(change: Callable[[Tensor], Tensor], faces: Tensor, share: float) -> Tensor:
    chosen = torch.randperm(len(faces))[: round(len(faces) * share)]
    return faces.index_copy(0, chosen, change(faces[chosen]))


def _covered(faces: Tensor) -> Tensor:
    """Cover a rectangle of one face in four with one gray level."""
    count, side = len(faces), faces.shape[-1]
    line = torch.arange(side, dtype=torch.float32)
    left, top = _uniform(count, -0.2, 1) * side, _uniform(count, -0.2, 1) * side
    width, height = _uniform(count, 0.15, 0.5) * side, _uniform(count, 0.15, 0.5) * side
    inside = ((line >= left) & (line < left + width)).float() * (
        ((line >= top) & (line < top + height)).float().transpose(2, 3)
    )
    inside = inside * _some(count, 0.25)
    return faces * (1 - inside) + _uniform(count, 0, 255) * inside


def standardise(faces: Tensor) -> Tensor:
    """Return windows (n, 1, 64, 64) as the networks take them: float twin of `face_template.standardise`."""
    oval = torch.from_numpy(OVAL).float()
    share = oval / oval.sum()
    mean = (faces * share).sum((2, 3), keepdim=True)
    variance = ((faces - mean).square() * share).sum((2, 3), keepdim=True)
    levels = torch.round((faces - mean) / torch.sqrt(variance + 1) * DEVIATION)
    return levels.clamp(-128, 127) / 128


def cut(portraits: Tensor, side: int) -> Tensor:
    """Cut the plain window out of portraits (n, 1, h, w)."""
    line = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = _in_portrait(torch.stack([x, y], -1)).expand(len(portraits), -1, -1, -1)
    return F.grid_sample(portraits, grid, padding_mode="border", align_corners=False)


def view(portraits: Tensor, backgrounds: Tensor, side: int) -> Tensor:
    """Return one random view (n, 1, side, side) of each portrait (n, 1, h, w), not yet standardised."""
    grid = _grid(len(portraits), side)
    faces = F.grid_sample(portraits, _in_portrait(grid), padding_mode="border", align_corners=False)
    faces = _lit(_behind(faces, grid, backgrounds))
    faces = _covered(_softened(faces))
    faces = (faces + torch.randn_like(faces) * _uniform(len(faces), 0, 10)).clamp(0, 255)
    return _on_some(_compressed, faces, 0.5)
