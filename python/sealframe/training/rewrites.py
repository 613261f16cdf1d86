"""Exact rewrites of the trained layers into what the integer graph runs; NumPy only, any dtype.

Kernels keep PyTorch's axis orders: a transposed convolution is (ci, co, 5, 5), a convolution (co, ci, kh, kw).
Row y of a SAME transposed convolution with stride 2 collects input row i through tap k where y = 2 i + k - 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 4
SIDE = 2
"""Phases along one side: even and odd rows of what a stride 2 transposed convolution draws."""


def unit_stride_as_convolution(kernel: "NDArray[Any]") -> "NDArray[Any]":
    """A transposed convolution with stride 1, SAME, is the convolution with the flipped kernel, pads 2."""
    return np.ascontiguousarray(kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])


@dataclass(frozen=True)
class Phase:
    """One phase of a stride 2 transposed convolution: an ordinary convolution on the small map.

    `pads` are (top, left, bottom, right) zeros; `kernel` is (co, ci, 2 or 3, 2 or 3).
    """

    row: int
    column: int
    kernel: "NDArray[Any]"
    pads: tuple[int, int, int, int]


_TAPS = ((3, 1), (4, 2, 0))
"""Taps of the even and of the odd phase, in the order of the input rows that they meet."""
_PADS = ((1, 0), (1, 1))
"""Zeros before and behind, per phase."""


def stride_two_as_phases(kernel: "NDArray[Any]") -> list[Phase]:
    """A stride 2 transposed convolution is four convolutions, one per phase, row phase first."""
    phases = []
    for row in range(SIDE):
        for column in range(SIDE):
            taps = kernel[:, :, _TAPS[row]][:, :, :, _TAPS[column]]
            (top, bottom), (left, right) = _PADS[row], _PADS[column]
            phase_kernel = np.ascontiguousarray(taps.transpose(1, 0, 2, 3))
            phases.append(Phase(row, column, phase_kernel, (top, left, bottom, right)))
    return phases


def phases_to_blocks(kernel: "NDArray[Any]") -> "NDArray[Any]":
    """The last layer, straight from the four phases to blocks of 4x4 pixels, as one 3x3 convolution with pads 1.

    `kernel` (ci, 1, 5, 5) of a stride 2 transposed convolution becomes (16, 4 ci, 3, 3): input channels are the phases
    of the map before it, phase after phase; output channel 4 r + c is pixel (r, c) of a block.
    """
    channels = kernel.shape[0]
    blocks = np.zeros((BLOCK, BLOCK, SIDE, SIDE, channels, 3, 3), kernel.dtype)
    for r, c, ky, kx in np.ndindex(BLOCK, BLOCK, 5, 5):
        if (r + 1 - ky) % 2 or (c + 1 - kx) % 2:
            continue
        row_offset, row_phase = divmod((r + 1 - ky) // 2, SIDE)
        column_offset, column_phase = divmod((c + 1 - kx) // 2, SIDE)
        blocks[r, c, row_phase, column_phase, :, row_offset + 1, column_offset + 1] = kernel[:, 0, ky, kx]
    return blocks.reshape(BLOCK * BLOCK, SIDE * SIDE * channels, 3, 3)


def blocks_to_phases(kernel: "NDArray[Any]") -> "NDArray[Any]":
    """A first convolution 5x5 stride 2, SAME, on blocks of 4x4 pixels, as one 3x3 convolution with pads 1.

    `kernel` (co, 1, 5, 5) becomes (4 co, 16, 3, 3): output channels are the four phases, phase after phase.
    """
    channels = kernel.shape[0]
    blocks = np.zeros((SIDE, SIDE, channels, BLOCK, BLOCK, 3, 3), kernel.dtype)
    for row, column, ky, kx in np.ndindex(SIDE, SIDE, 5, 5):
        row_offset, r = divmod(SIDE * row + ky - 1, BLOCK)
        column_offset, c = divmod(SIDE * column + kx - 1, BLOCK)
        blocks[row, column, :, r, c, row_offset + 1, column_offset + 1] = kernel[:, 0, ky, kx]
    return blocks.reshape(SIDE * SIDE * channels, BLOCK * BLOCK, 3, 3)


def phases_to_maps(kernel: "NDArray[Any]") -> "NDArray[Any]":
    """A second convolution 5x5 stride 2, SAME, on four phases, as one 3x3 convolution with stride 1 and pads 1.

    `kernel` (co, ci, 5, 5) becomes (co, 4 ci, 3, 3).
    """
    outputs, channels = kernel.shape[:2]
    phases = np.zeros((outputs, SIDE, SIDE, channels, 3, 3), kernel.dtype)
    for ky, kx in np.ndindex(5, 5):
        row_offset, row = divmod(ky - 1, SIDE)
        column_offset, column = divmod(kx - 1, SIDE)
        phases[:, row, column, :, row_offset + 1, column_offset + 1] = kernel[:, :, ky, kx]
    return phases.reshape(outputs, SIDE * SIDE * channels, 3, 3)
