"""The similarity kernels equal their twins bit for bit on every instruction set (M14, A10, A14, A16, A19).

Covers A15.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealframe import _core
from tests.reference import similarity as reference


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


CHANNELS = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 64, 100, 128]


@pytest.mark.parametrize("channels", [*CHANNELS, 1024])
@pytest.mark.parametrize("zero", [0, 128, 255])
def test_m14_channel_cosine_of_bytes_equals_its_twin(isa, channels, zero) -> None:
    a, b = np.random.default_rng(channels).integers(0, 256, (2, 3, 5, channels), np.uint8)
    a[0, 0] = zero
    b[0, :2] = zero
    a[1, 1] = b[1, 1]
    a[2, 2], b[2, 2] = 0, 255
    assert np.array_equal(_core.channel_cosine(a, b, zero=zero), reference.channel_cosine(a, b, zero))


@pytest.mark.parametrize("channels", CHANNELS)
def test_m14_channel_cosine_of_floats_equals_its_twin(isa, channels) -> None:
    a, b = np.random.default_rng(channels).normal(0, 3, (2, 17, 19, channels)).astype(np.float32)
    a[0, 0], b[0, :2] = 0, 0
    a[1] *= np.float32(1e-25)
    found = _core.channel_cosine(a, b)
    assert np.array_equal(found, reference.channel_cosine(a, b))
    assert found[0, 0] == 1
    assert found[0, 1] == 0


def test_a10_channel_maps_of_any_strides(isa) -> None:
    a, b = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 16), np.uint8)
    view = np.s_[::-1, ::2, ::-1]
    assert np.array_equal(_core.channel_cosine(a[view], b[view]), reference.channel_cosine(a[view], b[view]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("side", [0, 1])
def test_a15_values_that_are_not_finite_are_refused(isa, value, side) -> None:
    maps = np.ones((2, 4, 5, 20), np.float32)
    maps[side, 3, 4, 19] = value
    with pytest.raises(ValueError, match="finite"):
        _core.channel_cosine(*maps)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 4), np.uint8), ValueError),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), ValueError),
        (np.zeros((2, 2, 1025), np.uint8), np.zeros((2, 2, 1025), np.uint8), ValueError),
        (np.zeros((2, 0, 3), np.uint8), np.zeros((2, 0, 3), np.uint8), ValueError),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.float32), TypeError),
        (np.zeros((2, 2, 3)), np.zeros((2, 2, 3)), TypeError),
        (np.zeros((2, 2, 3), ">f4"), np.zeros((2, 2, 3), ">f4"), TypeError),
    ],
    ids=str,
)
def test_a10_bad_channel_maps_are_refused(a, b, error) -> None:
    with pytest.raises(error):
        _core.channel_cosine(a, b)


def test_channel_zero_is_a_byte() -> None:
    a = np.zeros((2, 2, 3), np.uint8)
    for zero in (-1, 256):
        with pytest.raises(ValueError, match="between 0 and 255"):
            _core.channel_cosine(a, a, zero=zero)
