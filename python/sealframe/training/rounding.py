"""Round weights one input at a time and let the weights that are still free make up for each rounding.

Plain rounding to 7 bits adds errors that inputs with common parts (brightness, constants) sum up; here every layer's
outputs on sample inputs stay as close as they can. After Frantar et al., "GPTQ: Accurate Post-Training Quantization for
Generative Pre-trained Transformers" (2022), in fixed order, with the layer's inputs, rounded so far, as samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from sealframe.training.integers import PIXEL, IntegerDense, IntegerGenerator, IntegerKernel, step_without_ties
from sealframe.training.networks import GRID, Generator, tiles_to_patches
from sealframe.training.ranges import GeneratorSteps, RangedGenerator
from sealframe.training.rewrites import PLACES, phases_as_kernel, stride_two_as_phases, unit_stride_as_convolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

LARGEST_WEIGHT = 63
"""Two products of a uint8 and a weight add up within int16 when no weight is larger: 2 * 255 * 63 < 32768."""
DAMPING = 1e-4
SAMPLES = 10000
"""Positions of maps that a convolution is rounded against."""


def weight_steps(weight: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return the step size of each weight group, the groups being what is left after `dims`."""
    return weight.abs().amax(dims, keepdim=True).clamp(min=1e-8) / LARGEST_WEIGHT


def _second_moment(inputs: Tensor) -> Tensor:
    """Return the damped second moment (inputs, inputs) of sample inputs (samples, inputs)."""
    square = inputs.T @ inputs
    return square + DAMPING * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)


def refit(weight: Tensor, exact: Tensor, rounded: Tensor, moment: Tensor) -> Tensor:
    """Fit `weight` (outputs, inputs) to give on `rounded` (samples, inputs) what it gave on `exact` inputs."""
    change = torch.linalg.solve(moment, rounded.T @ ((exact - rounded) @ weight.T))
    fitted: Tensor = weight + change.T
    return fitted


def round_compensated(weight: Tensor, moment: Tensor) -> tuple[Tensor, Tensor]:
    """Round `weight` (outputs, inputs) for inputs of the second moment (inputs, inputs), both float64.

    Returns the weights in steps, within +-63, and one step per output (outputs, 1).
    """
    steps = weight_steps(weight, (1,))
    inverse = torch.linalg.cholesky(torch.linalg.inv(moment), upper=True)
    free, rounded = weight.clone(), torch.empty_like(weight)
    for column in range(weight.shape[1]):
        level = torch.round(free[:, column : column + 1] / steps).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT)
        rounded[:, column : column + 1] = level
        error = (free[:, column : column + 1] - level * steps) / inverse[column, column]
        free[:, column + 1 :] -= error * inverse[column, column + 1 :]
    return rounded, steps


def _round_tensor(values: Tensor, step: float, zero: int = 0) -> Tensor:
    return torch.round(values / step).clamp(-zero, 255 - zero) * step


