"""The reductions equal their twins bit for bit on every instruction set (M15, A10, A16, A19)."""

from __future__ import annotations

import numpy as np
import pytest

from sealframe import _core
from tests.reference import factor as reference

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


def of_rank(rank: int, side: int = 24) -> np.ndarray:
    rng = np.random.default_rng(rank)
    return (rng.integers(-3, 4, (side, rank)) @ rng.integers(-2, 3, (rank, side))).astype(np.int8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 20), (20, 3), (17, 17), (33, 40)])
def test_m15_a16_rank_equals_its_twin(isa, shape) -> None:
    for given in (values(shape), np.zeros(shape, np.int8), np.full(shape, -128, np.int8)):
        assert _core.rank(given) == reference.rank(given)


@pytest.mark.parametrize("rank", [1, 2, 5, 9])
def test_m15_rank_of_products(isa, rank) -> None:
    given = of_rank(rank)
    assert _core.rank(given) == reference.rank(given) == np.linalg.matrix_rank(given.astype(float))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 8), (20, 17), (40, 33)])
def test_m15_a16_leading_pair_equals_its_twin(isa, shape) -> None:
    for seed in range(3):
        given = values(shape, seed)
        value, vector = _core.leading_pair(given)
        expected_value, expected_vector = reference.leading_pair(given)
        assert value == expected_value
        assert np.array_equal(vector, expected_vector)


def test_m15_leading_pair_is_that_of_the_gram_matrix(isa) -> None:
    given = (of_rank(1, 64).astype(int) * 5 + values((64, 64)) // 16).clip(-128, 127).astype(np.int8)
    value, vector = _core.leading_pair(given)
    exact, vectors = np.linalg.eigh(given.T.astype(float) @ given)
    assert value / 256 == pytest.approx(exact[-1], rel=1e-6)
    assert abs(vector / 2**30 @ vectors[:, -1]) == pytest.approx(1, abs=1e-6)
    assert vector[np.abs(vector).argmax()] > 0


def test_a16_repeated_eigenvalues_and_zero_maps_are_defined(isa) -> None:
    value, vector = _core.leading_pair(np.eye(12, dtype=np.int8) * 3)
    assert value == 9 * 256
    assert vector.tolist() == [2**30] + [0] * 11
    value, vector = _core.leading_pair(np.zeros((5, 12), np.int8))
    assert value == 0
    assert not vector.any()


def test_the_largest_maps_do_not_overflow(isa) -> None:
    extreme = np.full((1024, 1024), -128, np.int8)
    value, vector = _core.leading_pair(extreme)
    assert value == 256 * 1024 * 1024 * 2**14
    assert (vector == 2**25).all()
    assert _core.rank(extreme) == 1


@pytest.mark.parametrize(
    ("kernel", "dtype"),
    [
        *((kernel, np.uint8) for kernel in (_core.block, _core.spectrum, _core.block_means)),
        *((kernel, np.int8) for kernel in (_core.row_sums, _core.norms, _core.rank, _core.leading_pair)),
        (lambda maps: _core.window_cosine(maps, maps), np.uint8),
        (lambda maps: _core.channel_cosine(maps[..., None], maps[..., None]), np.uint8),
        (lambda maps: _core.channel_cosine(maps[..., None], maps[..., None]), np.float32),
        (lambda maps: _core.gray(maps, "gray"), np.uint8),
        (lambda maps: _core.area_mean(maps, "gray", 8, 8), np.uint8),
    ],
)
def test_a10_sides_beyond_the_limit_are_refused_before_anything_is_copied(kernel, dtype) -> None:
    with pytest.raises(ValueError, match="Each side"):
        kernel(np.broadcast_to(np.zeros((1, 1), dtype), (1 << 20, 1 << 20)))


@pytest.mark.parametrize("kernel", [_core.rank, _core.leading_pair])
def test_a10_bad_maps_are_refused(kernel) -> None:
    with pytest.raises(ValueError, match="between 1 and 1024"):
        kernel(np.zeros((1025, 4), np.int8))
    with pytest.raises(TypeError):
        kernel(np.zeros((4, 4), np.int32))
    with pytest.raises(ValueError, match="two dimensions"):
        kernel(np.zeros(4, np.int8))
