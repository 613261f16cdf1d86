"""The map that a factor reduces: how well what the networks make of a picture fits it, place by place."""

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
    """How well the derived image or the conditional fits the picture, place by place.

    Parameters
    ----------
    values : numpy.ndarray
        int8 (side, side), -127..127. Cosines are in steps of 1/127; associations in steps of 1/256 above one half.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> sf.image_factor(np.zeros((480, 640), np.uint8), "gan").map.values.shape
    (128, 128)
    """

    values: NDArray[np.int8]


def window_similarity(features: ImageFeatures, derived: DerivedImage, window: int) -> SimilarityMap:
    """Return the cosine of the neighbourhoods around every pixel of features and derived image.

    Parameters
    ----------
    features : ImageFeatures
        The picture.
    derived : DerivedImage
        What the generator made of it.
    window : int
        Rows and columns of a neighbourhood, odd; clipped at the border.

    Returns
    -------
    SimilarityMap
        (side, side).

    Notes
    -----
    On signed values p - 128, q = floor(127 dot / isqrt(n1 n2)) with the squared lengths n1 and n2. Two windows of zeros
    give 127, one window of zeros gives 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import DerivedImage
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.similarity import window_similarity
    >>> features = extract_features(frame_from_array(np.full((64, 64), 200, np.uint8)), 64)
    >>> int(window_similarity(features, DerivedImage(features.rows()), 7).values.min())
    127
    """
    return SimilarityMap(_core.window_cosine(features.rows(), derived.pixels, window))


def feature_similarity(seen: Discernment, side: int) -> SimilarityMap:
    """Return the cosine of the discriminator's 128 features of image and derived image at every position.

    Every tile has 8x8 positions, so a picture of side x side pixels gives a map of side/4 x side/4.

    Parameters
    ----------
    seen : Discernment
        What the discriminator saw.
    side : int
        Rows and columns of the picture, a multiple of 32.

    Returns
    -------
    SimilarityMap
        (side/4, side/4).

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import Discernment
    >>> from sealframe.similarity import feature_similarity
    >>> features, verdict = np.ones((4, 8, 8, 128), np.uint8), np.zeros(4, np.int32)
    >>> feature_similarity(Discernment(features, features, verdict, verdict), 64).values.shape
    (16, 16)
    """
    tiles = side // 32
    image, derived = (
        features.reshape(tiles, tiles, 8, 8, 128).swapaxes(1, 2).reshape(8 * tiles, 8 * tiles, 128)
        for features in (seen.features_image, seen.features_derived)
    )
    return SimilarityMap(_core.channel_cosine(image, derived, zero=0))


def association(features: ImageFeatures, conditional: Conditional) -> SimilarityMap:
    """Return the degree of association of every pixel with the conditional: the probability of the pixel that is there.

    Parameters
    ----------
    features : ImageFeatures
        The picture.
    conditional : Conditional
        What the likelihood network made of its latent.

    Returns
    -------
    SimilarityMap
        (side, side): 0 is even chance, 127 is certainty.

    Notes
    -----
    With c 256ths for a one: min(127, c - 128) where the binary pixel is 1, min(127, 128 - c) where it is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import Conditional
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.similarity import association
    >>> features = extract_features(frame_from_array(np.full((32, 32), 200, np.uint8)), 32)
    >>> int(association(features, Conditional(np.full((32, 32), 192, np.uint8))).values[0, 0])
    64
    """
    ones = conditional.pixels.astype(np.int16) - 128
    there = np.where(features.rows() >= 128, ones, -ones)
    return SimilarityMap(np.minimum(there, 127).astype(np.int8))
