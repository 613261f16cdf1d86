"""The similarity map: how alike image and derived image are, pixel by pixel (M14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe import _core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sealframe.derivation import DerivedImage
    from sealframe.features import ImageFeatures


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimilarityMap:
    """Cosines in steps of 1/127: int8 (side, side), -127..127."""

    cosines: NDArray[np.int8]


def window_similarity(features: ImageFeatures, derived: DerivedImage, window: int) -> SimilarityMap:
    """Cosine of the window x window neighbourhoods around every pixel, on signed values p - 128.

    q = floor(127 dot / isqrt(n1 n2)); windows are clipped at the border; both zero gives 127, one zero gives 0 (A14).
    """
    return SimilarityMap(_core.window_cosine(features.rows(), derived.pixels, window))
