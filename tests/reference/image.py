"""Slow, obvious twin of the gray kernel."""

from __future__ import annotations

import numpy as np

from tests.reference.features import WEIGHTS, luma


def gray(image: np.ndarray, order: str) -> np.ndarray:
    scale = sum(WEIGHTS[order])
    return ((2 * luma(image, order) + scale) // (2 * scale)).astype(np.uint8)
