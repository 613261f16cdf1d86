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


def channel_cosine(a: np.ndarray, b: np.ndarray, zero: int = 128) -> np.ndarray:
    return float_channel_cosine(a, b) if a.dtype == np.float32 else integer_channel_cosine(a, b, zero)


def integer_channel_cosine(a: np.ndarray, b: np.ndarray, zero: int) -> np.ndarray:
    p, q = a.astype(np.int64) - zero, b.astype(np.int64) - zero
    sums = [(v * w).sum(axis=-1) for v, w in ((p, q), (p, p), (q, q))]
    return np.vectorize(cosine, otypes=[np.int8])(*(s.astype(object) for s in sums))


def lane_sum(products: np.ndarray) -> np.ndarray:
    """float32 sums over the last axis: element i in lane i mod 16, then lane l += lane l + 8, + 4, + 2, + 1."""
    lanes = np.zeros((*products.shape[:-1], 16), np.float32)
    for i in range(products.shape[-1]):
        lanes[..., i % 16] += products[..., i]
    for half in (8, 4, 2, 1):
        lanes = lanes[..., :half] + lanes[..., half : 2 * half]
    return lanes[..., 0]


def float_channel_cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    dot, aa, bb = (lane_sum(v * w) for v, w in ((a, b), (a, a), (b, b)))
    length = np.sqrt(aa.astype(np.float64) * bb.astype(np.float64))
    zero = np.where((aa == 0) & (bb == 0), 1.0, 0.0)
    some = (aa != 0) & (bb != 0)
    return np.where(some, dot.astype(np.float64) / np.where(some, length, 1), zero).astype(np.float32)
