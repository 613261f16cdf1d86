"""The image factor: a map and the picture it speaks of, reduced to bytes as a factor profile says.

    factor = SHA-256(derived image | map)                 exact: one differing byte of either shows
           | 16x16 block means of the derived image       256 bytes; tolerant evidence of where a picture was changed
           | reduction of the map                         what the method names, as big-endian integers

On the VAE path the conditional stands in the place of the derived image, and the association in that of the cosines.
The factor binds an envelope to picture, networks and preprocessing. It is no secret and adds no key strength.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from sealframe import _core
from sealframe.derivation import decode, derive_image, discern, infer_posterior, sample
from sealframe.errors import ModelError, UnsupportedEnvelope
from sealframe.features import extract_features
from sealframe.image import frame_from_array, frame_from_bytes
from sealframe.models import shipped_models
from sealframe.similarity import association, feature_similarity, window_similarity
from sealframe.trace import StageCallback, no_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.derivation import Conditional, DerivedImage
    from sealframe.features import ImageFeatures
    from sealframe.image import Frame, Order
    from sealframe.models import ModelSet
    from sealframe.similarity import SimilarityMap

FactorPath: TypeAlias = Literal["gan", "vae", "discriminator"]
Similarity: TypeAlias = Literal["window cosine", "association", "feature cosine"]
Reduction: TypeAlias = Literal["rows", "norm", "rank", "eigenvalue", "eigenvector"]

BLOCK_SIDE = 8
OWN_PROFILES = 1 << 15
"""Profiles of an owner's own networks are numbered from here: the released number with this bit."""


@dataclass(frozen=True, slots=True)
class FactorProfile:
    """How a factor is computed. A released profile never changes; a new way gets a new number.

    Parameters
    ----------
    number : int
        What an envelope names the profile by, 0 to 65535.
    path : {"gan", "vae", "discriminator"}
        The networks between features and map.
    similarity : {"window cosine", "association", "feature cosine"}
        How the map compares the features with the derived image.
    side : int
        Rows and columns of features and derived image.
    map_side : int
        Rows and columns of the map.
    window : int
        Rows and columns of the positions that one value of the map compares.
    reduction : {"rows", "norm", "rank", "eigenvalue", "eigenvector"}
        What of the map the factor ends with.
    models : mapping of str to str
        SHA-256 of every network the factor depends on, by name.

    Examples
    --------
    >>> from sealframe.factor import profile_by_name
    >>> profile = profile_by_name("gan", "rows")
    >>> profile.number, profile.side, list(profile.models)
    (1, 128, ['generator'])
    """

    number: int
    path: FactorPath
    similarity: Similarity
    side: int
    map_side: int
    window: int
    reduction: Reduction
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ImageFactor:
    """A factor, and what it was computed from.

    Parameters
    ----------
    bytes : bytes
        The factor, as an envelope holds it.
    features : ImageFeatures
        The picture in gray, 128x128 uint8.
    derived : DerivedImage or Conditional
        What the networks made of the features, 128x128 uint8.
    map : SimilarityMap
        How alike the two are at every place, int8.
    profile : FactorProfile
        How the factor was computed.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> factor = sf.image_factor(np.zeros((480, 640, 3), np.uint8))
    >>> factor.profile.number, len(factor.bytes)
    (1, 800)
    """

    bytes: bytes
    features: ImageFeatures
    derived: DerivedImage | Conditional
    map: SimilarityMap
    profile: FactorProfile


def reduce_to_rows(similarity: SimilarityMap) -> NDArray[np.int32]:
    """Return the sum of every row of the map.

    Parameters
    ----------
    similarity : SimilarityMap
        The map.

    Returns
    -------
    numpy.ndarray
        int32 (side,).

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.factor import reduce_to_rows
    >>> from sealframe.similarity import SimilarityMap
    >>> reduce_to_rows(SimilarityMap(np.array([[1, 2], [3, -4]], np.int8)))
    array([ 3, -1], dtype=int32)
    """
    return _core.row_sums(similarity.values)


