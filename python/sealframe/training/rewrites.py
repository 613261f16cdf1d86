"""Exact rewrites of the trained layers into what the integer graph runs; NumPy only, any dtype.

Kernels keep PyTorch's axis orders: a transposed convolution is (ci, co, 5, 5), a convolution (co, ci, kh, kw).
Row y of a SAME transposed convolution with stride 2 collects input row i through tap k where y = 2 i + k - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PATCH = 4
"""Side of the patches of pixels that some layers draw or read as channels."""
PLACES = np.arange(1024).reshape(8, 8, 2, 2, 2, 2).transpose(0, 2, 1, 4, 3, 5).ravel()
"""Where the values of a tile in blocks of 2x2, (16, 16, 4), stand in its patches of 4x4, (8, 8, 16)."""
SIDE = 2
"""Phases along one side: even and odd rows of what a stride 2 transposed convolution draws."""


def unit_stride_as_convolution(kernel: NDArray[Any]) -> NDArray[Any]:
    """A transposed convolution with stride 1, SAME, is the convolution with the flipped kernel, pads 2."""
    return np.ascontiguousarray(kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


@dataclass(frozen=True)
class Phase:
    """One phase of a stride 2 transposed convolution: an ordinary convolution on the small map.

    `pads` are (top, left, bottom, right) zeros; `kernel` is (co, ci, 2 or 3, 2 or 3).
    """

    row: int
    column: int
    kernel: NDArray[Any]
    pads: tuple[int, int, int, int]


_TAPS = {5: ((3, 1), (4, 2, 0)), 3: ((2, 0), (1,))}
"""By kernel size, taps of the even and of the odd phase, in the order of the input rows that they meet."""
_PADS = {5: ((1, 0), (1, 1)), 3: ((1, 0), (0, 0))}
"""By kernel size, zeros before and behind, per phase."""


def stride_two_as_phases(kernel: NDArray[Any]) -> list[Phase]:
    """A stride 2 transposed convolution 5x5 or 3x3 is four convolutions, one per phase, row phase first."""
    taps, pads = _TAPS[kernel.shape[2]], _PADS[kernel.shape[2]]
    phases = []
    for row in range(SIDE):
        for column in range(SIDE):
            chosen = kernel[:, :, taps[row]][:, :, :, taps[column]]
            (top, bottom), (left, right) = pads[row], pads[column]
            phase_kernel = np.ascontiguousarray(chosen.transpose(1, 0, 2, 3))
            phases.append(Phase(row, column, phase_kernel, (top, left, bottom, right)))
    return phases


def phases_as_kernel(phases: Sequence[Phase], size: int) -> NDArray[Any]:
    """Undo `stride_two_as_phases`: the transposed kernel (ci, co, size, size) of its four phases."""
    outputs, inputs = phases[0].kernel.shape[:2]
    kernel = np.empty((inputs, outputs, size, size), phases[0].kernel.dtype)
    taps = _TAPS[size]
    for phase in phases:
        for at_row, row in enumerate(taps[phase.row]):
            for at_column, column in enumerate(taps[phase.column]):
                kernel[:, :, row, column] = phase.kernel[:, :, at_row, at_column].T
    return kernel


def transposed_to_patches(kernel: NDArray[Any]) -> NDArray[Any]:
    """A transposed convolution 5x5 with stride 2, SAME, straight to patches of 4x4 pixels, as one convolution.

    `kernel` (ci, 1, 5, 5) becomes (16, ci, 4, 4), with stride 2 and pads 1. Output channels are the patch's blocks of
    2x2 pixels, row by row: channel 8 a + 4 b + 2 r + c is pixel (2 a + r, 2 b + c).
    """
    channels = kernel.shape[0]
    patches = np.zeros((PATCH, PATCH, channels, 4, 4), kernel.dtype)
    for r, c, ky, kx in np.ndindex(PATCH, PATCH, 5, 5):
        (row, between), (column, beside) = divmod(r + 1 - ky, SIDE), divmod(c + 1 - kx, SIDE)
        if not between and not beside:
            patches[r, c, :, row + 1, column + 1] = kernel[:, 0, ky, kx]
    blocks = patches.reshape(SIDE, SIDE, SIDE, SIDE, channels, 4, 4).swapaxes(1, 2)
    return blocks.reshape(PATCH * PATCH, channels, 4, 4)


_BEFORE = {5: 1, 3: 0}
"""By kernel size, rows of zeros that a SAME convolution with stride 2 puts in front; one more comes behind."""


def pads_on_patches(size: int) -> tuple[int, int, int, int]:
    """Pads of the rewritten stride 2 convolutions below: all around for 5x5, behind alone for 3x3."""
    return _BEFORE[size], _BEFORE[size], 1, 1


def patches_to_phases(kernel: NDArray[Any]) -> NDArray[Any]:
    """A first convolution with stride 2, SAME, on patches of 4x4 pixels, as one convolution with stride 1.

    `kernel` (co, 1, k, k) becomes (4 co, 16, 3, 3) for k = 5, (4 co, 16, 2, 2) for k = 3: output channels are the four
    phases, phase after phase. Pads: `pads_on_patches`.
    """
    channels, _, size, _ = kernel.shape
    before = _BEFORE[size]
    taps = before + 2
    patches = np.zeros((SIDE, SIDE, channels, PATCH, PATCH, taps, taps), kernel.dtype)
    for row, column, ky, kx in np.ndindex(SIDE, SIDE, size, size):
        row_offset, r = divmod(SIDE * row + ky - before, PATCH)
        column_offset, c = divmod(SIDE * column + kx - before, PATCH)
        patches[row, column, :, r, c, row_offset + before, column_offset + before] = kernel[:, 0, ky, kx]
    return patches.reshape(SIDE * SIDE * channels, PATCH * PATCH, taps, taps)


def phases_to_maps(kernel: NDArray[Any]) -> NDArray[Any]:
    """A second convolution with stride 2, SAME, on four phases, as one convolution with stride 1.

    `kernel` (co, ci, k, k) becomes (co, 4 ci, 3, 3) for k = 5, (co, 4 ci, 2, 2) for k = 3. Pads: `pads_on_patches`.
    """
    outputs, channels, size, _ = kernel.shape
    before = _BEFORE[size]
    taps = before + 2
    phases = np.zeros((outputs, SIDE, SIDE, channels, taps, taps), kernel.dtype)
    for ky, kx in np.ndindex(size, size):
        row_offset, row = divmod(ky - before, SIDE)
        column_offset, column = divmod(kx - before, SIDE)
        phases[:, row, column, :, row_offset + before, column_offset + before] = kernel[:, :, ky, kx]
    return phases.reshape(outputs, SIDE * SIDE * channels, taps, taps)


def convolution_to_patches(kernel: NDArray[Any]) -> NDArray[Any]:
    """A convolution 3x3 with stride 1, SAME, straight to patches of 4x4 pixels.

    `kernel` (1, ci, 3, 3) becomes (16, ci, 6, 6), with stride 4 and pads 1: output channel 4 r + c is pixel (r, c).
    """
    channels = kernel.shape[1]
    patches = np.zeros((PATCH, PATCH, channels, PATCH + 2, PATCH + 2), kernel.dtype)
    for r, c in np.ndindex(PATCH, PATCH):
        patches[r, c, :, r : r + 3, c : c + 3] = kernel[0]
    return patches.reshape(PATCH * PATCH, channels, PATCH + 2, PATCH + 2)
