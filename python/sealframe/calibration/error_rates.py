"""Error rates of a matcher from its scores: FMR, FNMR, EER, AUC, with intervals over people (ISO/IEC 19795-1).

Pictures of one person are alike. So intervals come from drawing whole people with replacement, not comparisons. A
genuine comparison counts as often as its person was drawn, an impostor comparison as often as both were together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sealframe.faces.template import ONE
from sealframe.roc import auc_of_counts

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
    """Scores of probes against templates, and whose they are.

    Parameters
    ----------
    scores : numpy.ndarray
        float64 (n,), -1..1.
    enrolled, probe : numpy.ndarray
        int64 (n,): numbers of the person enrolled and of the person compared, from 0.
    """

    scores: Rates
    enrolled: Integers
    probe: Integers

    @property
    def genuine(self) -> NDArray[np.bool_]:
        """Whether both are one person, bool (n,)."""
        return np.asarray(self.enrolled == self.probe)

    def only(self, chosen: NDArray[np.bool_] | Integers) -> Comparisons:
        """Return some of the comparisons, by mask or by index."""
        return Comparisons(self.scores[chosen], self.enrolled[chosen], self.probe[chosen])


@dataclass(frozen=True, eq=False)
class Curve:
    """Error rates at every threshold of -1024..1024 in 1024ths; a score passes from the threshold on.

    Parameters
    ----------
    fmr : numpy.ndarray
        float64 (2049,), 0..1: share of strangers who pass.
    fnmr : numpy.ndarray
        float64 (2049,), 0..1: share of owners who do not pass.
    """

    fmr: Rates
    fnmr: Rates

    @property
    def eer(self) -> float:
        """Equal error rate: the mean of both rates where they are closest."""
        nearest = int(np.abs(self.fmr - self.fnmr).argmin())
        return float(self.fmr[nearest] + self.fnmr[nearest]) / 2

    @property
    def auc(self) -> float:
        """Chance that a genuine score is above an impostor's, ties of a 1024th counted half."""
        return auc_of_counts(np.diff(self.fnmr, append=1.0), -np.diff(self.fmr, append=0.0))

    def threshold_at(self, fmr: float) -> int:
        """Return the lowest threshold in 1024ths, at least 1, whose FMR is at most `fmr`; else 1024."""
        fitting = np.flatnonzero(self.fmr[ONE + 1 :] <= fmr)
        return int(fitting[0]) + 1 if len(fitting) else ONE

    def fmr_at(self, threshold: int) -> float:
        """Return the FMR at a threshold in 1024ths, -1024..1024."""
        return float(self.fmr[ONE + threshold])

    def fnmr_at(self, threshold: int) -> float:
        """Return the FNMR at a threshold in 1024ths, -1024..1024."""
        return float(self.fnmr[ONE + threshold])


def rate_curve(comparisons: Comparisons, drawn: Rates | None = None) -> Curve:
    """Count the error rates.

    Parameters
    ----------
    comparisons : Comparisons
        Genuine and impostor ones, at least one of each.
    drawn : numpy.ndarray, optional
        float64 (people,): how often each person counts; once where it is left out.

    Returns
    -------
    Curve
    """
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
    """Return 95 % percentile intervals of figures of the curve.

    Parameters
    ----------
    comparisons : Comparisons
        All of them; at most 400,000 impostor comparisons take part, chosen at random.
    people : int
        How many people there are.
    figures : dict of str to callable
        What each figure makes of a curve.
    seed : int
        Of the draws.

    Returns
    -------
    dict of str to (float, float)
        Lower and upper end of each figure.
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
