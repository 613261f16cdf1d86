"""Image features: grayscale, exact area mean, and per-pixel Bernoulli or standardised values in one pass.

Gray (M2) is the weight (9798 R + 19235 G + 3735 B) / 32768 of ITU-R BT.601. The mean over each output cell is exact
and rounded once: floor((2N + D) / 2D). A side shorter than the output is first stretched by nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealframe.image import Frame

TILE_SIDE = 32
BINARY_BIT = 7
"""A binary pixel (M4) is the highest bit of the mean: 1 from 128 on."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageFeatures:
    """Gray means of a square map in 32x32 tiles: uint8 (side/32 * side/32, 16, 16, 4).

    `tiles[n, i, j, 2r + c]` is pixel (2i + r, 2j + c) of tile n, tiles counted row by row. The networks read a byte p
    as (p - 128) / 128, so the bytes are the standardised features (M5) as they are.
    """

    tiles: NDArray[np.uint8]
    side: int

    def rows(self) -> NDArray[np.uint8]:
        """The same means as an ordinary picture, uint8 (side, side)."""
        return _core.unblock(self.tiles, self.side, self.side)


def extract_features(frame: Frame, side: int) -> ImageFeatures:
    """The features of a frame stretched to side x side pixels; side is a multiple of 32."""
    return ImageFeatures(_core.area_mean(frame.pixels, frame.order, side, side, layout="blocks"), side)


def binary_pixels(features: ImageFeatures) -> NDArray[np.uint8]:
    """The binary pixels (M4) in the order of the tiles: uint8 (tiles, 16, 16, 4), 1 where mean >= 128, else 0."""
    return np.right_shift(features.tiles, BINARY_BIT, dtype=np.uint8)


def binary_spectrum(features: ImageFeatures) -> NDArray[np.uint8]:
    """The spectrum of the binary pixels, drawn as 0 and 255 (M4, M6): uint8 as `spectrum_of_tiles` gives it."""
    return spectrum_of_tiles(np.where(features.rows() >> BINARY_BIT, np.uint8(255), np.uint8(0)))


def spectrum_of_tiles(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cosine transform of every 32x32 tile of rows (32 a, 32 b) (M6): uint8 (a b, 32, 32).

    Value [n, v, u] is coefficient (v, u) of tile n; a byte c stands for 32 (c - 128) gray levels of the
    orthonormal transform, rounded half up, at most 127 steps.
    """
    steps = (_core.spectrum(rows).astype(np.int32) + 128) >> 8
    return np.asarray(np.minimum(steps + 128, 255), np.uint8)


def grayscale(frame: Frame) -> NDArray[np.uint8]:
    """The frame in gray at its own size, uint8 (H, W), rounded once (M2)."""
    return _core.gray(frame.pixels, frame.order)


def binarise(frame: Frame, side: int, threshold: int = 128) -> NDArray[np.uint8]:
    """Static binarisation of the Bernoulli pixels (M3, M4): uint8 (side, side), 1 where mean >= threshold, else 0."""
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="binary", threshold=threshold)


def standardise(frame: Frame, side: int) -> NDArray[np.float32]:
    """Features in [-1, 1] (M5): float32 (side, side), (2g - 255) / 255 of the rounded mean g."""
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="standardised")
