"""What happens to pictures after sealing: changes that leave them the same picture, and edits of a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from sealframe.training import degradation
from sealframe.training.frames import FRAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

BLOCK = 8
GRID = FRAME // BLOCK
EDIT_SIDES = (3, 7)
"""Sides of an edited part, in blocks: from, and below."""


def _jpeg(quality: int) -> Callable[[Gray, np.random.Generator], Gray]:
    return lambda frame, rng: degradation.jpeg(frame, (70 - quality) / 66, rng)


def _resized(frame: Gray, _rng: np.random.Generator) -> Gray:
    picture = Image.fromarray(frame)
    return np.asarray(picture.resize((96, 96), Image.Resampling.BILINEAR).resize((FRAME, FRAME)))


def _gamma(frame: Gray, _rng: np.random.Generator) -> Gray:
    return np.rint(255 * (frame / 255) ** 0.95).astype(np.uint8)


def _noise(frame: Gray, rng: np.random.Generator) -> Gray:
    return degradation.gaussian_noise(frame, 4 / 64, rng)


def shifted(frame: Gray, down: int, right: int) -> Gray:
    """The frame moved by whole pixels, its border repeated."""
    margin = max(abs(down), abs(right))
    padded = np.pad(frame, margin, mode="edge")
    top, left = margin - down, margin - right
    return np.ascontiguousarray(padded[top : top + frame.shape[0], left : left + frame.shape[1]])


BENIGN: Mapping[str, Callable[[Gray, np.random.Generator], Gray]] = {
    "none": lambda frame, _rng: frame,
    **{f"jpeg {quality}": _jpeg(quality) for quality in (95, 85, 75, 50)},
    "resize to 3/4 and back": _resized,
    "gamma 0.95": _gamma,
    "noise of 4 gray levels": _noise,
    "shift by 2 and 1 pixels": lambda frame, _rng: shifted(frame, 2, -1),
}
"""Changes that leave a picture the same picture."""


def _splice(_part: Gray, other: Gray) -> Gray:
    return other


def _brighten(part: Gray, _other: Gray) -> Gray:
    return np.minimum(part.astype(np.int16) + 8, 255).astype(np.uint8)


def _blur(part: Gray, _other: Gray) -> Gray:
    return np.asarray(Image.fromarray(part).filter(ImageFilter.GaussianBlur(2)))


def _erase(part: Gray, _other: Gray) -> Gray:
    """Fill from the left and the right border."""
    weight = np.linspace(0, 1, part.shape[1])
    return np.rint(np.outer(part[:, 0], 1 - weight) + np.outer(part[:, -1], weight)).astype(np.uint8)


EDITS: Mapping[str, Callable[[Gray, Gray], Gray]] = {
    "splice": _splice,
    "8 brighter": _brighten,
    "blurred": _blur,
    "erased": _erase,
}
"""Edits of a part (h, w), given the same part of another picture."""


def edited(frame: Gray, other: Gray, edit: str, rng: np.random.Generator) -> tuple[Gray, NDArray[np.float64]]:
    """Edit a random part of a frame (128, 128); also return the share of every block that changed hands (16, 16)."""
    height, width = (int(side) for side in rng.integers(*EDIT_SIDES, 2) * BLOCK)
    top, left = int(rng.integers(0, FRAME - height + 1)), int(rng.integers(0, FRAME - width + 1))
    part = (slice(top, top + height), slice(left, left + width))
    changed, inside = frame.copy(), np.zeros((FRAME, FRAME))
    changed[part], inside[part] = EDITS[edit](frame[part], other[part]), 1
    return changed, block_means(inside)


def block_means(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Means of the 8x8 blocks of a map (128, 128), or of the 2x2 blocks of one of (32, 32): float64 (16, 16)."""
    side = values.shape[0] // GRID
    return np.asarray(values.astype(np.float64).reshape(GRID, side, GRID, side).mean((1, 3)))
