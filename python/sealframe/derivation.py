"""What the networks make of a picture. Integers in, integers out, equal on every CPU.

The GAN path gives the generator's derived image, and what the discriminator sees in image and derived image. The VAE
path gives posterior, latent and conditional.

References
----------
- I. Goodfellow et al., "Generative Adversarial Nets", NIPS 2014.
- D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
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
"""What a posterior net may read, by the name of its input. The shipped one reads the spectrum."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DerivedImage:
    """The generator's picture.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8 (side, side), 0..255.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> sf.image_factor(np.zeros((480, 640), np.uint8), "gan").derived.pixels.shape
    (128, 128)
    """

    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Discernment:
    """What the discriminator sees in image and derived image.

    Parameters
    ----------
    features_image, features_derived : numpy.ndarray
        uint8 (tiles, 8, 8, 128): 128 features at every position; the byte 0 is zero.
    verdict_image, verdict_derived : numpy.ndarray
        int32 (tiles,), positive for real, negative for forged, 0 where the discriminator cannot tell.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import discern
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.models import shipped_models
    >>> features = extract_features(frame_from_array(np.zeros((480, 640), np.uint8)), 128)
    >>> derived, seen = discern(features, shipped_models())
    >>> seen.verdict_image.shape
    (16,)
    """

    features_image: NDArray[np.uint8]
    features_derived: NDArray[np.uint8]
    verdict_image: NDArray[np.int32]
    verdict_derived: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior:
    """The posterior q(z|x) of every tile: mean and logarithm of the variance of each latent value.

    Parameters
    ----------
    mean : numpy.ndarray
        uint8 (tiles, 8, 8, 16), [n, i, j, 4r + c] at pixel (4i + r, 4j + c). A byte m is (m - 128) / 32.
    log_variance : numpy.ndarray
        uint8 of the same shape. A byte v is v / 20 - 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import infer_posterior
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.models import shipped_models
    >>> features = extract_features(frame_from_array(np.zeros((480, 640), np.uint8)), 128)
    >>> infer_posterior(features, shipped_models()).mean.shape
    (16, 8, 8, 16)
    """

    mean: NDArray[np.uint8]
    log_variance: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conditional:
    """The conditional p(x|z) as a picture.

    Parameters
    ----------
    pixels : numpy.ndarray
        uint8 (side, side): 256ths of the probability that a binary pixel is 1.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> sf.image_factor(np.zeros((480, 640), np.uint8), "vae").derived.pixels.shape
    (128, 128)
    """

    pixels: NDArray[np.uint8]


def derive_image(features: ImageFeatures, models: ModelSet) -> DerivedImage:
    """Run the generator over all tiles in one batch.

    Parameters
    ----------
    features : ImageFeatures
        The picture.
    models : ModelSet
        Holds the network "generator".

    Returns
    -------
    DerivedImage

    Raises
    ------
    ModelError
        When the network cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import derive_image
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.models import shipped_models
    >>> features = extract_features(frame_from_array(np.zeros((480, 640), np.uint8)), 128)
    >>> derive_image(features, shipped_models()).pixels.dtype
    dtype('uint8')
    """
    (derived,) = models.run("generator", ["derived"], features.tiles)
    return DerivedImage(_core.unblock(derived, features.side, features.side))


def discern(features: ImageFeatures, models: ModelSet) -> tuple[DerivedImage, Discernment]:
    """Run generator and discriminator as one graph on image and derived image.

    Parameters
    ----------
    features : ImageFeatures
        The picture.
    models : ModelSet
        Holds the network "generator_discriminator".

    Returns
    -------
    tuple of (DerivedImage, Discernment)

    Raises
    ------
    ModelError
        When the network cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import discern
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.models import shipped_models
    >>> features = extract_features(frame_from_array(np.zeros((480, 640), np.uint8)), 128)
    >>> derived, seen = discern(features, shipped_models())
    >>> derived.pixels.shape, seen.features_image.shape
    ((128, 128), (16, 8, 8, 128))
    """
    names = ["derived", "features", "verdict"]
    derived, seen, verdicts = models.run("generator_discriminator", names, features.tiles)
    picture = DerivedImage(_core.unblock(derived, features.side, features.side))
    judged = verdicts.astype(np.int32).ravel() - VERDICT_ZERO
    return picture, Discernment(*np.split(seen, 2), *np.split(judged, 2))


