"""The derived image: what the generator makes of the picture (M12). Integers in, integers out, equal on every CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealframe.features import ImageFeatures
    from sealframe.models import ModelSet

VERDICT_ZERO = 128
"""The byte with which the discriminator says that it cannot tell."""


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


def derive_image(features: ImageFeatures, models: ModelSet) -> DerivedImage:
    """Run the generator over all tiles in one batch (M12). Raises ModelError."""
    (derived,) = models.run("generator", ["derived"], features.tiles)
    return DerivedImage(_core.unblock(derived, features.side, features.side))


def discern(features: ImageFeatures, models: ModelSet) -> tuple[DerivedImage, Discernment]:
    """Run generator and discriminator as one graph on {image, derived image} (M12, M13). Raises ModelError."""
    names = ["derived", "features_image", "features_derived", "verdict_image", "verdict_derived"]
    derived, features_image, features_derived, real, forged = models.run(
        "generator_discriminator", names, features.tiles
    )
    verdicts = [verdict.astype(np.int32).ravel() - VERDICT_ZERO for verdict in (real, forged)]
    picture = DerivedImage(_core.unblock(derived, features.side, features.side))
    return picture, Discernment(features_image, features_derived, *verdicts)
