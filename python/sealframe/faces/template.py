"""A face as 96 signed bytes, the same on every computer, and their comparison in integers.

    cut_window    uint8 (S, S)     the box that a detector draws, widened to a canonical window
    standardise   uint8 (64, 64)   light taken out: mean and deviation within an oval, as integers
    encode_face   int8 (96,)       what the face network makes of it and of its mirror image, of one length
    reaches       bool             cosine against a threshold, without root or division

No floating-point number decides anything, so a template and a decision do not depend on the processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core
from sealframe.models import shipped_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sealframe.models import ModelSet

    Gray = NDArray[np.uint8]
    Pixels = NDArray[np.uint8]
    Template = NDArray[np.int8]

NETWORK = "face_encoder"
SIDE = 64
COMPONENTS = 96
LENGTH = 392
"""Length of every template: components of 40 on average, so that hardly one exceeds 127."""
DEVIATION = 40
"""Levels that one standard deviation within the oval takes up after `standardise`."""
ONE = 1024
"""Cosine 1 in the unit of thresholds."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture that a template is made of, in hundredths of the side of the detector's box.

    Parameters
    ----------
    side : int
        Width and height of the window.
    rise : int
        How much higher than the centre of the box the centre of the window is.
    """

    side: int
    rise: int


WINDOW = Window(115, 13)
"""Puts eyes and mouth of a box of `Cascade` at about the rows that most face models are trained with."""


def _oval() -> NDArray[np.bool_]:
    """The ellipse that a face fills in its window."""
    line = 2 * np.arange(SIDE) + 1 - SIDE
    inside: NDArray[np.bool_] = (line / 50) ** 2 + ((line[:, None] - 4) / 58) ** 2 <= 1
    return inside


OVAL = _oval()
_OVAL_PIXELS = int(OVAL.sum())


def cut_window(picture: Pixels, left: int, top: int, side: int) -> Pixels:
    """Cut the window around a detector's box.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 (H, W) or (H, W, C).
    left, top : int
        Column and row of the upper left corner of the box.
    side : int
        Width and height of the box in pixels, at least 1.

    Returns
    -------
    numpy.ndarray
        uint8 (S, S) or (S, S, C); beyond the edge of the picture, its outermost pixels are repeated.
    """
    wide = max(1, (WINDOW.side * side + 50) // 100)
    first_row, first_column = top + (side - wide) // 2 - WINDOW.rise * side // 100, left + (side - wide) // 2
    rows, columns = (
        np.clip(np.arange(first, first + wide), 0, length - 1)
        for first, length in zip((first_row, first_column), picture.shape[:2], strict=True)
    )
    inside = 0 <= first_column <= picture.shape[1] - wide
    strip = picture[:, first_column : first_column + wide] if inside else picture.take(columns, 1)
    return np.ascontiguousarray(strip.take(rows, 0))


def standardise(window: Gray) -> Gray:
    """Take the light out of a window: mean and deviation within the oval become 128 and 40.

    Parameters
    ----------
    window : numpy.ndarray
        uint8 (S, S), gray, any S of at least 1.

    Returns
    -------
    numpy.ndarray
        uint8 (64, 64), as the network takes it.
    """
    gray = _core.area_mean(window, "gray", SIDE, SIDE).astype(np.int64)
    inside = gray[OVAL]
    total = int(inside.sum())
    deviation = max(1, isqrt(_OVAL_PIXELS * int((inside * inside).sum()) - total * total))
    levels = _round(DEVIATION * (_OVAL_PIXELS * gray - total), deviation)
    return (np.clip(levels, -128, 127) + 128).astype(np.uint8)


def encode_face(window: Pixels, models: ModelSet | None = None) -> Template:
    """Make the template of a face.

    The mirror image is the same face turned and lit the other way: what both have in common is kept.

    Parameters
    ----------
    window : numpy.ndarray
        uint8 (S, S) gray or (S, S, 3) RGB, as `cut_window` returns it.
    models : ModelSet, optional
        Where the network is; the shipped networks where it is left out.

    Returns
    -------
    numpy.ndarray
        int8 (96,), of length 392.

    Raises
    ------
    ModelError
        When the network is missing or altered.
    """
    gray = window if window.ndim == 2 else _core.area_mean(window, "rgb", *window.shape[:2])
    face = standardise(gray)
    both = np.stack([face, face[:, ::-1]])[..., None]
    (vectors,) = (models or shipped_models()).run(NETWORK, ["vector"], both)
    return _of_one_length(vectors.sum(0, dtype=np.int64) - 2 * 128)


def mean_template(templates: Sequence[Template]) -> Template:
    """Make one template of several, in the direction of their sum.

    Parameters
    ----------
    templates : sequence of numpy.ndarray
        int8 (d,), at least one.

    Returns
    -------
    numpy.ndarray
        int8 (d,), of length 392.
    """
    return _of_one_length(np.sum(templates, 0, dtype=np.int64))


def cosine(a: Template, b: Template) -> float:
    """Return the cosine of two templates, for people to read, not for decisions.

    Parameters
    ----------
    a, b : numpy.ndarray
        int8 (d,).

    Returns
    -------
    float
        -1..1.
    """
    dot, squares = _products(a, b)
    return float(dot / max(1.0, squares**0.5))


def threshold_units(threshold: float) -> int:
    """Return a cosine in 1024ths, rounded up: never more lenient than asked for.

    Parameters
    ----------
    threshold : float
        The cosine, 0..1.

    Returns
    -------
    int
        0..1024.

    Examples
    --------
    >>> from sealframe.faces.template import threshold_units
    >>> threshold_units(0.5)
    512
    """
    return ceil(threshold * ONE)


def reaches(a: Template, b: Template, threshold: int) -> bool:
    """Say whether the cosine of two templates reaches a threshold: dot > 0 and dot^2 1024^2 >= T^2 |a|^2 |b|^2.

    Parameters
    ----------
    a, b : numpy.ndarray
        int8 (d,).
    threshold : int
        T, the cosine in 1024ths, 1..1024.

    Returns
    -------
    bool
    """
    dot, squares = _products(a, b)
    return dot > 0 and dot * dot * ONE * ONE >= threshold * threshold * squares


def _products(a: Template, b: Template) -> tuple[int, int]:
    wide_a, wide_b = a.astype(np.int64), b.astype(np.int64)
    return int(wide_a @ wide_b), int(wide_a @ wide_a) * int(wide_b @ wide_b)


def _of_one_length(sums: NDArray[np.int64]) -> Template:
    length = max(1, isqrt(int(sums @ sums) << 20))
    return np.clip(_round(LENGTH * (sums << 10), length), -127, 127).astype(np.int8)


def _round(numerator: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """Divide by a positive number and round to the nearest integer, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
