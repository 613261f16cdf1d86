"""Image features: grayscale, exact area mean, and per-pixel Bernoulli or standardised values in one pass.

Gray (M2) is the weight (9798 R + 19235 G + 3735 B) / 32768 of ITU-R BT.601. The mean over each output cell is exact
and rounded once: floor((2N + D) / 2D). A side shorter than the output is first stretched by nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe import _core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sealframe.image import Frame

TILE_SIDE = 32


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageFeatures:
    """Gray means of a square map in 32x32 tiles: uint8 (side/32 * side/32, 8, 8, 16).

    `tiles[n, i, j, 4r + c]` is pixel (4i + r, 4j + c) of tile n, tiles counted row by row. The networks read a byte p
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


def grayscale(frame: Frame) -> NDArray[np.uint8]:
    """The frame in gray at its own size, uint8 (H, W), rounded once (M2)."""
    return _core.gray(frame.pixels, frame.order)


def binarise(frame: Frame, side: int, threshold: int = 128) -> NDArray[np.uint8]:
    """Static binarisation of the Bernoulli pixels (M3, M4): uint8 (side, side), 1 where mean >= threshold, else 0."""
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="binary", threshold=threshold)


def standardise(frame: Frame, side: int) -> NDArray[np.float32]:
    """Features in [-1, 1] (M5): float32 (side, side), (2g - 255) / 255 of the rounded mean g."""
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="standardised")
