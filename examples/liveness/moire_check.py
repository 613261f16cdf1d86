"""An example of a liveness check, and no protection: it sees the pattern of a screen, where there is one.

PYTHONPATH=examples/liveness sealframe server run --home bank --liveness moire_check:MoireCheck

A camera before a screen often records waves that the two grids of pixels make together: moiré. They are peaks in the
spectrum of the frame. A printed photograph, a better screen, a mask, or a screen that is out of focus makes none. So
this check fails a frame that has such a peak, and says NOT_CHECKED of every other; it never says PASSED. A server that
requires liveness (`--require-liveness`, `--mode live`) therefore refuses every frame with it. For real payments, use a
check that was tested against presentation attacks (ISO/IEC 30107-3).
"""

from __future__ import annotations

import numpy as np

from sealframe.faces import Liveness

SIDE, SMALLEST_SIDE = 256, 64
"""Pixels of the square in the middle that is looked at, at most and at least."""
LOWEST, HIGHEST, RINGS = 0.12, 0.5, 16
"""Frequencies that are looked at, in waves a pixel, and in how many rings."""
PEAK = 200.0
"""Power of a peak over the median of its ring: at most 99 in 781 portraits, and at least 362 in the same
portraits with waves of 12 % of the light laid over them."""


class MoireCheck:
    """FAILED where a frame holds waves as of a screen, else NOT_CHECKED."""

    def check(self, image: np.ndarray) -> Liveness:
        """Judge one frame, uint8 (H, W) gray or (H, W, 3) RGB."""
        return Liveness.FAILED if strongest_peak(image) > PEAK else Liveness.NOT_CHECKED


def strongest_peak(image: np.ndarray) -> float:
    """How far the strongest single frequency rises above others of about its height: a ratio of power, 0 or more."""
    gray = image.mean(2) if image.ndim == 3 else image.astype(float)
    side = min(*gray.shape, SIDE)
    if side < SMALLEST_SIDE:
        return 0.0
    top, left = (gray.shape[0] - side) // 2, (gray.shape[1] - side) // 2
    square = gray[top : top + side, left : left + side]
    fade = np.hanning(side)
    power = np.abs(np.fft.fft2((square - square.mean()) * fade * fade[:, None])) ** 2
    rings = _rings(side)
    chosen = [power[rings == ring] for ring in range(RINGS)]
    return max(float(ring.max() / max(np.median(ring), 1e-9)) for ring in chosen)


def _rings(side: int) -> np.ndarray:
    """The ring of every frequency, int (side, side); -1 for those left out: low ones, and the grid of JPEG's blocks."""
    across = np.fft.fftfreq(side)
    frequency = np.hypot(across, across[:, None])
    on_grid = np.abs(8 * across - np.rint(8 * across)) < 0.06
    used = (frequency > LOWEST) & (frequency < HIGHEST) & ~(on_grid & on_grid[:, None])
    return np.where(used, ((frequency - LOWEST) / (HIGHEST - LOWEST) * RINGS).astype(int), -1)
