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
from sealframe.server.payments.limits import Limits

if TYPE_CHECKING:
    import os

    from sealframe.faces.matchers import Matcher


AGREEMENT_FMR = 0.1
"""Strangers that may pass for one person among the frames of an enrolment: somebody watches it."""


def thresholds_at(path: str | os.PathLike[str], matcher: Matcher, fmr: float) -> Thresholds:
    """Of a payment: the lowest whose measured false match rate is at most `fmr`. Raises ModelError or PolicyError.

    Of an enrolment: that of 10 %, where it was measured, and never above that of a payment.
    """
    try:
        table = json.loads(Path(path).read_text())
        same = (table["matcher"], table["model_sha256"]) == (matcher.name, matcher.model_sha256)
        pairs = int(table["pairs"])
        rows = [(float(row["fmr"]), float(row["threshold"])) for row in table["rows"]]
        if not all(0 <= rate <= 1 and math.isfinite(threshold) for rate, threshold in rows):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is no calibration file; measure one.") from None
    if not same:
        raise ModelError(f"{path} was measured with another matcher or model; measure again.")
    if pairs < 1 or not 3 / pairs <= fmr < 1:
        raise PolicyError(
            f"A false match rate of {fmr} cannot be known from {pairs} pairs; measure more, or allow more."
        )
    if all(rate > fmr for rate, _ in rows):
        raise PolicyError(f"The calibration has no threshold for a false match rate of {fmr}; allow more.")
    return Thresholds(_lowest(rows, fmr), _lowest(rows, max(fmr, AGREEMENT_FMR)))


def _lowest(rows: list[tuple[float, float]], fmr: float) -> float:
    return min(threshold for rate, threshold in rows if rate <= fmr)


def per_payment(fmr: float) -> float:
    """Chance that a stranger passes within the tries that one payment allows, were the tries independent (A56)."""
    return float(1 - (1 - fmr) ** Limits().mismatches_per_payment)
