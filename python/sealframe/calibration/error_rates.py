"""Error rates of a matcher from its scores: FMR, FNMR, EER, AUC, with intervals over people (ISO/IEC 19795-1).

Pictures of one person are alike, so intervals come from drawing whole people with replacement, not comparisons: a
genuine comparison counts as often as its person was drawn, an impostor comparison as often as both were together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sealframe.faces.template import ONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Rates = NDArray[np.float64]

Interval: TypeAlias = tuple[float, float]

DRAWS = 200
_MOST_DRAWN_PAIRS = 400_000
_BINS = 2 * ONE + 1


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Scores -1..1 float64 (n,) of probes against templates, and which two people, int64 (n,), were compared."""

    scores: Rates
    enrolled: Integers
    probe: Integers

    @property
    def genuine(self) -> NDArray[np.bool_]:
        """Whether both are one person."""
        return np.asarray(self.enrolled == self.probe)

    def only(self, chosen: NDArray[np.bool_] | Integers) -> Comparisons:
        """Some of the comparisons."""
        return Comparisons(self.scores[chosen], self.enrolled[chosen], self.probe[chosen])


@dataclass(frozen=True, eq=False)
class Curve:
    """Rates at every threshold of -1024..1024 in 1024ths, float64 (2049,): a score passes from the threshold on."""

    fmr: Rates
    fnmr: Rates

    @property
    def eer(self) -> float:
        """The rate at which both are closest to equal."""
        nearest = int(np.abs(self.fmr - self.fnmr).argmin())
        return float(self.fmr[nearest] + self.fnmr[nearest]) / 2

    @property
    def auc(self) -> float:
        """Chance that a genuine score is above an impostor's, ties of a 1024th counted half."""
        passing = np.append(self.fmr, 0.0)
        missed = np.append(self.fnmr, 1.0)
        return float(((1 - missed[1:] + 1 - missed[:-1]) / 2 * (passing[:-1] - passing[1:])).sum())

    def threshold_at(self, fmr: float) -> int:
        """The lowest threshold in 1024ths, at least 1, whose FMR is at most `fmr`."""
        fitting = np.flatnonzero(self.fmr[ONE + 1 :] <= fmr)
        return int(fitting[0]) + 1 if len(fitting) else ONE

    def fmr_at(self, threshold: int) -> float:
        """FMR at a threshold in 1024ths."""
        return float(self.fmr[ONE + threshold])

    def fnmr_at(self, threshold: int) -> float:
        """FNMR at a threshold in 1024ths."""
        return float(self.fnmr[ONE + threshold])


def rate_curve(comparisons: Comparisons, drawn: Rates | None = None) -> Curve:
    """FMR and FNMR; `drawn` says how often each person counts (default: once). Both kinds must be there."""
    bins = np.floor(comparisons.scores * ONE).astype(np.int64).clip(-ONE, ONE) + ONE
    genuine = comparisons.genuine
    weights = np.ones(len(bins)) if drawn is None else drawn[comparisons.enrolled] * drawn[comparisons.probe]
    if drawn is not None:
        weights[genuine] = drawn[comparisons.enrolled[genuine]]
    same, other = (np.bincount(bins[kind], weights[kind], _BINS) for kind in (genuine, ~genuine))
    below = np.cumsum(same) - same
    from_here = np.cumsum(other[::-1])[::-1]
    return Curve(from_here / max(other.sum(), 1e-12), below / max(same.sum(), 1e-12))


def bootstrap(
    comparisons: Comparisons, people: int, figures: dict[str, Callable[[Curve], float]], seed: int = 1
) -> dict[str, Interval]:
    """95 % percentile intervals of figures of the curve; `people` are numbered from 0.

    At most 400,000 impostor comparisons take part, chosen at random.
    """
    rng = np.random.default_rng(seed)
    impostors = np.flatnonzero(~comparisons.genuine)
    if len(impostors) > _MOST_DRAWN_PAIRS:
        impostors = rng.choice(impostors, _MOST_DRAWN_PAIRS, replace=False)
    taken = comparisons.only(np.concatenate([np.flatnonzero(comparisons.genuine), impostors]))
    found: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(DRAWS):
        curve = rate_curve(taken, np.bincount(rng.integers(people, size=people), minlength=people).astype(np.float64))
        for name, figure in figures.items():
            found[name].append(figure(curve))
    ends = {name: np.percentile(values, (2.5, 97.5)) for name, values in found.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}