def reduce_to_norms(similarity: SimilarityMap) -> NDArray[np.int64]:
    """Return three norms of the map.

    Parameters
    ----------
    similarity : SimilarityMap
        The map.

    Returns
    -------
    numpy.ndarray
        int64 (3,): the entrywise L1 norm, the squared Frobenius norm and the infinity norm (largest row sum of
        magnitudes).

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.factor import reduce_to_norms
    >>> from sealframe.similarity import SimilarityMap
    >>> reduce_to_norms(SimilarityMap(np.array([[1, 2], [3, -4]], np.int8)))
    array([10, 30,  7])
    """
    return _core.norms(similarity.values)


def reduce_to_rank(similarity: SimilarityMap) -> int:
    """Return the rank of the map modulo the prime 65521.

    Parameters
    ----------
    similarity : SimilarityMap
        The map.

    Returns
    -------
    int
        0 to side.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.factor import reduce_to_rank
    >>> from sealframe.similarity import SimilarityMap
    >>> reduce_to_rank(SimilarityMap(np.array([[1, 2], [2, 4]], np.int8)))
    1
    """
    return _core.rank(similarity.values)


def reduce_to_leading_pair(similarity: SimilarityMap) -> tuple[int, NDArray[np.int32]]:
    """Return the leading eigenvalue of M^T M for the map M, and its eigenvector.

    Parameters
    ----------
    similarity : SimilarityMap
        The map M.

    Returns
    -------
    tuple of (int, numpy.ndarray)
        The eigenvalue in 1/256, and the eigenvector scaled to length 2^30, int32 (side,).

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.factor import reduce_to_leading_pair
    >>> from sealframe.similarity import SimilarityMap
    >>> value, vector = reduce_to_leading_pair(SimilarityMap(np.array([[3, 0], [0, 1]], np.int8)))
    >>> value / 256, vector.shape
    (9.0, (2,))
    """
    return _core.leading_pair(similarity.values)


class _Reducer(NamedTuple):
    """A reduction as bytes of a factor, and how many it gives for a map of so many rows."""

    encode: Callable[[SimilarityMap], bytes]
    length: Callable[[int], int]


_REDUCERS: dict[Reduction, _Reducer] = {
    "rows": _Reducer(lambda values: reduce_to_rows(values).astype(">i4").tobytes(), lambda rows: 4 * rows),
    "norm": _Reducer(lambda values: reduce_to_norms(values).astype(">i8").tobytes(), lambda _: 24),
    "rank": _Reducer(lambda values: reduce_to_rank(values).to_bytes(4, "big"), lambda _: 4),
    "eigenvalue": _Reducer(lambda values: reduce_to_leading_pair(values)[0].to_bytes(8, "big"), lambda _: 8),
    "eigenvector": _Reducer(
        lambda values: reduce_to_leading_pair(values)[1].astype(">i4").tobytes(), lambda rows: 4 * rows
    ),
}
REDUCTIONS: tuple[Reduction, ...] = tuple(_REDUCERS)

_GENERATOR = {"generator": "cded380625d1cbed4d14b1c3333f9527ab5fc2e2a290e4aaeed93a1b560e9704"}
_BOTH = {"generator_discriminator": "13568c54011c2874188ed433be6f05a4b21182fdb778f0c1161e719981cddf5e"}
_VAE = {
    "posterior": "ef94f4f0eabc481a2700925a40dd04e535a31c18d6d4f00c0234142209c65a54",
    "likelihood": "0ec81797efe81306cb9e1dc40f211fef7f0345f32ff2d02022acc5e3d7d3e01b",
}


def _gan(number: int, reduction: Reduction) -> FactorProfile:
    return FactorProfile(number, "gan", "window cosine", 128, 128, 7, reduction, _GENERATOR)


def _vae(number: int, reduction: Reduction) -> FactorProfile:
    return FactorProfile(number, "vae", "association", 128, 128, 1, reduction, _VAE)


def _discriminator(number: int, reduction: Reduction) -> FactorProfile:
    return FactorProfile(number, "discriminator", "feature cosine", 128, 32, 1, reduction, _BOTH)


_RELEASED = (
    _gan(1, "rows"),
    _gan(2, "norm"),
    _gan(3, "rank"),
    _gan(4, "eigenvalue"),
    _gan(5, "eigenvector"),
    _vae(6, "rows"),
    _vae(7, "norm"),
    _vae(8, "rank"),
    _vae(9, "eigenvalue"),
    _vae(10, "eigenvector"),
    _discriminator(11, "rows"),
    _discriminator(12, "norm"),
    _discriminator(13, "rank"),
    _discriminator(14, "eigenvalue"),
    _discriminator(15, "eigenvector"),
)
"""Numbers are on the wire: written out, never counted. A new profile is a new line with the next free number."""
PROFILES: dict[int, FactorProfile] = {profile.number: profile for profile in _RELEASED}
PATHS: tuple[FactorPath, ...] = ("gan", "vae", "discriminator")


