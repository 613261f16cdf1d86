"""Image features: grayscale, exact area mean, and per-pixel Bernoulli or standardised values in one pass.

Gray is (9798 R + 19235 G + 3735 B) / 32768, the weights of ITU-R BT.601. The mean over each output cell is exact and
rounded once: floor((2N + D) / 2D). A side shorter than the output is first stretched by nearest neighbour.
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
"""A binary pixel is the highest bit of the mean: 1 from 128 on."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageFeatures:
    """Gray means of a square map, in tiles of 32x32 pixels.

    Parameters
    ----------
    tiles : numpy.ndarray
        uint8 (side/32 * side/32, 16, 16, 4), 0..255. `tiles[n, i, j, 2r + c]` is pixel (2i + r, 2j + c) of tile n;
        tiles are counted row by row. The networks read a byte p as (p - 128) / 128, so the bytes are the standardised
        features.
    side : int
        Rows and columns of the map, a multiple of 32.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> features = extract_features(frame_from_array(np.full((480, 640), 200, np.uint8)), 128)
    >>> features.tiles.shape
    (16, 16, 16, 4)
    """

    tiles: NDArray[np.uint8]
    side: int

    def rows(self) -> NDArray[np.uint8]:
        """Return the means as an ordinary picture.

        Returns
        -------
        numpy.ndarray
            uint8 (side, side), 0..255.
        """
        return _core.unblock(self.tiles, self.side, self.side)


def extract_features(frame: Frame, side: int) -> ImageFeatures:
    """Reduce a frame to the features that the networks read.

    Parameters
    ----------
    frame : Frame
        The picture, of any size.
    side : int
        Rows and columns of the features, a multiple of 32.

    Returns
    -------
    ImageFeatures

    Notes
    -----
    Each value is the area mean of the gray picture, the weights of ITU-R BT.601, rounded once.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> extract_features(frame_from_array(np.full((480, 640), 200, np.uint8)), 128).rows()[0, 0]
    np.uint8(200)
    """
    return ImageFeatures(_core.area_mean(frame.pixels, frame.order, side, side, layout="blocks"), side)


def binary_pixels(features: ImageFeatures) -> NDArray[np.uint8]:
    """Return the binary pixels of features, in the order of the tiles.

    Parameters
    ----------
    features : ImageFeatures
        Gray means.

    Returns
    -------
    numpy.ndarray
        uint8 (tiles, 16, 16, 4): 1 where the mean is at least 128, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import binary_pixels, extract_features
    >>> from sealframe.image import frame_from_array
    >>> int(binary_pixels(extract_features(frame_from_array(np.full((48, 64), 200, np.uint8)), 32)).min())
    1
    """
    return np.right_shift(features.tiles, BINARY_BIT, dtype=np.uint8)


def binary_spectrum(features: ImageFeatures) -> NDArray[np.uint8]:
    """Return the spectrum of the binary pixels, drawn as 0 and 255.

    Parameters
    ----------
    features : ImageFeatures
        Gray means.

    Returns
    -------
    numpy.ndarray
        uint8 (tiles, 32, 32), as `spectrum_of_tiles` returns it.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import binary_spectrum, extract_features
    >>> from sealframe.image import frame_from_array
    >>> binary_spectrum(extract_features(frame_from_array(np.zeros((48, 64), np.uint8)), 64)).shape
    (4, 32, 32)
    """
    return spectrum_of_tiles(np.where(features.rows() >> BINARY_BIT, np.uint8(255), np.uint8(0)))


def spectrum_of_tiles(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the cosine transform of every 32x32 tile of a picture.

    Parameters
    ----------
    rows : numpy.ndarray
        uint8 (32 a, 32 b), 0..255.

    Returns
    -------
    numpy.ndarray
        uint8 (a b, 32, 32), 1..255. Value [n, v, u] is coefficient (v, u) of tile n. A byte c stands for 32 (c - 128)
        gray levels of the orthonormal transform, rounded half up, at most 127 steps.

    References
    ----------
    N. Ahmed, T. Natarajan, K. R. Rao, "Discrete Cosine Transform", IEEE Transactions on Computers C-23 (1974) 90-93.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import spectrum_of_tiles
    >>> spectrum_of_tiles(np.full((32, 64), 128, np.uint8)).shape
    (2, 32, 32)
    """
    steps = (_core.spectrum(rows).astype(np.int32) + 128) >> 8
    return np.asarray(np.minimum(steps + 128, 255), np.uint8)


def grayscale(frame: Frame) -> NDArray[np.uint8]:
    """Return the frame in gray at its own size.

    Parameters
    ----------
    frame : Frame
        The picture.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W), 0..255: (9798 R + 19235 G + 3735 B) / 32768, rounded once.

    References
    ----------
    ITU-R BT.601-7: the weights 0.299, 0.587 and 0.114 in 32768ths.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import grayscale
    >>> from sealframe.image import frame_from_array
    >>> int(grayscale(frame_from_array(np.full((1, 1, 3), (255, 0, 0), np.uint8)))[0, 0])
    76
    """
    return _core.gray(frame.pixels, frame.order)


def binarise(frame: Frame, side: int, threshold: int = 128) -> NDArray[np.uint8]:
    """Binarise a frame: the Bernoulli pixels with a fixed threshold in place of a draw.

    Parameters
    ----------
    frame : Frame
        The picture, of any size.
    side : int
        Rows and columns of the result, 1 or more.
    threshold : int
        Gray level, 0..255, from which a pixel is 1.

    Returns
    -------
    numpy.ndarray
        uint8 (side, side): 1 where the area mean is at least `threshold`, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import binarise
    >>> from sealframe.image import frame_from_array
    >>> binarise(frame_from_array(np.array([[100, 200]], np.uint8)), 2)
    array([[0, 1],
           [0, 1]], dtype=uint8)
    """
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="binary", threshold=threshold)


def standardise(frame: Frame, side: int) -> NDArray[np.float32]:
    """Scale a frame's gray means to -1..1.

    Parameters
    ----------
    frame : Frame
        The picture, of any size.
    side : int
        Rows and columns of the result, 1 or more.

    Returns
    -------
    numpy.ndarray
        float32 (side, side): (2g - 255) / 255 of the rounded area mean g.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.features import standardise
    >>> from sealframe.image import frame_from_array
    >>> standardise(frame_from_array(np.array([[0, 255]], np.uint8)), 2)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """
    return _core.area_mean(frame.pixels, frame.order, side, side, feature="standardised")
