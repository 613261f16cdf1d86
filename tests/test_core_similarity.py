"""The similarity kernels equal their twins bit for bit on every instruction set (M14, A10, A14, A16, A19)."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import similarity as reference
from sealframe import _core


def pair(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (height, width), np.uint8)
    near = np.clip(a.astype(int) + rng.integers(-20, 21, a.shape), 0, 255).astype(np.uint8)
    return a, near if seed % 2 else rng.integers(0, 256, (height, width), np.uint8)


@pytest.mark.parametrize("k", [3, 5, 7, 9, 11, 13, 15])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3), (15, 16), (23, 29)])
def test_m14_a16_window_cosine_equals_its_twin(isa, k, shape) -> None:
    for seed in (0, 1):
        a, b = pair(*shape, seed)
        assert np.array_equal(_core.window_cosine(a, b, k), reference.window_cosine(a, b, k))


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    k=st.sampled_from([3, 7, 15]),
    levels=st.sampled_from([[0, 255], [127, 128], [128], [0], [127, 128, 129], [0, 128, 255]]),
    seed=st.integers(0, 1000),
    isa=st.sampled_from(_core.isas()),
)
def test_a14_extreme_values_and_empty_windows(height, width, k, levels, seed, isa) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.choice(np.array(levels, np.uint8), (height, width)) for _ in range(2))
    used = _core.isa()
    _core.set_isa(isa)
    try:
        assert np.array_equal(_core.window_cosine(a, b, k), reference.window_cosine(a, b, k))
    finally:
        _core.set_isa(used)


def test_a14_zero_windows_have_written_values(isa) -> None:
    zero, other = np.full((20, 20), 128, np.uint8), np.full((20, 20), 130, np.uint8)
    assert (_core.window_cosine(zero, zero) == 127).all()
    assert (_core.window_cosine(zero, other) == 0).all()
    assert (_core.window_cosine(other, zero) == 0).all()


def test_a_picture_is_like_itself_and_unlike_its_negative(isa) -> None:
    a, _ = pair(50, 60)
    assert (_core.window_cosine(a, a) == 127).all()
    inverted = (256 - a.astype(int)).clip(1, 255).astype(np.uint8)
    inner = np.clip(a, 1, 255)
    assert (_core.window_cosine(inner, (256 - inner.astype(int)).astype(np.uint8)) == -127).all()
    assert _core.window_cosine(a, inverted).max() < 0


def test_the_map_is_symmetric_in_its_pictures(isa) -> None:
    a, b = pair(33, 47)
    assert np.array_equal(_core.window_cosine(a, b), _core.window_cosine(b, a))


def test_golden_map(isa) -> None:
    a, b = np.frombuffer(hashlib.shake_256(b"pair").digest(2 * 128 * 128), np.uint8).reshape(2, 128, 128)
    assert (
        hashlib.sha256(_core.window_cosine(a, b)).hexdigest()
        == "9deccf3a15eb1565791d450878584db6a321e96b8c3b0d07eae42bfd09898d09"
    )


def test_a10_strides_and_out() -> None:
    a, b = pair(64, 64)
    for view in (a[::-1, ::2], np.asfortranarray(a[:, :32])):
        out = np.empty(view.shape, np.int8)
        other = b[:, :32]
        assert _core.window_cosine(view, other, out=out) is out
        assert np.array_equal(out, reference.window_cosine(view, other))


A, B = pair(16, 16)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((A, B, 4), ValueError),
        ((A, B, 1), ValueError),
        ((A, B, 17), ValueError),
        ((A, B, -7), ValueError),
        ((A, B[:8], 7), ValueError),
        ((A[0], B[0], 7), ValueError),
        ((A[:0], B[:0], 7), ValueError),
        ((A.astype(np.int8), B, 7), TypeError),
        ((A, B.astype(np.float32), 7), TypeError),
        ((A, B, "7"), TypeError),
        ((A, None, 7), TypeError),
    ],
    ids=str,
)
def test_a10_bad_arguments_are_refused(arguments, error) -> None:
    with pytest.raises(error):
        _core.window_cosine(*arguments)


def test_a10_out_may_not_overlap() -> None:
    with pytest.raises(ValueError, match="share memory"):
        _core.window_cosine(A, B, out=A.view(np.int8))
