"""Seeded sampling, threshold and spectrum equal their twins bit for bit on every instruction set (M3-M6, A19).

Covers A10, M4, M5.
"""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st

from sealframe import _core
from tests.reference import features as reference

SEED = bytes(range(32))


def levels(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_the_twin_with_20_rounds_is_chacha20() -> None:
    stream = Cipher(algorithms.ChaCha20(SEED, bytes(16)), None).encryptor().update(bytes(128))
    assert b"".join(reference.chacha_block(SEED, i, rounds=20) for i in range(2)) == stream


def test_chacha12_equals_a_published_block(isa) -> None:
    """draft-strombergson-chacha-test-vectors, TC1: ChaCha12, 256-bit key, key and nonce zero."""
    words = _core.random_words(bytes(32), 0, 32)
    assert words.tobytes()[:16].hex() == "9bf49a6a0755f953811fce125f2683d5"


@settings(max_examples=60, deadline=None)
@given(
    first=st.one_of(st.integers(0, 3000), st.integers(2**37 - 600, 2**37 + 600), st.integers(2**62 - 900, 2**62 - 700)),
    count=st.integers(0, 700),
    isa=st.sampled_from(_core.isas()),
)
def test_m3_a19_random_words_equal_their_twin_at_any_position(first, count, isa) -> None:
    used = _core.isa()
    _core.set_isa(isa)
    try:
        found = _core.random_words(SEED, first, count)
    finally:
        _core.set_isa(used)
    assert np.array_equal(found, reference.random_words(SEED, first, count))


@pytest.mark.parametrize("shape", [(1, 1), (1, 15), (1, 33), (23, 45), (32, 32)])
@pytest.mark.parametrize("first", [0, 1, 31, 511, 512])
def test_m3_bernoulli_equals_its_twin(isa, shape, first) -> None:
    gray = levels(shape)
    gray.flat[0] = 255
    assert np.array_equal(_core.bernoulli(gray, SEED, first), reference.bernoulli(gray, SEED, first))


def test_m3_bernoulli_has_the_right_mean_and_certain_ends(isa) -> None:
    for level in (0, 1, 64, 128, 254, 255):
        mean = _core.bernoulli(np.full((512, 512), level, np.uint8), SEED).mean()
        assert mean == level / 255 if level in (0, 255) else abs(mean - level / 255) < 0.005


def test_m3_a_picture_can_be_sampled_in_parts(isa) -> None:
    gray = levels((40, 50))
    whole = _core.bernoulli(gray, SEED)
    assert np.array_equal(whole[17:], _core.bernoulli(gray[17:], SEED, 17 * 50))


@pytest.mark.parametrize("threshold", [0, 1, 127, 128, 255])
def test_m4_binarise(isa, threshold) -> None:
    gray = levels((17, 33))
    assert np.array_equal(_core.binarise(gray, threshold), (gray >= threshold).astype(np.uint8))


def test_m5_standardise(isa) -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = _core.standardise(gray)
    assert np.array_equal(found, reference.standardise(gray))
    assert found.min() == -1
    assert found.max() == 1


@pytest.mark.parametrize("shape", [(32, 32), (64, 96), (128, 32)])
def test_m6_spectrum_equals_its_twin(isa, shape) -> None:
    for rows in (levels(shape), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), 255 * (levels(shape) & 1)):
        assert np.array_equal(_core.spectrum(rows), reference.spectrum(rows))


def test_m6_spectrum_keeps_the_energy_of_the_picture(isa) -> None:
    """The transform is orthonormal: eight times the values, up to the rounding of its coefficients."""
    rows = levels((32, 32), 3)
    energy = ((rows.astype(float) - 128) ** 2).sum()
    assert abs((_core.spectrum(rows).astype(float) ** 2).sum() / 64 / energy - 1) < 1e-3


def test_m6_a_cosine_has_one_coefficient(isa) -> None:
    wave = 128 + 100 * np.cos(np.pi * (2 * np.arange(32) + 1) * 5 / 64)
    coefficients = _core.spectrum(np.tile(np.rint(wave).astype(np.uint8), (32, 1)))[0]
    assert np.unravel_index(np.abs(coefficients).argmax(), (32, 32)) == (0, 5)
    assert coefficients[0, 5] / 8 == pytest.approx(100 * 16 * np.sqrt(2), rel=1e-3)
    coefficients[0, 5] = 0
    assert np.abs(coefficients).max() < 8 * 12


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: _core.random_words(SEED[:31], 0, 1), ValueError),
        (lambda: _core.random_words(bytearray(SEED), 0, 1), TypeError),
        (lambda: _core.random_words(SEED, -1, 1), TypeError),
        (lambda: _core.random_words(SEED, 2**62, 1), ValueError),
        (lambda: _core.random_words(SEED, 0, 2**63), ValueError),
        (lambda: _core.bernoulli(levels((2, 2)), SEED, 2**64), TypeError),
        (lambda: _core.bernoulli(levels((2, 2)).astype(float), SEED), TypeError),
        (lambda: _core.bernoulli(levels((2, 2))[0], SEED), ValueError),
        (lambda: _core.binarise(levels((2, 2)), 256), ValueError),
        (lambda: _core.binarise(levels((2, 2)), -1), ValueError),
        (lambda: _core.standardise(levels((2, 2)), out=np.empty((2, 2))), TypeError),
        (lambda: _core.spectrum(levels((32, 33))), ValueError),
        (lambda: _core.spectrum(levels((32, 32)), out=np.empty((1, 32, 31), np.int16)), ValueError),
    ],
)
def test_a10_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()
