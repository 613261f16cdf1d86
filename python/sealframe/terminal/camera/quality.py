"""Which frame is good enough to seal, and where the face belongs: cheap enough for every frame of a camera.

The server judges again and more strictly; the gate only saves the person a round trip.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

SIDE = 64
DARKEST, BRIGHTEST, FLATTEST = 40.0, 220.0, 14.0
BLURRED = 1.0
OVAL_WIDTH, OVAL_HEIGHT = 0.56, 0.76
"""Of the side of the square that is sealed."""


class Hint(StrEnum):
    """What the person can do about the picture."""

    GOOD = "good"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    TOO_FLAT = "too_flat"
    TOO_BLURRED = "too_blurred"


def centre_square(frame: Pixels) -> Pixels:
    """The middle of a frame, a view, uint8 (S, S, C) with S its shorter side: who stands beside is not sealed."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return frame[top : top + side, left : left + side]


def rate_frame(square: Pixels) -> Hint:
    """What is wrong with a square frame, uint8 (S, S, 3) in the order BGR, within the oval.

    Brightness and contrast are mean and standard deviation of the gray values (0..255); sharpness is the mean
    absolute difference of neighbouring rows and columns of a picture of 64x64.
    """
    import cv2

    gray = _core.area_mean(square, "bgr", SIDE, SIDE)
    brightness, contrast = np.ravel(cv2.meanStdDev(gray, mask=_oval()))
    if brightness < DARKEST:
        return Hint.TOO_DARK
    if brightness > BRIGHTEST:
        return Hint.TOO_BRIGHT
    if contrast < FLATTEST:
        return Hint.TOO_FLAT
    neighbours = (gray[1:], gray[:-1]), (gray[:, 1:], gray[:, :-1])
    edges = sum(cv2.norm(one, other, cv2.NORM_L1) / one.size for one, other in neighbours)
    return Hint.TOO_BLURRED if edges < BLURRED else Hint.GOOD


@lru_cache(maxsize=1)
def _oval() -> NDArray[np.uint8]:
    """The guide oval as a mask of 64x64: 1 within, else 0."""
    across = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    within = (across[None, :] / (OVAL_WIDTH / 2)) ** 2 + (across[:, None] / (OVAL_HEIGHT / 2)) ** 2 <= 1
    return within.astype(np.uint8)