def infer_posterior(features: ImageFeatures, models: ModelSet) -> Posterior:
    """Run the posterior network on the binary pixels or their spectrum, as the name of its input says.

    Parameters
    ----------
    features : ImageFeatures
        The picture.
    models : ModelSet
        Holds the network "posterior", whose input is named `features` or `spectrum`.

    Returns
    -------
    Posterior

    Raises
    ------
    ModelError
        When the network cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import infer_posterior
    >>> from sealframe.features import extract_features
    >>> from sealframe.image import frame_from_array
    >>> from sealframe.models import shipped_models
    >>> features = extract_features(frame_from_array(np.zeros((480, 640), np.uint8)), 128)
    >>> infer_posterior(features, shipped_models()).log_variance.shape
    (16, 8, 8, 16)
    """
    information = LATENT_INFORMATION[models.input_of("posterior")](features)
    return Posterior(*models.run("posterior", ["mean", "log_variance"], information))


def sample(posterior: Posterior, noise_seed: bytes | None) -> NDArray[np.uint8]:
    """Draw the latent from the posterior by reparameterisation, or return the mean when there is no seed.

    Value i of the tensor takes word i of the ChaCha12 stream of the seed.

    Parameters
    ----------
    posterior : Posterior
        Mean and variance of every value.
    noise_seed : bytes or None
        32 bytes; None draws no noise.

    Returns
    -------
    numpy.ndarray
        uint8 (tiles, 8, 8, 16), in the steps of `Posterior.mean`.

    Raises
    ------
    ValueError
        For a seed of another length.

    References
    ----------
    - D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014: the reparameterisation.
    - D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008: the stream, here of 12 rounds.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import Posterior, sample
    >>> posterior = Posterior(np.full((1, 8, 8, 16), 128, np.uint8), np.full((1, 8, 8, 16), 200, np.uint8))
    >>> bool((sample(posterior, None) == posterior.mean).all())
    True
    >>> sample(posterior, bytes(32)).shape
    (1, 8, 8, 16)
    """
    if noise_seed is None:
        return posterior.mean
    return _core.sample_posterior(posterior.mean, posterior.log_variance, noise_seed)


def decode(latent: NDArray[np.uint8], side: int, models: ModelSet) -> Conditional:
    """Run the likelihood network on a latent.

    Parameters
    ----------
    latent : numpy.ndarray
        uint8 (tiles, 8, 8, 16), as `sample` returns it.
    side : int
        Rows and columns of the picture, a multiple of 32.
    models : ModelSet
        Holds the network "likelihood".

    Returns
    -------
    Conditional

    Raises
    ------
    ModelError
        When the network cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.derivation import decode
    >>> from sealframe.models import shipped_models
    >>> decode(np.full((16, 8, 8, 16), 128, np.uint8), 128, shipped_models()).pixels.shape
    (128, 128)
    """
    (probability,) = models.run("likelihood", ["probability"], latent)
    return Conditional(_core.unblock(probability, side, side))


def noise_seed_of(random: bytes) -> bytes:
    """Return the seed that sealer and opener draw noise from.

    Parameters
    ----------
    random : bytes
        The 16 random bytes of the capture context.

    Returns
    -------
    bytes
        32 bytes: SHA-256 (FIPS 180-4) over a label and `random`.

    Examples
    --------
    >>> from sealframe.derivation import noise_seed_of
    >>> len(noise_seed_of(bytes(16)))
    32
    """
    return hashlib.sha256(NOISE_LABEL + random).digest()