def profile_by_number(number: int, models: ModelSet | None = None) -> FactorProfile:
    """Find the registered profile, or that of an owner's own networks.

    Parameters
    ----------
    number : int
        As an envelope names it, 0 to 65535.
    models : ModelSet, optional
        The owner's own networks.

    Returns
    -------
    FactorProfile

    Raises
    ------
    UnsupportedEnvelope
        For a number that this version does not know, or for own networks without them.

    Examples
    --------
    >>> from sealframe.factor import profile_by_number
    >>> profile_by_number(6).path
    'vae'
    """
    try:
        profile = PROFILES[number & ~OWN_PROFILES]
    except KeyError:
        raise UnsupportedEnvelope(f"The factor profile {number} is unknown; update sealframe.") from None
    if number < OWN_PROFILES:
        return profile
    own = _with_networks_of(profile, models)
    if own.number != number:
        raise UnsupportedEnvelope(
            f"The factor profile {number} uses networks that are not part of sealframe; pass these networks as models."
        )
    return own


def profile_by_name(
    path: FactorPath = "gan", reduction: Reduction = "rows", models: ModelSet | None = None
) -> FactorProfile:
    """Find the profile of a path and a reduction, with the shipped networks or an owner's own.

    Parameters
    ----------
    path : {"gan", "vae", "discriminator"}
        The networks to compute with.
    reduction : {"rows", "norm", "rank", "eigenvalue", "eigenvector"}
        What of the similarity map the factor ends with.
    models : ModelSet, optional
        The owner's own networks.

    Returns
    -------
    FactorProfile

    Raises
    ------
    ValueError
        When there is no such profile.
    ModelError
        When `models` lack one of the networks.

    Examples
    --------
    >>> from sealframe.factor import profile_by_name
    >>> profile_by_name("vae").number
    6
    """
    for profile in PROFILES.values():
        if (profile.path, profile.reduction) == (path, reduction):
            return _with_networks_of(profile, models)
    known = ", ".join(f"{profile.path}/{profile.reduction}" for profile in PROFILES.values())
    raise ValueError(f"There is no factor profile {path}/{reduction}; choose from {known}.")


def compute_image_factor(
    frame: Frame,
    profile: FactorProfile,
    models: ModelSet | None = None,
    on_stage: StageCallback = no_callback,
    *,
    noise_seed: bytes | None = None,
) -> ImageFactor:
    """Compute the factor of a frame: features, derived image, similarity map, reduction.

    Parameters
    ----------
    frame : Frame
        The picture.
    profile : FactorProfile
        How to compute it.
    models : ModelSet, optional
        The owner's own networks.
    on_stage : callable
        Called with the name of each stage as it ends.
    noise_seed : bytes, optional
        32 bytes for the VAE path, which decodes the mean without; the other paths draw no noise.

    Returns
    -------
    ImageFactor

    Raises
    ------
    ModelError
        When the networks are not those of the profile, or cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.factor import compute_image_factor, profile_by_name
    >>> from sealframe.image import frame_from_array
    >>> frame = frame_from_array(np.zeros((480, 640, 3), np.uint8))
    >>> len(compute_image_factor(frame, profile_by_name("gan", "rank")).bytes)
    292
    """
    networks = models or shipped_models()
    for name, digest in profile.models.items():
        if networks.sha256(name) != digest:
            raise ModelError(f'The network "{name}" is not that of factor profile {profile.number}; pass that network.')
    features = extract_features(frame, profile.side)
    on_stage("features")
    derived, similarity = _MAPS[profile.path](features, networks, profile, noise_seed, on_stage)
    on_stage("similarity")
    factor = ImageFactor(_factor_bytes(derived, similarity, profile), features, derived, similarity, profile)
    on_stage("image factor")
    return factor


