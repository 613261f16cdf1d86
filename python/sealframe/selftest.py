"""Golden factors: the proof that this computer computes the same factors as every other."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from sealframe.derivation import noise_seed_of
from sealframe.errors import ModelError
from sealframe.factor import PROFILES, compute_image_factor
from sealframe.image import frame_from_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sealframe.image import Order
    from sealframe.models import ModelSet

GOLDEN_FILE = "golden.json"
GOLDEN_RANDOM = bytes(range(16))
"""The capture context's random bytes of the golden factors: what the VAE path draws its noise from."""


def golden_pictures() -> Iterator[tuple[str, NDArray[np.uint8], Order]]:
    """Pictures made from integers alone, equal everywhere: smooth, noisy, flat, tiny, odd-sized, in every order."""
    yield "waves-640x480-rgb", _waves(480, 640, 3), "rgb"
    yield "waves-641x359-bgr", _waves(359, 641, 3), "bgr"
    yield "noise-200x133-rgba", _noise(133, 200, 4), "rgba"
    yield "noise-128x128-gray", _noise(128, 128, 1)[..., 0], "gray"
    yield "waves-37x500-gray", _waves(500, 37, 1)[..., 0], "gray"
    yield "black-64x48-rgb", np.zeros((48, 64, 3), np.uint8), "rgb"
    yield "white-64x48-rgb", np.full((48, 64, 3), 255, np.uint8), "rgb"
    yield "mid-1x1-gray", np.full((1, 1), 128, np.uint8), "gray"


def factor_digests(models: ModelSet | None = None) -> dict[str, str]:
    """SHA-256 of the factor of every golden picture under every profile, by "profile/picture"."""
    return {
        f"{profile.number}/{name}": hashlib.sha256(
            compute_image_factor(
                frame_from_array(pixels, order), profile, models, noise_seed=noise_seed_of(GOLDEN_RANDOM)
            ).bytes
        ).hexdigest()
        for profile in PROFILES.values()
        for name, pixels, order in golden_pictures()
    }


def golden_digests() -> dict[str, str]:
    """What `factor_digests` gave when the networks were released. Raises ModelError."""
    try:
        content = files("sealframe").joinpath("models", GOLDEN_FILE).read_bytes()
    except OSError:
        raise ModelError(f"The golden factors ({GOLDEN_FILE}) cannot be read; reinstall sealframe.") from None
    return dict(json.loads(content))


def _waves(height: int, width: int, channels: int) -> NDArray[np.uint8]:
    y, x, channel = np.ogrid[:height, :width, :channels]
    triangle = np.abs((3 * x + 2 * y + 40 * channel) % 256 - 128) + np.abs((5 * y - 2 * x) % 256 - 128)
    return np.asarray(np.minimum(triangle, 255), np.uint8)


def _noise(height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """The top byte of a 32-bit linear congruential generator, x -> 1664525 x + 1013904223."""
    state, values = 1, bytearray()
    for _ in range(height * width * channels):
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, channels)


if __name__ == "__main__":
    print(json.dumps(factor_digests(), indent=2))
