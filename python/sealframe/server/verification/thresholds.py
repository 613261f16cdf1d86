"""Thresholds from measured false match rates: a matcher is used at a rate, never at a bare number.

A calibration file is JSON: {"matcher", "model_sha256", "pairs", "rows": [{"fmr", "threshold"}, ...]}, measured on
faces of the site and camera where it is used. Rates below 3 / pairs are not known and are refused.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.errors import ModelError, PolicyError
from sealframe.faces.matchers import Thresholds

if TYPE_CHECKING:
    import os

    from sealframe.faces.matchers import Matcher


AGREEMENT_FMR = 0.1
"""Strangers that may pass for one person among the frames of an enrolment: somebody watches it."""


def thresholds_at(path: str | os.PathLike[str], matcher: Matcher, fmr: float) -> Thresholds:
    """Read the thresholds of a false match rate from a calibration file.

    Parameters
    ----------
    path : path-like
        The file that `sealframe calibrate` wrote.
    matcher : Matcher
        What will be used; the file has to be measured with its name and model.
    fmr : float
        The false match rate of one try, at least 3 / pairs, below 1.

    Returns
    -------
    Thresholds
        Of a payment: the lowest threshold whose measured rate is at most `fmr`. Of an enrolment: that of 10 % where
        it was measured, and never above that of a payment.

    Raises
    ------
    ModelError
        When the file is no calibration, or one of another matcher or model.
    PolicyError
        When the rate is not known from so few pairs, or no threshold reaches it.
    """
    pairs, rows = _read(path, matcher)
    if pairs < 1 or not 3 / pairs <= fmr < 1:
        raise PolicyError(
            f"{path}: a false match rate of {fmr} cannot be known from {pairs} pairs; "
            "measure more people, or allow more (--fmr)."
        )
    if all(rate > fmr for rate, _ in rows):
        raise PolicyError(f"{path} has no threshold for a false match rate of {fmr}; allow more (--fmr).")
    return Thresholds(_lowest(rows, fmr), _lowest(rows, max(fmr, AGREEMENT_FMR)))


def _read(path: str | os.PathLike[str], matcher: Matcher) -> tuple[int, list[tuple[float, float]]]:
    """Number of pairs, and rates with their thresholds."""
    try:
        table = json.loads(Path(path).read_text())
        same = (table["matcher"], table["model_sha256"]) == (matcher.name, matcher.model_sha256)
        pairs = int(table["pairs"])
        rows = [(float(row["fmr"]), float(row["threshold"])) for row in table["rows"]]
        if not all(0 <= rate <= 1 and math.isfinite(threshold) for rate, threshold in rows):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is not a calibration file; measure one with sealframe calibrate.") from None
    if not same:
        raise ModelError(f"{path} was measured with another matcher or model; measure again with this model.")
    return pairs, rows


def _lowest(rows: list[tuple[float, float]], fmr: float) -> float:
    return min(threshold for rate, threshold in rows if rate <= fmr)
