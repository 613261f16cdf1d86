"""Codes of a frame that show where a picture was changed: parts of the image factor, and their peers.

A code has one or more values for each of 16x16 blocks and takes about 256 bytes. Who signed kept it rounded; who
verifies computes his own, and compares block by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sealframe.derivation import decode, discern, infer_posterior
from sealframe.features import extract_features
from sealframe.image import frame_from_array
from sealframe.models import shipped_models
from sealframe.similarity import association, feature_similarity, window_similarity
from sealframe.training.edits import BLOCK, GRID, block_means
from sealframe.training.frames import FRAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Values = NDArray[np.float64]

WINDOW = 7
REACH = 3
"""Pixels by which a verifier looks for the place of a moved picture."""


@dataclass(frozen=True)
class BlockFeature:
    """How much of a code a verifier may forgive, and how many bytes it takes.

    `step` is the width of a value's quantisation interval; of bits, which have none, it is 0.
    """

    bytes: int
    step: float = 1.0


BLOCK_FEATURES: Mapping[str, BlockFeature] = {
    "derived image, block means": BlockFeature(256),
    "picture, block means": BlockFeature(256),
    "picture, mean and gradients": BlockFeature(256, 16.0),
    "difference map, block means": BlockFeature(256),
    "cosine map, block means": BlockFeature(256),
    "cosine map, row sums": BlockFeature(512),
    "discriminator cosines, block means": BlockFeature(256),
    "conditional, block means": BlockFeature(256),
    "association, block means": BlockFeature(256),
}
"""What this package computes; `gradients`, the simple peer of equal bytes, is among them."""
LOCAL_PEERS: Mapping[str, BlockFeature] = {
    "dhash, both directions": BlockFeature(256, 0.0),
    "average hash": BlockFeature(128, 0.0),
}
"""Perceptual hashes whose bits belong to places; with `imagehash` installed."""
ALL_BLOCK_FEATURES: Mapping[str, BlockFeature] = {**BLOCK_FEATURES, **LOCAL_PEERS}
LEARNT = (
    "derived image, block means",
    "picture, block means",
    "picture, mean and gradients",
    "cosine map, block means",
    "association, block means",
)
"""Codes that a comparator learns to compare."""


def installed_peers() -> dict[str, bool]:
    """Which packages with perceptual hashes are there."""
    return {name: find_spec(name) is not None for name in ("imagehash", "pdqhash")}


def codes_of(frame: Gray) -> dict[str, Values]:
    """Codes of a frame (128, 128), not yet rounded: float64 (16, 16, values a block)."""
    models = shipped_models()
    features = extract_features(frame_from_array(frame), FRAME)
    derived, seen = discern(features, models)
    cosines = window_similarity(features, derived, WINDOW).values
    conditional = decode(infer_posterior(features, models).mean, FRAME, models)
    rows = cosines.astype(np.float64).mean(1).reshape(GRID, BLOCK).mean(1)
    difference = np.abs(derived.pixels.astype(np.int16) - frame)
    codes = {
        "derived image, block means": block_means(derived.pixels),
        "picture, block means": block_means(frame),
        "picture, mean and gradients": _mean_and_gradients(frame),
        "difference map, block means": block_means(difference),
        "cosine map, block means": block_means(cosines),
        "cosine map, row sums": np.repeat(rows[:, None], GRID, 1),
        "discriminator cosines, block means": block_means(feature_similarity(seen, FRAME).values),
        "conditional, block means": block_means(conditional.pixels),
        "association, block means": block_means(association(features, conditional).values),
    }
    return {name: code.reshape(GRID, GRID, -1) for name, code in codes.items()} | _local_peers(frame)


def rounded(name: str, code: Values) -> Values:
    """A code as it is signed: means to the middle of their interval, gradients to 2 bits, bits as they are."""
    step = ALL_BLOCK_FEATURES[name].step
    if step == 0:
        return code
    signed = np.rint(code / step) * step
    if code.shape[2] > 1:
        signed[..., 1:] = (np.clip(np.floor(code[..., 1:] / step), -2, 1) + 0.5) * step
    return np.asarray(signed)


def _mean_and_gradients(frame: Gray) -> Values:
    """Mean, and how much brighter the right and the lower half of every block is, at most 32 gray levels."""
    half = BLOCK // 2
    quarters = frame.astype(np.float64).reshape(GRID, 2, half, GRID, 2, half).mean((2, 5))
    across, down = quarters.mean(1), quarters.mean(3)
    gradients = (across[..., 1] - across[..., 0], down[:, 1] - down[:, 0])
    return np.stack([quarters.mean((1, 3)), *(np.clip(each, -32, 31.99) for each in gradients)], -1)


def _local_peers(frame: Gray) -> dict[str, Values]:
    if not installed_peers()["imagehash"]:
        return {}
    import imagehash

    picture = Image.fromarray(frame)
    side = 2 * GRID
    hashes = [imagehash.dhash(picture, side), imagehash.dhash_vertical(picture, side)]
    both = np.concatenate([_bits_by_block(each.hash) for each in hashes], 2)
    return {
        "dhash, both directions": both,
        "average hash": _bits_by_block(imagehash.average_hash(picture, side).hash),
    }


def _bits_by_block(bits: NDArray[Any]) -> Values:
    side = bits.shape[0] // GRID
    cut = bits.astype(np.float64).reshape(GRID, side, GRID, side).transpose(0, 2, 1, 3)
    return cut.reshape(GRID, GRID, -1)


def hashes_of(frame: Gray) -> dict[str, NDArray[np.bool_]]:
    """Perceptual hashes of the whole frame, as bits; those whose package is installed."""
    there, hashes = installed_peers(), {}
    picture = Image.fromarray(frame)
    if there["imagehash"]:
        import imagehash

        hashes["phash, 8 bytes"] = imagehash.phash(picture).hash.ravel()
        hashes["phash, 32 bytes"] = imagehash.phash(picture, 16).hash.ravel()
        hashes["whash, 8 bytes"] = imagehash.whash(picture).hash.ravel()
    if there["pdqhash"]:
        import pdqhash

        bits, _ = pdqhash.compute(np.repeat(frame[..., None], 3, 2))
        hashes["PDQ, 32 bytes"] = bits.astype(bool)
    return hashes


def find_shift(frame: Gray, signed: Values) -> tuple[int, int]:
    """By how many pixels, down and right, a frame (128, 128) has to move back to fit signed block means (16, 16, 1).

    The fit is the mean distance of block means, the median change taken off first; up to 3 pixels are tried.
    """
    padded = np.pad(frame, REACH, mode="edge").astype(np.int64)
    sums = np.pad(padded, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    boxes = sums[BLOCK:, BLOCK:] - sums[:-BLOCK, BLOCK:] - sums[BLOCK:, :-BLOCK] + sums[:-BLOCK, :-BLOCK]
    best, found = np.inf, (0, 0)
    for down, right in sorted(np.ndindex(2 * REACH + 1, 2 * REACH + 1), key=lambda at: _distance_from_middle(*at)):
        means = boxes[down::BLOCK, right::BLOCK][:GRID, :GRID] / BLOCK**2
        change = means - signed[..., 0]
        misfit = float(np.abs(change - np.median(change)).mean())
        if misfit < best - 1e-9:
            best, found = misfit, (down - REACH, right - REACH)
    return found


def _distance_from_middle(down: int, right: int) -> int:
    return (down - REACH) ** 2 + (right - REACH) ** 2
