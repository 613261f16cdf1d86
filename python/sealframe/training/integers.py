"""The trained networks as integers: int8 weights with their steps, and the graphs made of them.

Step sizes are real values of one integer step. A layer's sums are integers; multiplied by input step, weight step and
one over the output step, and rounded, they are the next tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sealframe.training.frames import TILE
from sealframe.training.graphs import GraphWriter
from sealframe.training.rewrites import PATCH, SIDE, stride_two_as_phases, transposed_to_patches

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 8
PIXEL = (1 / 128, 128)
"""Step and zero point of gray pixels: uint8 p stands for (p - 128) / 128."""
SIGMOID_OUT = (1 / 256, 0)
"""tanh(x) = 2 sigmoid(2 x) - 1, so the pixel 128 + 128 tanh(x) is 256 sigmoid(2 x)."""
TIE_MARGIN = 1e-3


@dataclass(frozen=True)
class IntegerDense:
    """Fully connected layer: weights (outputs, inputs), one step per output, bias in sums."""

    weight: NDArray[np.int8]
    steps: NDArray[np.float32]
    bias: NDArray[np.int32]


@dataclass(frozen=True)
class IntegerKernel:
    """Convolution: weights (co, ci, kh, kw), one step per output channel, optional bias in sums."""

    weight: NDArray[np.int8]
    steps: NDArray[np.float32]
    bias: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class IntegerGenerator:
    """The generator: `spread` is a flipped kernel, `grow` and `draw` are still transposed kernels.

    `grow` and `draw` have one step per output channel and phase, as (co, 2, 2). `floor` is the least value of each
    latent unit, what batch normalisation makes of zero.
    """

    dense: IntegerDense
    floor: NDArray[np.uint8]
    latent_step: float
    spread: IntegerKernel
    spread_step: float
    grow: NDArray[np.int8]
    grow_steps: NDArray[np.float32]
    grow_step: float
    draw: NDArray[np.int8]
    draw_steps: NDArray[np.float32]
    draw_step: float


@dataclass(frozen=True)
class IntegerDiscriminator:
    """The discriminator on blocks of 2x2 pixels: `first` 3x3, 4 -> 64; `second` 5x5 stride 2, -> 128; the verdict."""

    first: IntegerKernel
    first_step: float
    second: IntegerKernel
    second_step: float
    verdict: IntegerDense
    verdict_step: float


def sigmoid_table(step: float, zero: int = 128) -> NDArray[np.float64]:
    """Return 256 sigmoid(x) for each uint8 that stands for x in multiples of `step`, not yet rounded."""
    x = (np.arange(256) - zero) * float(np.float32(step))
    return np.asarray(256 / (1 + np.exp(-x)))


def tie_distance(table: NDArray[np.float64]) -> float:
    """Return how far the table's entries stay from halves, where rounding could go either way."""
    return float(np.abs(table % 1 - 0.5).min())


def step_without_ties(step: float) -> float:
    """Return the closest step, in thousandths of it, whose sigmoid table keeps clear of rounding ties."""
    for nudge in sorted(np.arange(-50, 51) / 1000, key=abs):
        nudged = float(np.float32(step * (1 + nudge)))
        if tie_distance(sigmoid_table(nudged)) >= TIE_MARGIN:
            return nudged
    raise ValueError(f"no step near {step} keeps the sigmoid table clear of ties")


def write_generator(graph: GraphWriter, network: IntegerGenerator, derived: str) -> None:
    """Add the generator from `image` to the tensor `derived`, both uint8 (n, 16, 16, 4)."""
    latent, spread = (network.latent_step, 0), (network.spread_step, 0)
    grow, draw = (network.grow_step, 0), (network.draw_step, 128)

    flat = graph.reshape("tiles", "image", (-1, TILE * TILE))
    dense = network.dense
    graph.dense("dense", flat, (PIXEL, latent), dense.weight.T, dense.steps, dense.bias)
    graph.add("Max", ["dense", graph.constant("floor", network.floor)], ["normalised"])
    maps = graph.reshape("latent", "normalised", (-1, GRID, GRID, network.spread.weight.shape[1]))
    kernel = network.spread
    maps = graph.convolution("spread", maps, (latent, spread), kernel.weight, kernel.steps, (2, 2, 2, 2))
    phases = [
        graph.convolution(
            f"grow{phase.row}{phase.column}",
            maps,
            (spread, grow),
            phase.kernel,
            network.grow_steps[:, phase.row, phase.column],
            phase.pads,
        )
        for phase in stride_two_as_phases(network.grow)
    ]
    maps = graph.interleave("grow", phases, GRID, network.grow.shape[1])
    steps = np.tile(network.draw_steps.ravel(), PATCH * PATCH // (SIDE * SIDE))
    graph.convolution("draw", maps, (grow, draw), transposed_to_patches(network.draw), steps, (1, 1, 1, 1), stride=2)
    patches = graph.sigmoid("patches", "draw", ((2 * network.draw_step, 128), SIGMOID_OUT))
    graph.rows_of_blocks(derived, patches, GRID, SIDE * SIDE)


def write_discriminator(graph: GraphWriter, network: IntegerDiscriminator, derived: str) -> None:
    """Add the discriminator, run once on `image` and `derived` together: `features` and `verdict`, images first."""
    first, second = (network.first_step, 0), (network.second_step, 0)
    both = graph.add("Concat", ["image", derived], ["both"], axis=0)
    kernel = network.first
    maps = graph.convolution("first", both, (PIXEL, first), kernel.weight, kernel.steps, (1, 1, 1, 1), kernel.bias)
    kernel = network.second
    pads = (1, 1, 2, 2)
    graph.convolution("features", maps, (first, second), kernel.weight, kernel.steps, pads, kernel.bias, stride=2)
    flat = graph.reshape("flat", "features", (-1, GRID * GRID * 128))
    verdict = network.verdict
    quanta = (second, (network.verdict_step, 128))
    graph.dense("verdict", flat, quanta, verdict.weight.T, verdict.steps, verdict.bias)


_TILES = (TILE // SIDE, TILE // SIDE, SIDE * SIDE)


def generator_model(network: IntegerGenerator) -> bytes:
    """Serialise the generator alone: `image` to `derived`."""
    graph = GraphWriter()
    write_generator(graph, network, "derived")
    return graph.model("generator", {"image": _TILES}, {"derived": _TILES})


def discriminator_model(judge: IntegerDiscriminator) -> bytes:
    """Serialise the discriminator as what follows a generator's bytes."""
    graph = GraphWriter()
    write_discriminator(graph, judge, "derived")
    return graph.continuation({"features": (GRID, GRID, 128), "verdict": (1,)})
