"""Each rewrite is exact: on integers the rewritten layer equals the layer as it is defined, to the last digit.

Covers M7, M9, M12, M13.
"""

import numpy as np
import pytest

from sealframe.training import rewrites

RNG = np.random.default_rng(20261123)


def integers(*shape):
    return RNG.integers(-63, 64, shape)


def convolution(maps, kernel, pads, stride=1):
    """Convolve maps (ci, h, w) with kernel (co, ci, kh, kw), by the definition."""
    top, left, bottom, right = pads
    padded = np.pad(maps, ((0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], (1, 2))[:, ::stride, ::stride]
    return np.einsum("cyxhw,ochw->oyx", windows, kernel)


def transposed(maps, kernel, stride, pads):
    """Spread maps (ci, h, w) through kernel (ci, co, k, k) and cut `pads` rows before and behind, by the definition."""
    _, height, width = maps.shape
    size = kernel.shape[2]
    drawn = np.zeros((kernel.shape[1], stride * (height - 1) + size, stride * (width - 1) + size), np.int64)
    for y, x in np.ndindex(height, width):
        part = np.einsum("c,cohw->ohw", maps[:, y, x], kernel)
        drawn[:, stride * y : stride * y + size, stride * x : stride * x + size] += part
    before, behind = pads
    return drawn[:, before : drawn.shape[1] - behind, before : drawn.shape[2] - behind]


TRANSPOSED_PADS = {5: (1, 2), 3: (0, 1)}
CONVOLUTION_PADS = {5: (1, 1, 2, 2), 3: (0, 0, 1, 1)}


def phases(maps):
    """Split (c, 2h, 2w) into its four phases (4c, h, w), phase after phase."""
    return np.concatenate([maps[:, row::2, column::2] for row in range(2) for column in range(2)])


def patches(maps):
    """Split (1, 4h, 4w) into patches (16, h, w), pixel (r, c) in channel 4 r + c."""
    return np.stack([maps[0, r::4, c::4] for r in range(4) for c in range(4)])


def test_m12_unit_stride_transposed_convolution_is_a_convolution():
    maps, kernel = integers(3, 8, 8), integers(3, 4, 5, 5)
    rewritten = convolution(maps, rewrites.unit_stride_as_convolution(kernel), (2, 2, 2, 2))
    assert np.array_equal(rewritten, transposed(maps, kernel, 1, (2, 2)))


@pytest.mark.parametrize("size", [3, 5])
def test_m7_m12_stride_two_transposed_convolution_is_four_convolutions(size):
    maps, kernel = integers(3, 8, 8), integers(3, 4, size, size)
    expected = transposed(maps, kernel, 2, TRANSPOSED_PADS[size])
    for phase in rewrites.stride_two_as_phases(kernel):
        drawn = convolution(maps, phase.kernel, phase.pads)
        assert np.array_equal(drawn, expected[:, phase.row :: 2, phase.column :: 2])


def test_m12_last_layer_draws_patches_block_by_block():
    maps, kernel = integers(5, 16, 16), integers(5, 1, 5, 5)
    expected = transposed(maps, kernel, 2, TRANSPOSED_PADS[5])
    drawn = convolution(maps, rewrites.transposed_to_patches(kernel), (1, 1, 1, 1), stride=2)
    by_block = [4 * (2 * a + r) + 2 * b + c for a, b, r, c in np.ndindex(2, 2, 2, 2)]
    assert np.array_equal(drawn, patches(expected)[by_block])


def test_m12_places_lead_from_patches_to_blocks():
    tile = integers(1, 32, 32)
    blocks = tile.reshape(16, 2, 16, 2).swapaxes(1, 2)
    assert np.array_equal(patches(tile).transpose(1, 2, 0).ravel()[rewrites.PLACES], blocks.ravel())


@pytest.mark.parametrize("size", [3, 5])
def test_m9_m13_first_convolution_reads_patches(size):
    tile, kernel = integers(1, 32, 32), integers(6, 1, size, size)
    expected = convolution(tile, kernel, CONVOLUTION_PADS[size], stride=2)
    found = convolution(patches(tile), rewrites.patches_to_phases(kernel), rewrites.pads_on_patches(size))
    assert np.array_equal(found, phases(expected))


@pytest.mark.parametrize("size", [3, 5])
def test_m9_m13_second_convolution_reads_phases(size):
    maps, kernel = integers(4, 16, 16), integers(6, 4, size, size)
    expected = convolution(maps, kernel, CONVOLUTION_PADS[size], stride=2)
    found = convolution(phases(maps), rewrites.phases_to_maps(kernel), rewrites.pads_on_patches(size))
    assert np.array_equal(found, expected)


def test_m7_unit_stride_convolution_draws_patches():
    maps, kernel = integers(4, 32, 32), integers(1, 4, 3, 3)
    expected = convolution(maps, kernel, (1, 1, 1, 1))
    found = convolution(maps, rewrites.convolution_to_patches(kernel), (1, 1, 1, 1), stride=4)
    assert np.array_equal(found, patches(expected))


def test_m12_batch_norm_after_relu_is_a_maximum():
    """leaky(a relu(u) + c) = max(a u + c, c) where a > 0 and c >= 0, so one constant replaces two layers."""
    u = integers(4096).astype(float)
    scale, offset = RNG.integers(1, 9, 4096), RNG.integers(0, 50, 4096)
    normalised = scale * np.maximum(u, 0) + offset
    leaky = np.where(normalised >= 0, normalised, 0.2 * normalised)
    assert np.array_equal(leaky, np.maximum(scale * u + offset, offset))
