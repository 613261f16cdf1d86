"""What parts of the image factor can do: tell pictures apart, and show where one was changed.

Frames are 128x128, as small as the factor's own geometry: the hardest case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from sealframe.factor import BLOCK_SIDE, PATHS, REDUCTIONS, compute_image_factor, profile_by_name
from sealframe.image import frame_from_array
from sealframe.roc import auc
from sealframe.training.block_features import ALL_BLOCK_FEATURES, LEARNT, codes_of, find_shift, hashes_of, rounded
from sealframe.training.comparator import Comparator
from sealframe.training.edits import BENIGN, EDITS, GRID, edited, shifted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sealframe.training.block_features import Values

    Gray = NDArray[np.uint8]
    Report = Callable[[str], None]

BEFORE_LOCALISING = ("none", "jpeg 75", "gamma 0.95", "noise of 4 gray levels")
"""Benign changes that are pooled under one threshold."""
MOVED = ("shift by 2 and 1 pixels",)
WAYS = ("difference", "levelled", "tolerant", "learnt")
"""How a verifier compares: the distance of values; the same without the frame's median change; the same at the best of
7x7 shifts, counting only what leaves the quantisation interval; a comparator that learnt to."""
FALSE_BLOCKS, FALSE_FRAMES = 0.01, 0.05
EXAMPLES_PER_STEP = 100
HEADER = 32
"""Bytes of the digest that a factor begins with."""


@dataclass
class Scores:
    """Scores of blocks and, by their highest block, of frames: of changed and of untouched ones."""

    changed: list[NDArray[np.float64]] = field(default_factory=list)
    untouched: list[NDArray[np.float64]] = field(default_factory=list)
    edited_frames: list[float] = field(default_factory=list)
    whole_frames: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, float]:
        """AUC, and shares found where 1 % of untouched blocks, or 5 % of untouched frames, are taken for changed."""
        changed, untouched = np.concatenate(self.changed), np.concatenate(self.untouched)
        frames, whole = np.array(self.edited_frames), np.array(self.whole_frames)
        return {
            "block_auc": auc(changed, untouched),
            "blocks_found_at_1_percent": found_at(changed, untouched, FALSE_BLOCKS),
            "frame_auc": auc(frames, whole),
            "frames_found_at_5_percent": found_at(frames, whole, FALSE_FRAMES),
        }


def found_at(positive: NDArray[Any], negative: NDArray[Any], share: float) -> float:
    """Return the share of positives above the threshold that at most `share` of the negatives exceed, 0..1."""
    return float((positive > np.quantile(negative, 1 - share, method="higher")).mean())


def distances(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Measure the distance of every signed picture to every changed one.

    Parameters
    ----------
    frames : sequence of numpy.ndarray
        n frames, uint8 (128, 128).
    rng : numpy.random.Generator
        Of the noise among the changes.

    Returns
    -------
    dict of str to dict of str to numpy.ndarray
        By code or hash and benign change: float64 (n, n), a row for each signed picture.
    """
    signed = [_whole(frame) for frame in frames]
    report: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in signed[0]}
    for change, apply in BENIGN.items():
        received = [_whole(apply(frame, rng)) for frame in frames]
        for name in report:
            ours, theirs = (np.stack([code[name].ravel() for code in codes]) for codes in (signed, received))
            report[name][change] = np.abs(ours[:, None] - theirs[None]).mean(2)
    return report


def _whole(frame: Gray) -> dict[str, NDArray[np.float64]]:
    codes = {name: rounded(name, code) for name, code in codes_of(frame).items()}
    return codes | {name: bits.astype(np.float64) for name, bits in hashes_of(frame).items()}


