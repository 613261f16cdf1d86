"""The one area under the curve: by hand, by counting pairs, and from counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealframe.roc import auc, auc_of_counts

scores = st.lists(st.integers(-4, 4), min_size=1, max_size=30)


def test_auc_of_apart_equal_and_reversed_scores() -> None:
    low, high = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert (auc(high, low), auc(low, high), auc(low, low)) == (1.0, 0.0, 0.5)


@given(scores, scores)
def test_auc_counts_pairs_in_the_right_order(positive: list[int], negative: list[int]) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


def test_bytes_do_not_wrap() -> None:
    assert auc(np.array([200, 255], np.uint8), np.array([[3], [199]], np.uint8)) == 1


def test_weights_count_as_often() -> None:
    assert auc_of_counts(np.array([1, 0, 2]), np.array([3, 1, 0])) == auc([0, 2, 2], [0, 0, 0, 1])
