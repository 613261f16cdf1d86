"""Make the degraded half of a training pair: what cameras, light and networks do to a clear frame.

Every kind takes a gray frame (h, w) uint8, a strength in (0, 1] and a generator, and returns a new frame.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


def _gray(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def gaussian_noise(frame: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add sensor noise of up to 64 gray levels."""
    noise = rng.standard_normal(frame.shape, np.float32) * np.float32(64 * strength)
    return _gray(frame + noise)


def shot_noise(frame: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Count few photons: noise whose variance follows the light, down to about 12 photons at white."""
    photons = 12 / strength**2
    return _gray(rng.poisson(frame * (photons / 255)) * (255 / photons))


def salt_and_pepper(frame: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Replace up to 15 % of the pixels by black or white."""
    hit = rng.random(frame.shape, np.float32) < 0.15 * strength
    extremes = np.where(rng.random(frame.shape, np.float32) < 0.5, 0, 255)
    return np.where(hit, extremes, frame).astype(np.uint8)


def blur(frame: NDArray[np.uint8], strength: float, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Defocus with a Gaussian of up to 3.5 pixels."""
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(3.5 * strength)))


def jpeg(frame: NDArray[np.uint8], strength: float, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Compress as JPEG, from quality 70 down to 4."""
    packed = io.BytesIO()
    Image.fromarray(frame).save(packed, "JPEG", quality=round(70 - 66 * strength))
    return np.asarray(Image.open(packed))


def light(frame: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change gamma and gain and lay a gradient of light across the frame."""
    gamma = 2.0 ** float(rng.uniform(-0.8, 0.8) * strength)
    gain = 1 - 0.4 * strength * float(rng.uniform(-1, 1))
    angle = float(rng.uniform(0, 2 * np.pi))
    y, x = np.mgrid[-1 : 1 : frame.shape[0] * 1j, -1 : 1 : frame.shape[1] * 1j]
    slope = 1 + 0.35 * strength * (x * np.cos(angle) + y * np.sin(angle))
    return _gray(255 * (frame / 255) ** gamma * gain * slope)


def occlusion(frame: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cover a rectangle of up to half of each side with one gray level."""
    height, width = (max(1, int(side * 0.5 * strength)) for side in frame.shape)
    top, left = (int(rng.integers(0, side - part + 1)) for side, part in zip(frame.shape, (height, width), strict=True))
    covered = frame.copy()
    covered[top : top + height, left : left + width] = rng.integers(0, 256)
    return covered


KINDS: dict[str, Callable[[NDArray[np.uint8], float, np.random.Generator], NDArray[np.uint8]]] = {
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "salt_and_pepper": salt_and_pepper,
    "blur": blur,
    "jpeg": jpeg,
    "light": light,
    "occlusion": occlusion,
}
"""Every kind of degradation, by name."""

SHARES: Mapping[str, float] = {
    "gaussian_noise": 0.3,
    "shot_noise": 0.25,
    "salt_and_pepper": 0.08,
    "blur": 0.14,
    "jpeg": 0.13,
    "light": 0.1,
    "occlusion": 0.0,
}
"""How often each kind is chosen unless a recipe says otherwise; what a cover hides cannot be drawn anew."""


def degrade(
    frame: NDArray[np.uint8], rng: np.random.Generator, shares: Mapping[str, float] = SHARES
) -> NDArray[np.uint8]:
    """Degrade a frame in one or, every third time, two random ways of random strength.

    `shares` weighs the kinds; they need not sum to one. Raises ValueError for an unknown kind or no positive share.
    """
    weights = np.array([shares.get(kind, 0.0) for kind in KINDS])
    if not set(shares) <= set(KINDS) or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(f"The shares of degradations must be numbers of {', '.join(KINDS)}, one of them above zero.")
    for _ in range(1 + int(rng.random() < 1 / 3)):
        kind = str(rng.choice(list(KINDS), p=weights / weights.sum()))
        frame = KINDS[kind](frame, float(rng.uniform(0.05, 1)), rng)
    return frame
