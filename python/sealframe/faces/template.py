"""A face as 96 signed bytes, the same on every computer, and their comparison in integers (M25).

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
    """The part of a picture that a template is made of, in hundredths of the side of the detector's box."""

    side: int
    rise: int
    """How much higher than the box's centre the window's centre is."""


WINDOW = Window(115, 13)
"""Eyes at about 0.46 and mouth at 0.82 of the height, the rows that most face models are trained with."""


def _oval() -> NDArray[np.bool_]:
    """The ellipse that a face fills in its window."""
    line = 2 * np.arange(SIDE) + 1 - SIDE
    inside: NDArray[np.bool_] = (line / 50) ** 2 + ((line[:, None] - 4) / 58) ** 2 <= 1
    return inside


OVAL = _oval()
_OVAL_PIXELS = int(OVAL.sum())


def cut_window(picture: Pixels, left: int, top: int, side: int) -> Pixels:
    """The window around a detector's box, uint8 (S, S) or (S, S, 3); the picture's edge is repeated beyond it."""
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
    """A window uint8 (S, S), any S, as the network takes it: uint8 (64, 64), mean 128 and deviation 40 in the oval."""
    gray = _core.area_mean(window, "gray", SIDE, SIDE).astype(np.int64)
    inside = gray[OVAL]
    total = int(inside.sum())
    deviation = max(1, isqrt(_OVAL_PIXELS * int((inside * inside).sum()) - total * total))
    levels = _round(DEVIATION * (_OVAL_PIXELS * gray - total), deviation)
    return (np.clip(levels, -128, 127) + 128).astype(np.uint8)


def encode_face(window: Pixels, models: ModelSet | None = None) -> Template:
    """Template int8 (96,) of a window uint8 (S, S) or RGB (S, S, 3), of length 392.

    The mirror image is the same face turned and lit the other way: what both have in common is kept.

    Raises ModelError when the network is missing or altered.
    """
    gray = window if window.ndim == 2 else _core.area_mean(window, "rgb", *window.shape[:2])
    face = standardise(gray)
    both = np.stack([face, face[:, ::-1]])[..., None]
    (vectors,) = (models or shipped_models()).run(NETWORK, ["vector"], both)
    return _of_one_length(vectors.sum(0, dtype=np.int64) - 2 * 128)


def mean_template(templates: Sequence[Template]) -> Template:
    """The direction in the middle of several templates, of the same length."""
    return _of_one_length(np.sum(templates, 0, dtype=np.int64))


def cosine(a: Template, b: Template) -> float:
    """How alike, -1..1."""
    dot, squares = _products(a, b)
    return float(dot / max(1.0, squares**0.5))


def threshold_units(threshold: float) -> int:
    """A cosine in 1024ths, rounded up: never more lenient than asked for."""
    return ceil(threshold * ONE)


def reaches(a: Template, b: Template, threshold: int) -> bool:
    """Whether the cosine is at least `threshold` / 1024, 0 < threshold <= 1024: dot^2 1024^2 >= T^2 |a|^2 |b|^2."""
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
