"""What parts of the image factor can do: tell pictures apart, and show where one was changed.

Every code takes 256 bytes. Frames are 128x128, as small as the factor's own geometry: the hardest case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from sealframe.image_factor import image_factor
from sealframe.training import degradation
from sealframe.training.frames import FRAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Code = NDArray[np.float64]

BLOCK = 8
GRID = FRAME // BLOCK


def _jpeg(quality: int) -> Callable[[Gray, np.random.Generator], Gray]:
    return lambda frame, rng: degradation.jpeg(frame, (70 - quality) / 66, rng)


def _resized(frame: Gray, _rng: np.random.Generator) -> Gray:
    picture = Image.fromarray(frame)
    return np.asarray(picture.resize((96, 96), Image.Resampling.BILINEAR).resize((FRAME, FRAME)))


def _gamma(frame: Gray, _rng: np.random.Generator) -> Gray:
    return np.rint(255 * (frame / 255) ** 0.95).astype(np.uint8)


def _noise(frame: Gray, rng: np.random.Generator) -> Gray:
    return degradation.gaussian_noise(frame, 4 / 64, rng)


BENIGN: Mapping[str, Callable[[Gray, np.random.Generator], Gray]] = {
    "none": lambda frame, _rng: frame,
    **{f"jpeg {quality}": _jpeg(quality) for quality in (95, 85, 75, 50)},
    "resize to 3/4 and back": _resized,
    "gamma 0.95": _gamma,
    "noise of 4 gray levels": _noise,
}
"""Changes that leave a picture the same picture."""
BEFORE_LOCALISING = ("none", "jpeg 75", "gamma 0.95", "noise of 4 gray levels")


def _splice(_part: Gray, other: Gray) -> Gray:
    return other


def _brighten(part: Gray, _other: Gray) -> Gray:
    return np.minimum(part.astype(np.int16) + 8, 255).astype(np.uint8)


def _blur(part: Gray, _other: Gray) -> Gray:
    return np.asarray(Image.fromarray(part).filter(ImageFilter.GaussianBlur(2)))


EDITS: Mapping[str, Callable[[Gray, Gray], Gray]] = {"splice": _splice, "8 brighter": _brighten, "blurred": _blur}
"""Edits of a part (h, w), given the same part of another picture."""


def _block_means(values: NDArray[Any]) -> Code:
    return np.asarray(values.astype(np.float64).reshape(GRID, BLOCK, GRID, BLOCK).mean((1, 3)))


def codes_of(frame: Gray) -> dict[str, Code]:
    """Codes of a frame (128, 128), one value per block (16, 16)."""
    factor = image_factor(frame)
    rows = factor.map.values.astype(np.float64).mean(1).reshape(GRID, BLOCK).mean(1)
    return {
        "block means of the derived image": np.rint(_block_means(factor.derived.pixels)),
        "block means of the picture": np.rint(_block_means(frame)),
        "block means of the cosine map": np.rint(_block_means(factor.map.values)),
        "row sums of the cosine map": np.repeat(rows[:, None], GRID, 1),
    }


def auc(positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """Chance that a positive scores above a negative, ties counting half."""
    ordered = np.sort(negative)
    hits = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(hits.mean() / (2 * len(ordered)))


def _above(positive: NDArray[Any], negative: NDArray[Any], share: float) -> float:
    """Share of positives above the threshold that `share` of the negatives exceed."""
    return float((positive > np.quantile(negative, 1 - share)).mean())


def same_or_different(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """AUC, per code and benign change, of the mean distance to other pictures against that to the changed picture."""
    signed = [codes_of(frame) for frame in frames]
    report: dict[str, dict[str, float]] = {name: {} for name in signed[0]}
    for change, apply in BENIGN.items():
        received = [codes_of(apply(frame, rng)) for frame in frames]
        for name in report:
            far = np.abs(
                np.stack([code[name] for code in signed])[:, None] - np.stack([code[name] for code in received])
            ).mean((2, 3))
            same = np.eye(len(frames), dtype=bool)
            report[name][change] = auc(far[~same], far[same])
    return report


def localisation(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, dict[str, dict[str, float]]]:
    """Per code and edit: AUC of changed blocks against untouched ones, and changed blocks found at 1 % false ones.

    Scores of all benign changes of `BEFORE_LOCALISING` are pooled under one threshold. Blocks that an edit only
    touches do not count. A score is the distance of a block's values, without and with the frame's median change
    taken off first ("levelled").
    """
    signed = [codes_of(frame) for frame in frames]
    names = [*signed[0], *(f"{name}, levelled" for name in signed[0])]
    report: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    for edit, apply in EDITS.items():
        changed: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
        untouched: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
        for number, frame in enumerate(frames):
            other = frames[(number + 1) % len(frames)]
            for change in BEFORE_LOCALISING:
                height, width = (int(side) for side in rng.integers(3, 7, 2) * BLOCK)
                top, left = int(rng.integers(0, FRAME - height + 1)), int(rng.integers(0, FRAME - width + 1))
                part = (slice(top, top + height), slice(left, left + width))
                edited, inside = frame.copy(), np.zeros((FRAME, FRAME))
                edited[part], inside[part] = apply(frame[part], other[part]), 1
                share = _block_means(inside)
                for name, code in codes_of(BENIGN[change](edited, rng)).items():
                    difference = code - signed[number][name]
                    levelled = difference - np.median(difference)
                    for key, scores in ((name, np.abs(difference)), (f"{name}, levelled", np.abs(levelled))):
                        changed[key].append(scores[share > 0.5])
                        untouched[key].append(scores[share == 0])
        for name in names:
            positive, negative = np.concatenate(changed[name]), np.concatenate(untouched[name])
            report[name][edit] = {"auc": auc(positive, negative), "found": _above(positive, negative, 0.01)}
    return report


def one_pixel(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, float]:
    """Shares of frames whose factor, derived image and map differ after one pixel moved by one gray level."""
    differing = np.zeros(3)
    for frame in frames:
        moved = frame.copy()
        row, column = rng.integers(0, FRAME, 2)
        moved[row, column] ^= 1
        before, after = image_factor(frame), image_factor(moved)
        differing += [
            before.bytes != after.bytes,
            not np.array_equal(before.derived.pixels, after.derived.pixels),
            not np.array_equal(before.map.values, after.map.values),
        ]
    return dict(zip(("factor", "derived image", "map"), (differing / len(frames)).tolist(), strict=True))