def image_factor(
    picture: object,
    path: FactorPath = "gan",
    reduction: Reduction = "rows",
    noise_seed: bytes | None = None,
    *,
    order: Order | None = None,
) -> ImageFactor:
    """Compute the image factor of a frame or of an encoded picture.

    Parameters
    ----------
    picture : numpy.ndarray or bytes-like
        A frame, uint8 (H, W), (H, W, 3) or (H, W, 4), or an encoded picture.
    path : {"gan", "vae", "discriminator"}
        The networks to compute with.
    reduction : {"rows", "norm", "rank", "eigenvalue", "eigenvector"}
        What of the similarity map the factor ends with.
    noise_seed : bytes, optional
        32 bytes that the VAE path draws its noise from; it decodes the mean without. The other paths take None only.
    order : {"gray", "rgb", "bgr", "rgba", "bgra"}, optional
        The channels of an array; gray, RGB or RGBA by its shape.

    Returns
    -------
    ImageFactor

    Raises
    ------
    ImageError
        When the picture cannot be used.
    ValueError
        For an unknown path or reduction, a needless seed, or a seed of another length.
    TypeError
        When `picture` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> len(sf.image_factor(np.zeros((480, 640, 3), np.uint8)).bytes)
    800
    """
    if noise_seed is not None and path != "vae":
        raise ValueError(f"noise_seed has no use with the path {path}; leave noise_seed out, or choose the path vae.")
    if isinstance(picture, bytes | bytearray | memoryview):
        frame = frame_from_bytes(picture)
    else:
        frame = frame_from_array(picture, order)
    return compute_image_factor(frame, profile_by_name(path, reduction), noise_seed=noise_seed)


def factor_length(profile: FactorProfile) -> int:
    """Return the number of bytes of a factor.

    Parameters
    ----------
    profile : FactorProfile
        How the factor is computed.

    Returns
    -------
    int

    Examples
    --------
    >>> from sealframe.factor import factor_length, profile_by_name
    >>> factor_length(profile_by_name("gan", "rank"))
    292
    """
    blocks = (profile.side // BLOCK_SIDE) ** 2
    return hashlib.sha256().digest_size + blocks + _REDUCERS[profile.reduction].length(profile.map_side)


def _with_networks_of(profile: FactorProfile, models: ModelSet | None) -> FactorProfile:
    """The profile itself where these are its networks, else its like under a number of its own."""
    if models is None:
        return profile
    networks = {name: models.sha256(name) for name in profile.models}
    if networks == dict(profile.models):
        return profile
    return replace(profile, number=profile.number | OWN_PROFILES, models=networks)


_Map: TypeAlias = "tuple[DerivedImage | Conditional, SimilarityMap]"
_MapMaker: TypeAlias = "Callable[[ImageFeatures, ModelSet, FactorProfile, bytes | None, StageCallback], _Map]"


def _map_of_generator(
    features: ImageFeatures, models: ModelSet, profile: FactorProfile, _: bytes | None, on_stage: StageCallback
) -> _Map:
    derived = derive_image(features, models)
    on_stage("derivation")
    return derived, window_similarity(features, derived, profile.window)


def _map_of_discriminator(
    features: ImageFeatures, models: ModelSet, _profile: FactorProfile, _: bytes | None, on_stage: StageCallback
) -> _Map:
    derived, seen = discern(features, models)
    on_stage("derivation")
    return derived, feature_similarity(seen, features.side)


def _map_of_vae(
    features: ImageFeatures,
    models: ModelSet,
    _profile: FactorProfile,
    noise_seed: bytes | None,
    on_stage: StageCallback,
) -> _Map:
    latent = sample(infer_posterior(features, models), noise_seed)
    conditional = decode(latent, features.side, models)
    on_stage("derivation")
    return conditional, association(features, conditional)


_MAPS: dict[FactorPath, _MapMaker] = {
    "gan": _map_of_generator,
    "vae": _map_of_vae,
    "discriminator": _map_of_discriminator,
}


def _factor_bytes(derived: DerivedImage | Conditional, similarity: SimilarityMap, profile: FactorProfile) -> bytes:
    exact = hashlib.sha256(b"".join((derived.pixels.data, similarity.values.data))).digest()
    block_means = _core.block_means(derived.pixels, BLOCK_SIDE).tobytes()
    return exact + block_means + _REDUCERS[profile.reduction].encode(similarity)