class _Paths:
    """The same sample tiles on their way through the exact layers and through the rounded ones."""

    def __init__(self, exact: Tensor, rounded: Tensor) -> None:
        self.exact, self.rounded = exact, rounded

    def convolve(self, kernel: NDArray[np.float32], pads: Sequence[int]) -> tuple[NDArray[np.int8], Tensor, _Paths]:
        """Round one convolution; returns weights in steps, steps per output, and where both paths lead."""
        top, left, bottom, right = pads
        margins = (left, right, top, bottom)
        exact, rounded = F.pad(self.exact, margins), F.pad(self.rounded, margins)
        weight = torch.from_numpy(kernel).flatten(1).double()
        wanted, given = _windows(exact, kernel.shape[2:]), _windows(rounded, kernel.shape[2:])
        moment = _second_moment(given)
        levels, steps = round_compensated(refit(weight, wanted, given, moment), moment)
        drawn = (levels * steps).float().reshape(kernel.shape)
        paths = _Paths(F.conv2d(exact, torch.from_numpy(kernel)), F.conv2d(rounded, drawn))
        return levels.reshape(kernel.shape).numpy().astype(np.int8), steps.flatten().float(), paths

    def grow(self, kernel: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32], _Paths]:
        """Round one stride 2 transposed convolution, phase by phase; steps are (co, 2, 2)."""
        count, _, height, width = self.exact.shape
        exact = torch.empty(count, kernel.shape[1], 2 * height, 2 * width)
        rounded = torch.empty_like(exact)
        steps = np.empty((kernel.shape[1], 2, 2), np.float32)
        phases = []
        for phase in stride_two_as_phases(kernel.numpy()):
            levels, phase_steps, paths = self.convolve(phase.kernel, phase.pads)
            phases.append(replace(phase, kernel=levels))
            steps[:, phase.row, phase.column] = phase_steps.numpy()
            exact[:, :, phase.row :: 2, phase.column :: 2] = paths.exact
            rounded[:, :, phase.row :: 2, phase.column :: 2] = paths.rounded
        return phases_as_kernel(phases, kernel.shape[2]), steps, _Paths(exact, rounded)

    def activate(self, step: float) -> _Paths:
        """Pass a relu that saturates at the end of uint8; the rounded path becomes uint8."""
        return _Paths(self.exact.clamp(0, 255 * step), _round_tensor(self.rounded, step))


def _windows(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return evenly chosen windows of padded maps as rows (samples, inputs), float64."""
    windows = F.unfold(maps, tuple(size)).permute(0, 2, 1).flatten(0, 1)
    stride = max(1, len(windows) // SAMPLES) | 1
    return windows[::stride].double()


def _round_dense(
    network: Generator, ranges: GeneratorSteps, tiles: Tensor
) -> tuple[IntegerDense, NDArray[np.uint8], _Paths]:
    """Round the dense layer with batch normalisation folded in; the bias takes up what the inputs' mean leaves over."""
    step = ranges.latent
    scale, offset = network.normalised_affine()
    weight = (network.dense.weight * scale[:, None]).double()
    inputs = tiles_to_patches(tiles).flatten(1).double()
    mean = inputs.mean(0)
    levels, steps = round_compensated(weight, _second_moment(inputs - mean))
    bias = (network.dense.bias * scale + offset).double() + (weight - levels * steps) @ mean
    sums = torch.round(bias / (PIXEL[0] * steps.flatten()))
    floor = _round_tensor(offset, step)
    drawn = (inputs @ levels.T + sums * PIXEL[0]) * steps.T
    rounded = torch.maximum(_round_tensor(drawn, step).float(), floor)
    exact = RangedGenerator(network, ranges).latent(tiles)
    maps = rounded.view(-1, GRID, GRID, network.channels).permute(0, 3, 1, 2)
    weights = levels.numpy()[:, PLACES].astype(np.int8)
    dense = IntegerDense(weights, steps.flatten().float().numpy(), sums.numpy().astype(np.int32))
    return dense, torch.round(floor / step).numpy().astype(np.uint8), _Paths(exact, maps)


@torch.no_grad()
def round_generator(network: Generator, steps: GeneratorSteps, tiles: Tensor) -> IntegerGenerator:
    """Round a trained generator, layer after layer, against what `tiles` (n, 1, 32, 32) make of it.

    The step before tanh moves by at most 5 % to keep its table clear of ties.
    """
    dense, floor, paths = _round_dense(network, steps, tiles)
    flipped = unit_stride_as_convolution(network.spread.numpy())
    spread, spread_steps, paths = paths.convolve(flipped, (2, 2, 2, 2))
    grow, grow_steps, paths = paths.activate(steps.spread).grow(network.grow)
    draw, draw_steps, _ = paths.activate(steps.grow).grow(network.draw)
    return IntegerGenerator(
        dense=dense,
        floor=floor,
        latent_step=steps.latent,
        spread=IntegerKernel(spread, spread_steps.numpy()),
        spread_step=steps.spread,
        grow=grow,
        grow_steps=grow_steps,
        grow_step=steps.grow,
        draw=draw,
        draw_steps=draw_steps[0],
        draw_step=step_without_ties(2 * steps.draw) / 2,
    )
