"""The image factor: a similarity map and its derived image reduced to bytes (M15), as a factor profile says.

    factor = SHA-256(derived image | similarity map)      exact: one differing pixel on either side shows
           | 16x16 block means of the derived image       256 bytes; tolerant evidence of where a picture was changed
           | reduction of the map                         what the method names: rows or norms, big-endian integers

The factor binds an envelope to picture, networks and preprocessing. It is no secret and adds no key strength.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sealframe import _core
from sealframe.derivation import derive_image
from sealframe.errors import UnsupportedEnvelope
from sealframe.features import extract_features
from sealframe.image import frame_from_array, frame_from_bytes
from sealframe.models import shipped_models
from sealframe.similarity import window_similarity
from sealframe.trace import Mark, no_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.derivation import DerivedImage
    from sealframe.features import ImageFeatures
    from sealframe.image import Frame, Order
    from sealframe.models import ModelSet
    from sealframe.similarity import SimilarityMap

FactorPath: TypeAlias = Literal["gan"]
Reduction: TypeAlias = Literal["rows", "norm"]

BLOCK_SIDE = 8


@dataclass(frozen=True, slots=True)
class FactorProfile:
    """How a factor is computed. A released profile never changes; a new way gets a new number."""

    number: int
    path: FactorPath
    side: int
    window: int
    reduction: Reduction
    models: Mapping[str, str]
    """SHA-256 of every network the factor depends on, by name."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageFactor:
    """A factor (`bytes`) and what it was computed from, for people who want to look."""

    bytes: bytes
    features: ImageFeatures
    derived: DerivedImage
    map: SimilarityMap
    profile: FactorProfile


def reduce_to_rows(similarity: SimilarityMap) -> NDArray[np.int32]:
    """Sum of every row of the map: int32 (side,)."""
    return _core.row_sums(similarity.cosines)


def reduce_to_norms(similarity: SimilarityMap) -> NDArray[np.int64]:
    """Entrywise L1 norm, squared Frobenius norm and infinity norm (largest row sum of magnitudes): int64 (3,)."""
    return _core.norms(similarity.cosines)


_REDUCTIONS: dict[Reduction, Callable[[SimilarityMap], bytes]] = {
    "rows": lambda similarity: reduce_to_rows(similarity).astype(">i4").tobytes(),
    "norm": lambda similarity: reduce_to_norms(similarity).astype(">i8").tobytes(),
}

_GENERATOR = {"generator": "f415eb798c6b41f6a6edd116437aeabc53f629b8f50aee5e08ed22bfc9951660"}
PROFILES: dict[int, FactorProfile] = {
    profile.number: profile
    for profile in (
        FactorProfile(1, "gan", 128, 7, "rows", _GENERATOR),
        FactorProfile(2, "gan", 128, 7, "norm", _GENERATOR),
    )
}


def profile_by_number(number: int) -> FactorProfile:
    """The registered profile. Raises UnsupportedEnvelope for a number that this version does not know (A18)."""
    try:
        return PROFILES[number]
    except KeyError:
        raise UnsupportedEnvelope(f"The factor profile {number} is not known here; update sealframe.") from None


def profile_by_name(path: FactorPath = "gan", reduction: Reduction = "rows") -> FactorProfile:
    """The registered profile of a path and a reduction. Raises ValueError when there is none."""
    for profile in PROFILES.values():
        if (profile.path, profile.reduction) == (path, reduction):
            return profile
    known = ", ".join(f"{profile.path}/{profile.reduction}" for profile in PROFILES.values())
    raise ValueError(f"There is no factor profile {path}/{reduction}; choose one of {known}.")


def compute_image_factor(
    frame: Frame, profile: FactorProfile, models: ModelSet | None = None, mark: Mark = no_mark
) -> ImageFactor:
    """Image -> features -> derived image -> similarity map -> factor. Raises ModelError."""
    features = extract_features(frame, profile.side)
    mark("features")
    derived = derive_image(features, models or shipped_models())
    mark("derivation")
    similarity = window_similarity(features, derived, profile.window)
    mark("similarity")
    factor = ImageFactor(_factor_bytes(derived, similarity, profile), features, derived, similarity, profile)
    mark("image factor")
    return factor


def image_factor(
    picture: object,
    path: FactorPath = "gan",
    reduction: Reduction = "rows",
    noise_seed: bytes | None = None,
    *,
    order: Order | None = None,
) -> ImageFactor:
    """The image factor of a frame (uint8 HxW, HxWx3, HxWx4) or of an encoded picture (bytes).

    `noise_seed` is for paths that sample; the GAN path takes None only. `order` names the channels of an array.
    Raises ImageError for a picture that cannot be used, ValueError for an unknown path, reduction or a needless seed.
    """
    if noise_seed is not None:
        raise ValueError(f"The path {path} draws no noise; leave noise_seed out.")
    if isinstance(picture, bytes | bytearray | memoryview):
        frame = frame_from_bytes(picture)
    else:
        frame = frame_from_array(picture, order)
    return compute_image_factor(frame, profile_by_name(path, reduction))


def factor_length(profile: FactorProfile) -> int:
    """Bytes of a factor of this profile."""
    blocks = (profile.side // BLOCK_SIDE) ** 2
    return hashlib.sha256().digest_size + blocks + {"rows": 4 * profile.side, "norm": 24}[profile.reduction]


def _factor_bytes(derived: DerivedImage, similarity: SimilarityMap, profile: FactorProfile) -> bytes:
    exact = hashlib.sha256(derived.pixels.data)
    exact.update(similarity.cosines.data)
    block_means = _core.block_means(derived.pixels, BLOCK_SIDE).tobytes()
    return exact.digest() + block_means + _REDUCTIONS[profile.reduction](similarity)
