"""Slow, obvious twins of the reductions."""

from __future__ import annotations

from math import isqrt

import numpy as np


def block_means(image: np.ndarray, size: int = 8) -> np.ndarray:
    height, width = image.shape
    sums = image.astype(np.int64).reshape(height // size, size, width // size, size).sum(axis=(1, 3))
    return ((2 * sums + size * size) // (2 * size * size)).astype(np.uint8)


def row_sums(values: np.ndarray) -> np.ndarray:
    return values.sum(axis=1, dtype=np.int32)


def norms(values: np.ndarray) -> np.ndarray:
    wide = values.astype(np.int64)
    return np.array([np.abs(wide).sum(), (wide**2).sum(), np.abs(wide).sum(axis=1).max()])


def rank(values: np.ndarray, prime: int = 65_521) -> int:
    rows = [[int(v) % prime for v in row] for row in values]
    pivots = 0
    for column in range(values.shape[1]):
        with_pivot = next((i for i in range(pivots, len(rows)) if rows[i][column]), None)
        if with_pivot is None:
            continue
        rows[pivots], rows[with_pivot] = rows[with_pivot], rows[pivots]
        inverse = pow(rows[pivots][column], -1, prime)
        for i in range(pivots + 1, len(rows)):
            factor = rows[i][column] * inverse
            rows[i] = [(v - factor * p) % prime for v, p in zip(rows[i], rows[pivots], strict=True)]
        pivots += 1
    return pivots


def normalised(w: list[int]) -> list[int]:
    """Scaled so that the largest magnitude is 2^20, in integers."""
    shift = max(0, max(abs(v) for v in w).bit_length() - 40)
    w = [v >> shift for v in w]
    most = max(abs(v) for v in w)
    return [toward_zero(v * 2**20, most) for v in w]


def toward_zero(numerator: int, denominator: int) -> int:
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def leading_pair(values: np.ndarray) -> tuple[int, np.ndarray]:
    m = values.astype(object)
    gram = m.T.dot(m)
    start = max(range(len(gram)), key=lambda i: gram[i, i])
    if gram[start, start] == 0:
        return 0, np.zeros(len(gram), np.int32)
    v = normalised(list(gram[start]))
    for _ in range(32):
        v = normalised(list(gram.dot(v)))
    squared = sum(x * x for x in v)
    value = 256 * sum(x * int(y) for x, y in zip(v, gram.dot(v), strict=True)) // squared
    length = isqrt(squared << 12)
    vector = [toward_zero(x << 36, length) for x in v]
    peak = max(vector, key=abs)
    return value, np.array([x if peak > 0 else -x for x in vector], np.int32)
