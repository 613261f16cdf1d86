"""What the networks make of a picture. Integers in, integers out, equal on every CPU.

GAN path: the generator's derived image (M12), and what the discriminator sees in both (M13).
VAE path: posterior, latent, conditional (M7 to M9), in the method's wiring.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core
from sealframe.features import binary_pixels, binary_spectrum

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sealframe.features import ImageFeatures
    from sealframe.models import ModelSet

VERDICT_ZERO = 128
"""The byte with which the discriminator says that it cannot tell."""
NOISE_LABEL = b"sealframe/v1/vae"
LATENT_INFORMATION: dict[str, Callable[[ImageFeatures], NDArray[np.uint8]]] = {
    "features": binary_pixels,
    "spectrum": binary_spectrum,
}
"""What a posterior net may read (M6), by the name of its input. The shipped one reads the spectrum."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DerivedImage:
    """The generator's picture, uint8 (side, side)."""

    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Discernment:
    """What the discriminator sees in image and derived image (M13).

    `features_image`, `features_derived`: uint8 (tiles, 8, 8, 128). `verdict_image`, `verdict_derived`: (tiles,) int32,
    positive for real, negative for forged.
    """

    features_image: NDArray[np.uint8]
    features_derived: NDArray[np.uint8]
    verdict_image: NDArray[np.int32]
    verdict_derived: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior:
    """q(z|x) of every tile (M7): uint8 (tiles, 8, 8, 16), [n, i, j, 4r + c] at pixel (4i + r, 4j + c).

    A byte m of `mean` is (m - 128) / 32, a byte v of `log_variance` is v / 20 - 10.
    """

    mean: NDArray[np.uint8]
    log_variance: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conditional:
    """p(x|z) as a picture (M9): 256ths of the probability that a binary pixel is 1, uint8 (side, side)."""

    pixels: NDArray[np.uint8]


def derive_image(features: ImageFeatures, models: ModelSet) -> DerivedImage:
    """Run the generator over all tiles in one batch (M12). Raises ModelError."""
    (derived,) = models.run("generator", ["derived"], features.tiles)
    return DerivedImage(_core.unblock(derived, features.side, features.side))


def discern(features: ImageFeatures, models: ModelSet) -> tuple[DerivedImage, Discernment]:
    """Run generator and discriminator as one graph on {image, derived image} (M12, M13). Raises ModelError."""
    names = ["derived", "features", "verdict"]
    derived, seen, verdicts = models.run("generator_discriminator", names, features.tiles)
    picture = DerivedImage(_core.unblock(derived, features.side, features.side))
    judged = verdicts.astype(np.int32).ravel() - VERDICT_ZERO
    return picture, Discernment(*np.split(seen, 2), *np.split(judged, 2))


def infer_posterior(features: ImageFeatures, models: ModelSet) -> Posterior:
    """Run the posterior net on what its input is named after: `features`, the binary pixels, or their `spectrum`.

    (M4, M6, M7.) Raises ModelError.
    """
    information = LATENT_INFORMATION[models.input_of("posterior")](features)
    return Posterior(*models.run("posterior", ["mean", "log_variance"], information))


def sample(posterior: Posterior, noise_seed: bytes | None) -> NDArray[np.uint8]:
    """Draw the latent by reparameterisation (M8), or take the mean when there is no seed.

    Value i of the tensor takes word i of the ChaCha12 stream of the 32-byte seed. uint8 (tiles, 8, 8, 16), steps of the
    mean. Raises ValueError for a seed of another length.
    """
    if noise_seed is None:
        return posterior.mean
    return _core.sample_posterior(posterior.mean, posterior.log_variance, noise_seed)


def decode(latent: NDArray[np.uint8], side: int, models: ModelSet) -> Conditional:
    """Run the likelihood net on the latent of a picture of side x side pixels (M9). Raises ModelError."""
    (probability,) = models.run("likelihood", ["probability"], latent)
    return Conditional(_core.unblock(probability, side, side))


def noise_seed_of(random: bytes) -> bytes:
    """The seed that sealer and opener draw noise from: SHA-256 over a label and the capture context's random bytes."""
    return hashlib.sha256(NOISE_LABEL + random).digest()
