"""Frames as JPEG: a tenth of the bytes to encrypt and to send, and nothing that a face comparison would miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAPTURE_QUALITY, PREVIEW_QUALITY = 92, 80
PREVIEW_SIDE = 480


def encode(square: NDArray[Any], quality: int = CAPTURE_QUALITY) -> bytes:
    """The bytes of a picture, uint8 (H, W, 3) BGR or (H, W) gray."""
    return bytes(cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def encode_preview(square: NDArray[np.uint8]) -> bytes:
    """What the screen shows of a square, at most 480 to a side."""
    side = min(PREVIEW_SIDE, square.shape[0])
    small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA) if side < square.shape[0] else square
    return encode(small, PREVIEW_QUALITY)
