"""The reductions equal their twins bit for bit on every instruction set (M15, A10, A16, A19)."""

from __future__ import annotations

import numpy as np
import pytest

from reference import image_factor as reference
from sealframe import _core

SHAPES = [(1, 1), (1, 15), (1, 16), (17, 31), (31, 17), (128, 128), (2, 70_000 % 65_535)]


def values(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, shape, np.int8)


@pytest.mark.parametrize("shape", SHAPES)
def test_m15_a16_rows_and_norms_equal_their_twins(isa, shape) -> None:
    for given in (values(shape), np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)):
        assert np.array_equal(_core.row_sums(given), reference.row_sums(given))
        assert np.array_equal(_core.norms(given), reference.norms(given))


def test_norms_of_the_longest_row(isa) -> None:
    row = np.full((1, 65_535), -128, np.int8)
    assert _core.norms(row).tolist() == [128 * 65_535, 128 * 128 * 65_535, 128 * 65_535]
    assert _core.row_sums(row).tolist() == [-128 * 65_535]


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16, 32, 64, 128])
def test_m15_block_means_equal_their_twin(isa, size) -> None:
    image = np.random.default_rng(size).integers(0, 256, (128, 256), np.uint8)
    assert np.array_equal(_core.block_means(image, size), reference.block_means(image, size))
    assert (_core.block_means(np.full((128, 128), 255, np.uint8), size) == 255).all()


def test_block_means_round_halves_upwards(isa) -> None:
    assert _core.block_means(np.array([[0, 1], [0, 1]], np.uint8), 2)[0, 0] == 1


def test_a10_strides_and_out(isa) -> None:
    given = values((40, 60))
    for view in (given[::-1, ::3], np.asfortranarray(given), given.T):
        assert np.array_equal(_core.row_sums(view), reference.row_sums(view))
        assert np.array_equal(_core.norms(view), reference.norms(view))
    out = np.empty(40, np.int32)
    assert _core.row_sums(given, out=out) is out


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: _core.row_sums(values((4, 4)).astype(np.uint8)), TypeError),
        (lambda: _core.norms(values((4, 4)).astype(np.int16)), TypeError),
        (lambda: _core.norms([[1]]), TypeError),
        (lambda: _core.norms(values((4, 4))[0]), ValueError),
        (lambda: _core.row_sums(values((4, 4))[:0]), ValueError),
        (lambda: _core.row_sums(values((4, 4)), out=np.empty(4, np.int64)), TypeError),
        (lambda: _core.row_sums(values((4, 4)), out=np.empty(5, np.int32)), ValueError),
        (lambda: _core.block_means(np.zeros((8, 8), np.uint8), 3), ValueError),
        (lambda: _core.block_means(np.zeros((8, 8), np.uint8), 0), ValueError),
        (lambda: _core.block_means(np.zeros((8, 12), np.uint8), 8), ValueError),
        (lambda: _core.block_means(np.zeros((256, 256), np.uint8), 256), ValueError),
        (lambda: _core.block_means(np.zeros((8, 8), np.uint8), -8), TypeError),
    ],
)
def test_a10_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()
