"""Slow, obvious twins of the similarity kernels, in Python's unbounded integers."""

from __future__ import annotations

from math import isqrt

import numpy as np


def cosine(dot: int, aa: int, bb: int) -> int:
    """floor(127 dot / isqrt(aa bb)); 127 for two windows of zeros, 0 for one (A14)."""
    if aa == 0 or bb == 0:
        return 127 if aa == bb else 0
    return 127 * dot // isqrt(aa * bb)


def window_cosine(a: np.ndarray, b: np.ndarray, k: int = 7) -> np.ndarray:
    p, q = a.astype(np.int64) - 128, b.astype(np.int64) - 128
    result = np.empty(a.shape, np.int8)
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            window = np.s_[max(0, y - k // 2) : y + k // 2 + 1, max(0, x - k // 2) : x + k // 2 + 1]
            v, w = p[window], q[window]
            result[y, x] = cosine(int((v * w).sum()), int((v * v).sum()), int((w * w).sum()))
    return result
