"""How well a score tells two kinds apart: the area under the receiver operating characteristic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def auc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Chance that a positive scores above a negative, ties counted half.

    Parameters
    ----------
    positive, negative : array_like
        Scores of each kind, at least one.

    Returns
    -------
    float
        0..1; 0.5 where the score tells nothing.

    References
    ----------
    J. A. Hanley, B. J. McNeil, "The Meaning and Use of the Area under a ROC Curve", Radiology 143 (1982) 29-36.

    Examples
    --------
    >>> from sealframe.roc import auc
    >>> auc([3, 2], [1, 2])
    0.875
    """
    scores = np.concatenate([np.ravel(positive), np.ravel(negative)])
    levels, level = np.unique(scores, return_inverse=True)
    split, count = np.size(positive), len(levels)
    return auc_of_counts(np.bincount(level[:split], minlength=count), np.bincount(level[split:], minlength=count))


def auc_of_counts(positive: NDArray[Any], negative: NDArray[Any]) -> float:
    """Chance that a positive scores above a negative, from how often every score occurs.

    Parameters
    ----------
    positive, negative : numpy.ndarray
        (n,) counts, shares or weights of each kind by score, the lowest score first; each sums to more than 0.

    Returns
    -------
    float
        0..1; 0.5 where the score tells nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.roc import auc_of_counts
    >>> auc_of_counts(np.array([0, 1, 1]), np.array([1, 1, 0]))
    0.875
    """
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))
