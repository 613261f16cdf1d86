"""Slow, obvious twins of the reductions."""

from __future__ import annotations

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
