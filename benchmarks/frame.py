"""The frame that whole-path benchmarks seal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rgb_frame() -> NDArray[np.uint8]:
    """Draw waves under sensor noise: (480, 640, 3) uint8, the same at every call."""
    y, x = np.mgrid[:480, :640]
    noise = np.random.default_rng(1).normal(0, 8, (480, 640, 3))
    waves = 128 + 80 * np.sin(x / 31) * np.cos(y / 23)
    frame: NDArray[np.uint8] = (waves[..., None] + noise).clip(0, 255).astype(np.uint8)
    return frame
