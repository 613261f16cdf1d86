"""Slow, obvious twins of the feature kernels, in Python's unbounded integers."""

from __future__ import annotations

from math import gcd

import numpy as np

WEIGHTS = {
    "gray": (1,),
    "rgb": (9798, 19235, 3735),
    "bgr": (3735, 19235, 9798),
    "rgba": (9798, 19235, 3735, 0),
    "bgra": (3735, 19235, 9798, 0),
}


def luma(image: np.ndarray, order: str) -> np.ndarray:
    """Unrounded luma in units of 1 (gray) or 1/32768, as Python integers (H, W)."""
    planes = image[..., None] if order == "gray" else image
    return sum(planes[..., c].astype(object) * weight for c, weight in enumerate(WEIGHTS[order]))


def axis_weights(source: int, cells: int) -> tuple[np.ndarray, int]:
    """Integer overlap of each output cell with each source pixel (cells, source), and the sum of a row."""
    if source < cells:
        weights = np.zeros((cells, source), object)
        for i in range(cells):
            weights[i, (2 * i + 1) * source // (2 * cells)] = 1
        return weights, 1
    pixel, cell = cells // gcd(source, cells), source // gcd(source, cells)
    left = np.maximum.outer(np.arange(cells) * cell, np.arange(source) * pixel)
    right = np.minimum.outer((np.arange(cells) + 1) * cell, (np.arange(source) + 1) * pixel)
    return np.maximum(right - left, 0).astype(object), cell


def mean_fractions(image: np.ndarray, order: str, height: int, width: int) -> tuple[np.ndarray, int]:
    """Numerators (height, width) and the common denominator of the exact area mean."""
    rows, row_total = axis_weights(image.shape[0], height)
    columns, column_total = axis_weights(image.shape[1], width)
    numerators = rows.dot(luma(image, order)).dot(columns.T)
    return numerators, row_total * column_total * sum(WEIGHTS[order])


def area_mean(
    image: np.ndarray,
    order: str,
    height: int,
    width: int,
    *,
    feature: str = "gray",
    threshold: int = 128,
    layout: str = "rows",
) -> np.ndarray:
    numerators, denominator = mean_fractions(image, order, height, width)
    if feature == "binary":
        return (numerators >= threshold * denominator).astype(np.uint8)
    gray = ((2 * numerators + denominator) // (2 * denominator)).astype(np.uint8)
    if feature == "standardised":
        return (2 * gray.astype(np.float32) - np.float32(255)) * (np.float32(1) / np.float32(255))
    return block(gray) if layout == "blocks" else gray


def block(rows: np.ndarray) -> np.ndarray:
    """tile[n, i, j, 4r + c] = pixel (4i + r, 4j + c) of the n-th 32x32 tile."""
    height, width = rows.shape
    split = rows.reshape(height // 32, 8, 4, width // 32, 8, 4)
    return split.transpose(0, 3, 1, 4, 2, 5).reshape(-1, 8, 8, 16)


def unblock(tiles: np.ndarray, height: int, width: int) -> np.ndarray:
    split = tiles.reshape(height // 32, width // 32, 8, 8, 4, 4)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(height, width)
