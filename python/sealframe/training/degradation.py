"""Make the degraded half of a training pair (M16): what cameras, light and networks do to a clear frame.

Every kind takes a gray frame (h, w) uint8, a strength in (0, 1] and a generator, and returns a new frame.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

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


KINDS: dict[str, Callable[[NDArray[np.uint8], float, np.random.Generator], NDArray[np.uint8]]] = {
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "salt_and_pepper": salt_and_pepper,
    "blur": blur,
    "jpeg": jpeg,
    "light": light,
}
"""Every kind of degradation, by name."""

_NAMES = list(KINDS)
_WEIGHTS = np.array([0.3, 0.25, 0.08, 0.14, 0.13, 0.1])


def degrade(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Degrade a frame in one or, every third time, two random ways of random strength."""
    for _ in range(1 + int(rng.random() < 1 / 3)):
        kind = str(rng.choice(_NAMES, p=_WEIGHTS))
        frame = KINDS[kind](frame, float(rng.uniform(0.05, 1)), rng)
    return frame
