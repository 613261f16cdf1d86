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
    """Share of positives above the threshold that at most `share` of the negatives exceed."""
    return float((positive > np.quantile(negative, 1 - share, method="higher")).mean())


def distances(frames: Sequence[Gray], rng: np.random.Generator) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Per code or hash and benign change: distance of every signed picture (row) to every changed one (column)."""
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
    """AUC, per code and benign change, of distances to other pictures against those to the changed picture itself."""
    report = {}
    for name, by_change in found.items():
        report[name] = {change: auc(*_apart(matrix)) for change, matrix in by_change.items()}
        report[name]["all together"] = auc(*pooled(by_change))
    return report


def pooled(by_change: Mapping[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances to other pictures, and to the same, over all benign changes."""
    apart = [_apart(matrix) for matrix in by_change.values()]
    return np.concatenate([other for other, _ in apart]), np.concatenate([same for _, same in apart])


def _apart(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    same = np.eye(len(matrix), dtype=bool)
    return matrix[~same], matrix[same]


def nearest_pairs(names: Sequence[str], frames: Sequence[Gray], most: int = 6) -> dict[str, Any]:
    """Per code, the different pictures that are hardest to tell apart, and how far one picture's changes reach."""
    codes = [_whole(frame) for frame in frames]
    pairs = list(combinations(range(len(frames)), 2))
    report = {}
    for name in codes[0]:
        apart = [float(np.abs(codes[a][name] - codes[b][name]).mean()) for a, b in pairs]
        order = np.argsort(apart, kind="stable")[:most]
        report[name] = [{"distance": apart[at], "pictures": [names[index] for index in pairs[at]]} for at in order]
    return report


def collisions(frames: Sequence[Gray]) -> dict[str, dict[str, int]]:
    """Per path and reduction: how many pairs of different pictures have the very same reduction."""
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
    """Per path: shares of frames of which a part of the factor differs after one pixel moved by one gray level."""
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
        """Compute both; the factor carries the block means of the derived image, which tell the shift."""
        down, right = find_shift(frame, signed["derived image, block means"])
        plain = codes_of(frame)
        return cls(plain, codes_of(shifted(frame, -down, -right)) if (down, right) != (0, 0) else plain)


def signed_codes(frame: Gray) -> dict[str, Values]:
    """The codes of a frame as they were signed."""
    return {name: rounded(name, code) for name, code in codes_of(frame).items()}


def scores(
    name: str, signed: Values, received: Received, comparators: Mapping[str, Comparator]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """How much every block (16, 16) looks changed, by each way of comparing that this code allows."""
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
    """Teach a comparator for each of `LEARNT` on random benign changes and edits of these frames.

    Erased parts are kept from them, so that one kind of edit is new to them.
    """
    rng = np.random.default_rng((seed, 0xC0))
    signed = [signed_codes(frame) for frame in frames]
    edits, changes = [edit for edit in EDITS if edit != "erased"], list(BENIGN.values())
    before: list[dict[str, Values]] = []
    after: list[dict[str, Values]] = []
    shares: list[NDArray[np.float64]] = []
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
    comparators = {}
    for name in LEARNT:
        report(f"a comparator learns: {name}")
        comparators[name] = Comparator(before[0][name].shape[2], ALL_BLOCK_FEATURES[name].step, seed)
        ours, theirs = ([codes[name] for codes in side] for side in (before, after))
        comparators[name].learn(ours, theirs, np.stack(shares), seed)
    return comparators


def localisation(
    frames: Sequence[Gray],
    changes: Sequence[str],
    comparators: Mapping[str, Comparator],
    rng: np.random.Generator,
    report: Report,
) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Per code, way of comparing and edit: how well edited blocks, and edited frames, stand out.

    Scores after all `changes` are pooled under one threshold. Blocks that an edit only touches do not count.
    """
    kept: dict[tuple[str, str, str], Scores] = {}
    for number, frame in enumerate(frames):
        signed, other = signed_codes(frame), frames[(number + 1) % len(frames)]
        for change in changes:
            whole = Received.of(BENIGN[change](frame, rng), signed)
            untouched = {
                (name, way): each for name in signed for way, each in scores(name, signed[name], whole, comparators)
            }
            for edit in EDITS:
                picture, share = edited(frame, other, edit, rng)
                received = Received.of(BENIGN[change](picture, rng), signed)
                for name in signed:
                    for way, each in scores(name, signed[name], received, comparators):
                        into = kept.setdefault((name, way, edit), Scores())
                        into.changed.append(each[share > 0.5])
                        into.untouched.append(each[share == 0])
                        into.edited_frames.append(float(each.max()))
                        into.whole_frames.append(float(untouched[name, way].max()))
        report(f"edits: {number + 1}/{len(frames)} pictures")
    facts: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for (name, way, edit), found in kept.items():
        facts.setdefault(name, {}).setdefault(way, {})[edit] = found.to_dict()
    return facts
