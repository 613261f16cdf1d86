"""The map that a factor reduces: how well what the networks make of a picture fits it, place by place (M9, M14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealframe.derivation import Conditional, DerivedImage, Discernment
    from sealframe.features import ImageFeatures


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimilarityMap:
    """int8 (side, side): cosines in steps of 1/127, -127..127, or association in steps of 1/256 above one half."""

    values: NDArray[np.int8]


def window_similarity(features: ImageFeatures, derived: DerivedImage, window: int) -> SimilarityMap:
    """Cosine of the window x window neighbourhoods around every pixel, on signed values p - 128.

    q = floor(127 dot / isqrt(n1 n2)); windows are clipped at the border; both zero gives 127, one zero gives 0 (A14).
    """
    return SimilarityMap(_core.window_cosine(features.rows(), derived.pixels, window))


def feature_similarity(seen: Discernment, side: int) -> SimilarityMap:
    """Cosine of the discriminator's 128 features of image and derived image at every position (M14).

    Every tile has 8x8 positions, so a picture of side x side pixels gives a map of side/4 x side/4.
    """
    tiles = side // 32
    image, derived = (
        features.reshape(tiles, tiles, 8, 8, 128).swapaxes(1, 2).reshape(8 * tiles, 8 * tiles, 128)
        for features in (seen.features_image, seen.features_derived)
    )
    return SimilarityMap(_core.channel_cosine(image, derived, zero=0))


def association(features: ImageFeatures, conditional: Conditional) -> SimilarityMap:
    """Degree of association of every pixel with the conditional: the probability of the pixel that is there (M9, M10).

    With c 256ths for a one: min(127, c - 128) where the binary pixel is 1, min(127, 128 - c) where it is 0. So 0 is
    even chance, and 127 is certainty.
    """
    ones = conditional.pixels.astype(np.int16) - 128
    there = np.where(features.rows() >= 128, ones, -ones)
    return SimilarityMap(np.minimum(there, 127).astype(np.int8))
