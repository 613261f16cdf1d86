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
    """tile[n, i, j, 2r + c] = pixel (2i + r, 2j + c) of the n-th 32x32 tile."""
    height, width = rows.shape
    split = rows.reshape(height // 32, 16, 2, width // 32, 16, 2)
    return split.transpose(0, 3, 1, 4, 2, 5).reshape(-1, 16, 16, 4)


def unblock(tiles: np.ndarray, height: int, width: int) -> np.ndarray:
    split = tiles.reshape(height // 32, width // 32, 16, 16, 2, 2)
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(height, width)


def chacha_block(key: bytes, counter: int, rounds: int = 12, nonce: bytes = bytes(8)) -> bytes:
    """One block of ChaCha as first published: 64-bit counter, 64-bit nonce (D. J. Bernstein, 2008)."""
    start = np.frombuffer(b"expand 32-byte k" + key + counter.to_bytes(8, "little") + nonce, "<u4")
    x = [int(word) for word in start]

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for target, source, turned, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[target] = (x[target] + x[source]) % 2**32
            mixed = x[turned] ^ x[target]
            x[turned] = (mixed << bits | mixed >> (32 - bits)) % 2**32

    for _ in range(rounds // 2):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return b"".join(((v + int(s)) % 2**32).to_bytes(4, "little") for v, s in zip(x, start, strict=True))


def random_words(seed: bytes, first: int, count: int) -> np.ndarray:
    blocks = range(first // 32, (first + count + 31) // 32)
    stream = b"".join(chacha_block(seed, block % 2**64) for block in blocks)
    return np.frombuffer(stream, "<u2")[first % 32 :][:count]


def bernoulli(gray: np.ndarray, seed: bytes, first: int = 0) -> np.ndarray:
    words = random_words(seed, first, gray.size).reshape(gray.shape).astype(int)
    return ((words < 257 * gray.astype(int)) | (gray == 255)).astype(np.uint8)


def standardise(gray: np.ndarray) -> np.ndarray:
    return (2 * gray.astype(np.float32) - np.float32(255)) * (np.float32(1) / np.float32(255))


def dct_matrix() -> np.ndarray:
    """Orthonormal DCT-II of 32 points times 2^15, rounded."""
    frequency, place = np.mgrid[:32, :32]
    matrix = np.cos(np.pi * (2 * place + 1) * frequency / 64) * np.where(frequency == 0, np.sqrt(0.5), 1) / 4
    return np.rint(matrix * 2**15).astype(np.int64)


def spectrum(rows: np.ndarray) -> np.ndarray:
    height, width = rows.shape
    tiles = rows.astype(np.int64).reshape(height // 32, 32, width // 32, 32).swapaxes(1, 2).reshape(-1, 32, 32)
    columns = (dct_matrix() @ (tiles - 128) + 2**11) >> 12
    return np.clip((columns @ dct_matrix().T + 2**14) >> 15, -(2**15), 2**15 - 1).astype(np.int16)