def same_or_different(found: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> dict[str, dict[str, float]]:
    """Return the AUC of distances to other pictures against those to the changed picture itself, 0..1.

    Parameters
    ----------
    found : mapping
        As `distances` returns it.

    Returns
    -------
    dict of str to dict of str to float
        By code or hash and benign change; `all together` pools the changes.
    """
    report = {}
    for name, by_change in found.items():
        report[name] = {change: auc(*_apart(matrix)) for change, matrix in by_change.items()}
        report[name]["all together"] = auc(*pooled(by_change))
    return report


def pooled(by_change: Mapping[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances to other pictures, and to the same, over all benign changes of one code."""
    apart = [_apart(matrix) for matrix in by_change.values()]
    return np.concatenate([other for other, _ in apart]), np.concatenate([same for _, same in apart])


def _apart(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    same = np.eye(len(matrix), dtype=bool)
    return matrix[~same], matrix[same]


def nearest_pairs(names: Sequence[str], frames: Sequence[Gray], most: int = 6) -> dict[str, Any]:
    """Find the different pictures that are hardest to tell apart.

    Parameters
    ----------
    names : sequence of str
        A name for each frame.
    frames : sequence of numpy.ndarray
        uint8 (128, 128).
    most : int
        Pairs for each code.

    Returns
    -------
    dict of str to list
        By code or hash: `distance` and `pictures` of each pair, the nearest first.
    """
    codes = [_whole(frame) for frame in frames]
    pairs = list(combinations(range(len(frames)), 2))
    report = {}
    for name in codes[0]:
        apart = [float(np.abs(codes[a][name] - codes[b][name]).mean()) for a, b in pairs]
        order = np.argsort(apart, kind="stable")[:most]
        report[name] = [{"distance": apart[at], "pictures": [names[index] for index in pairs[at]]} for at in order]
    return report


def collisions(frames: Sequence[Gray]) -> dict[str, dict[str, int]]:
    """Count the pairs of different pictures that have the very same reduction, by path and reduction."""
    report: dict[str, dict[str, int]] = {}
    for path in PATHS:
        report[path] = {"pairs": len(frames) * (len(frames) - 1) // 2}
        for reduction in REDUCTIONS:
            profile = profile_by_name(path, reduction)
            skip = HEADER + (profile.side // BLOCK_SIDE) ** 2
            reduced = [compute_image_factor(frame_from_array(frame), profile).bytes[skip:] for frame in frames]
            counts = np.unique(np.array(reduced, object), return_counts=True)[1]
            report[path][reduction] = int((counts * (counts - 1) // 2).sum())
    return report


def one_pixel(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return by path and part of the factor: share of frames where it differs after one pixel moved by a gray level."""
    report: dict[str, dict[str, float]] = {}
    for path in PATHS:
        profile = profile_by_name(path)
        differing = np.zeros(4)
        for frame in frames:
            moved = frame.copy()
            row, column = rng.integers(0, len(frame), 2)
            moved[row, column] ^= 1
            before, after = (compute_image_factor(frame_from_array(each), profile) for each in (frame, moved))
            means = slice(HEADER, HEADER + (profile.side // BLOCK_SIDE) ** 2)
            differing += [
                before.bytes != after.bytes,
                not np.array_equal(before.derived.pixels, after.derived.pixels),
                not np.array_equal(before.map.values, after.map.values),
                before.bytes[means] != after.bytes[means],
            ]
        parts = ("factor", "derived image or conditional", "map", "block means")
        report[path] = dict(zip(parts, (differing / len(frames)).tolist(), strict=True))
    return report


@dataclass(frozen=True)
class Received:
    """A frame's codes at the verifier, as it came, and moved back to where it fits the signed block means best."""

    plain: dict[str, Values]
    aligned: dict[str, Values]

    @classmethod
    def of(cls, frame: Gray, signed: Mapping[str, Values]) -> Received:
        """Compute both of a frame; the signed block means of the derived image tell the shift."""
        down, right = find_shift(frame, signed["derived image, block means"])
        plain = codes_of(frame)
        return cls(plain, codes_of(shifted(frame, -down, -right)) if (down, right) != (0, 0) else plain)


def signed_codes(frame: Gray) -> dict[str, Values]:
    """The codes of a frame as they were signed."""
    return {name: rounded(name, code) for name, code in codes_of(frame).items()}


def scores(
    name: str, signed: Values, received: Received, comparators: Mapping[str, Comparator]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Score every block by each way of comparing that a code allows.

    Parameters
    ----------
    name : str
        The code.
    signed : numpy.ndarray
        float64 (16, 16, values), as it was signed.
    received : Received
        The frame at the verifier.
    comparators : mapping of str to Comparator
        Those that learnt, by code.

    Yields
    ------
    way : str
    scores : numpy.ndarray
        float64 (16, 16); higher means changed.
    """
    step = ALL_BLOCK_FEATURES[name].step
    change = rounded(name, received.plain[name]) - signed
    yield "difference", np.abs(change).mean(2)
    if step:
        yield "levelled", np.abs(_levelled(change)).mean(2)
    moved = _levelled(received.aligned[name] - signed) if step else received.aligned[name] - signed
    yield "tolerant", np.maximum(np.abs(moved) - step / 2, 0).mean(2)
    if name in comparators:
        yield "learnt", comparators[name].scores(signed, received.aligned[name])


def _levelled(change: Values) -> Values:
    return np.asarray(change - np.median(change, (0, 1)))


def learn_comparators(frames: Sequence[Gray], examples: int, seed: int, report: Report) -> dict[str, Comparator]:
    """Teach a comparator for each of `LEARNT` on random benign changes and edits of frames.

    Erased parts are kept from them, so that one kind of edit is new to them.

    Parameters
    ----------
    frames : sequence of numpy.ndarray
        uint8 (128, 128), none of those that are judged on.
    examples : int
        How many changed frames to learn from.
    seed : int
        Of changes, edits and weights.
    report : callable
        Called with a line now and then.

    Returns
    -------
    dict of str to Comparator
    """
    before, after, shares = _changed_codes(frames, examples, np.random.default_rng((seed, 0xC0)), report)
    comparators = {}
    for name in LEARNT:
        report(f"a comparator learns: {name}")
        comparators[name] = Comparator(before[0][name].shape[2], ALL_BLOCK_FEATURES[name].step, seed)
        ours, theirs = ([codes[name] for codes in side] for side in (before, after))
        comparators[name].learn(ours, theirs, np.stack(shares), seed)
    return comparators


def _changed_codes(
    frames: Sequence[Gray], examples: int, rng: np.random.Generator, report: Report
) -> tuple[list[dict[str, Values]], list[dict[str, Values]], list[NDArray[np.float64]]]:
    """Signed codes, those of the same frame after edits and a benign change, and the share of every block edited."""
    signed = [signed_codes(frame) for frame in frames]
    edits, changes = [edit for edit in EDITS if edit != "erased"], list(BENIGN.values())
    before, after, shares = [], [], []
    for number in range(examples):
        index = int(rng.integers(len(frames)))
        frame, share = frames[index], np.zeros((GRID, GRID))
        for _ in range(int(rng.integers(0, 4))):
            other = frames[int(rng.integers(len(frames)))]
            frame, more = edited(frame, other, str(rng.choice(edits)), rng)
            share = np.maximum(share, more)
        received = changes[int(rng.integers(len(changes)))](frame, rng)
        before.append(signed[index])
        after.append(Received.of(received, signed[index]).aligned)
        shares.append(share)
        if (number + 1) % EXAMPLES_PER_STEP == 0:
            report(f"examples for the comparators: {number + 1}/{examples}")
    return before, after, shares


def localisation(
    frames: Sequence[Gray],
    changes: Sequence[str],
    comparators: Mapping[str, Comparator],
    rng: np.random.Generator,
    report: Report,
) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Measure how well edited blocks, and edited frames, stand out.

    Scores after all `changes` are pooled under one threshold. Blocks that an edit only touches do not count.

    Parameters
    ----------
    frames : sequence of numpy.ndarray
        uint8 (128, 128).
    changes : sequence of str
        Benign changes that follow the edit.
    comparators : mapping of str to Comparator
        As `learn_comparators` returns them.
    rng : numpy.random.Generator
        Of places and noise.
    report : callable
        Called with a line for each frame.

    Returns
    -------
    dict
        By code, way of comparing and edit: AUCs, and shares found.
    """
    kept: dict[tuple[str, str, str], Scores] = {}
    for number, frame in enumerate(frames):
        pair, signed = (frame, frames[(number + 1) % len(frames)]), signed_codes(frame)
        for change in changes:
            _score_edits(kept, pair, signed, BENIGN[change], comparators, rng)
        report(f"edits: {number + 1}/{len(frames)} pictures")
    facts: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for (name, way, edit), found in kept.items():
        facts.setdefault(name, {}).setdefault(way, {})[edit] = found.to_dict()
    return facts


def _score_edits(
    kept: dict[tuple[str, str, str], Scores],
    pair: tuple[Gray, Gray],
    signed: Mapping[str, Values],
    change: Callable[[Gray, np.random.Generator], Gray],
    comparators: Mapping[str, Comparator],
    rng: np.random.Generator,
) -> None:
    """Add the scores of a frame after every edit with parts of another, each followed by one benign change."""
    whole = Received.of(change(pair[0], rng), signed)
    untouched = {(name, way): each for name in signed for way, each in scores(name, signed[name], whole, comparators)}
    for edit in EDITS:
        picture, share = edited(*pair, edit, rng)
        received = Received.of(change(picture, rng), signed)
        for name in signed:
            for way, each in scores(name, signed[name], received, comparators):
                into = kept.setdefault((name, way, edit), Scores())
                into.changed.append(each[share > 0.5])
                into.untouched.append(each[share == 0])
                into.edited_frames.append(float(each.max()))
                into.whole_frames.append(float(untouched[name, way].max()))
