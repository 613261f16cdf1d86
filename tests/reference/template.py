"""Slow and obvious twins of `sealframe.faces.template`: fractions for integer division, loops for arrays."""

from __future__ import annotations

from fractions import Fraction
from math import floor, isqrt

import numpy as np
from numpy.typing import NDArray


def nearest(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def oval() -> list[tuple[int, int]]:
    return [
        (y, x)
        for y in range(64)
        for x in range(64)
        if Fraction(2 * x - 63, 50) ** 2 + Fraction(2 * y - 67, 58) ** 2 <= 1
    ]


def standardise(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A window of 64x64 already."""
    inside = [int(gray[place]) for place in oval()]
    count, total = len(inside), sum(inside)
    deviation = max(1, isqrt(count * sum(value * value for value in inside) - total * total))
    out = np.empty((64, 64), np.uint8)
    for place in np.ndindex(64, 64):
        level = nearest(Fraction(40 * (count * int(gray[place]) - total), deviation))
        out[place] = 128 + min(127, max(-128, level))
    return out


def reaches(a: NDArray[np.int8], b: NDArray[np.int8], threshold: int) -> bool:
    dot = sum(int(x) * int(y) for x, y in zip(a, b, strict=True))
    squares = sum(int(x) ** 2 for x in a) * sum(int(y) ** 2 for y in b)
    return dot > 0 and Fraction(dot * dot, max(squares, 1)) >= Fraction(threshold, 1024) ** 2
