"""Gray frames and tiles as training sees them: the same geometry that sealing uses.

A picture of any size is stretched to a frame of 128x128 by exact area means and cut into 16 tiles of 32x32.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = 128
TILE = 32


@lru_cache(maxsize=64)
def _area_weights(source: int, target: int) -> NDArray[np.float32]:
    """Return the (target, source) matrix whose rows average `source` samples over equal areas."""
    edges = np.arange(target + 1) * (source / target)
    samples = np.arange(source)
    overlap = np.minimum(edges[1:, None], samples + 1) - np.maximum(edges[:-1, None], samples)
    return np.asarray(np.clip(overlap, 0, None) * (target / source), np.float32)


def area_resize(gray: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Stretch a gray picture (h, w) to (height, width); shrinking averages areas, growing repeats pixels."""
    rows = _area_weights(gray.shape[0], height)
    columns = _area_weights(gray.shape[1], width)
    mean = rows @ gray.astype(np.float32) @ columns.T
    return np.asarray(np.clip(np.rint(mean), 0, 255), np.uint8)


def to_frame(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch a gray picture of any size to the 128x128 frame that is sealed."""
    return area_resize(gray, FRAME, FRAME)


def to_tiles(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut frames (n, 128, 128) into tiles (16 n, 32, 32), row by row."""
    across = FRAME // TILE
    cut = frames.reshape(-1, across, TILE, across, TILE).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(cut.reshape(-1, TILE, TILE))


def from_tiles(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put tiles (16 n, 32, 32) back together as frames (n, 128, 128)."""
    across = FRAME // TILE
    cut = tiles.reshape(-1, across, across, TILE, TILE).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(cut.reshape(-1, FRAME, FRAME))


def to_blocks(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reorder tiles (n, 32, 32) into the networks' 2x2 block order (n, 16, 16, 4)."""
    cut = tiles.reshape(-1, 16, 2, 16, 2).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(cut.reshape(-1, 16, 16, 4))


def from_blocks(blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo `to_blocks`: (n, 16, 16, 4) becomes tiles (n, 32, 32)."""
    cut = blocks.reshape(-1, 16, 16, 2, 2).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(cut.reshape(-1, TILE, TILE))
