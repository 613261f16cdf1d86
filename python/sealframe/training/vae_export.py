"""The VAE networks as integers: rounding after training, graphs, and their entries in the manifest.

The posterior is two uint8 maps, mean and log-variance; the latent that goes into the likelihood net has
the mean's step and zero point, so that sampling is one integer addition. Log-variance and logits come as table indices.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch

from sealframe.training.export import Shipped, bias_of, bias_sums, round_weights, rounded_layer, ship, tensor
from sealframe.training.graphs import GraphWriter
from sealframe.training.integers import SIGMOID_OUT, step_without_ties
from sealframe.training.rewrites import (
    PLACES,
    convolution_to_patches,
    pads_on_patches,
    patches_to_phases,
    phases_to_maps,
    stride_two_as_phases,
)
from sealframe.training.rounding import weight_steps
from sealframe.training.vae import QUANTA, SOURCES, latent_information
from sealframe.training.vae_networks import (
    BASE,
    HIGHEST_LOG_VARIANCE,
    LOWEST_LOG_VARIANCE,
    LikelihoodNet,
    PosteriorNet,
    sample,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from sealframe.training.vae import VaeRun

ALL = slice(None)
LATENT = (1 / 32, 128)
"""Step and zero point of mean and sampled latent, -4 to 3.97: of unseen payment codes 8 means in 100,000 end there."""
LARGEST_LOGIT = math.log(511)
"""Its chance is half a 256th away from certain; steps for more would be steps lost where nothing is certain."""
LOG_VARIANCE = ((HIGHEST_LOG_VARIANCE - LOWEST_LOG_VARIANCE) / 240, 200)
"""Step and zero point of the log-variance: -10 to 2.75."""


def _dense(
    graph: GraphWriter,
    name: str,
    source: str,
    layer: nn.Linear,
    quanta: tuple[tuple[float, int], ...],
    places: NDArray[np.intp] | slice = ALL,
) -> str:
    """Add a fully connected layer; output n is the layer's output `places[n]`."""
    into, out = quanta
    weights, steps, bias = rounded_layer(layer.weight, bias_of(layer), into[0])
    return graph.dense(name, source, (into, out), weights[places].T, steps[places], bias[places])


def _grow(
    graph: GraphWriter,
    name: str,
    source: str,
    layer: nn.ConvTranspose2d,
    quanta: tuple[tuple[float, int], ...],
    side: int,
) -> str:
    """Add a transposed convolution with stride 2 on maps of this side."""
    into, out = quanta
    steps = weight_steps(layer.weight, (0, 2, 3))
    flat = steps.flatten().numpy()
    bias = bias_sums(bias_of(layer), into[0], flat)
    phases = [
        graph.convolution(f"{name}{phase.row}{phase.column}", source, (into, out), phase.kernel, flat, phase.pads, bias)
        for phase in stride_two_as_phases(round_weights(layer.weight, steps))
    ]
    return graph.interleave(name, phases, side, layer.out_channels)


def _reach(maps: Tensor) -> float:
    """Step with which uint8 covers what non-negative maps reach."""
    return float(maps.max()) / 255


_BLOCKS = "tile[i, j, 2 r + c] is the value at pixel (2 i + r, 2 j + c)"
_PATCHES = "tile[i, j, 4 r + c] is the value at pixel (4 i + r, 4 j + c)"
MEANINGS = {
    "features": f"binary pixels, 0 or 1; {_BLOCKS}",
    "spectrum": "coefficients of the binary pixels' 32x32 cosine transform, row by row",
}
"""What the posterior net reads, by the name of its input."""
SHAPES = {"features": (16, 16, 4), "spectrum": (32, 32)}


@torch.no_grad()
def posterior_model(network: PosteriorNet, information: Tensor, source: str) -> bytes:
    """Serialise the posterior net: `source`, what it reads, to `mean` and `log_variance`."""
    graph = GraphWriter()
    quanta = [QUANTA[source], *((_reach(maps), 0) for maps in network.maps(information))]
    flat = graph.reshape("pixels", source, (-1, 1024))
    _dense(graph, "dense", flat, network.dense, (quanta[0], quanta[1]))
    maps = graph.reshape("base", "dense", (-1, BASE, BASE, network.grow1.in_channels))
    for number, layer in enumerate((network.grow1, network.grow2, network.grow3)):
        maps = _grow(graph, f"grow{number + 1}", maps, layer, (quanta[number + 1], quanta[number + 2]), BASE << number)
    for name, head, out in (("mean", network.mean, LATENT), ("log_variance", network.log_variance, LOG_VARIANCE)):
        weights, steps, bias = rounded_layer(head.weight, bias_of(head), quanta[-1][0])
        patches, steps, bias = convolution_to_patches(weights), np.repeat(steps, 16), np.repeat(bias, 16)
        graph.convolution(name, maps, (quanta[-1], out), patches, steps, (1, 1, 1, 1), bias, stride=4)
    return graph.model("posterior", {source: SHAPES[source]}, {"mean": (8, 8, 16), "log_variance": (8, 8, 16)})


@torch.no_grad()
def likelihood_model(network: LikelihoodNet, latent: Tensor) -> bytes:
    """Serialise the likelihood net: `latent` (n, 8, 8, 16) to `probability`, 256ths of p(pixel = 1)."""
    graph = GraphWriter()
    inner = network.maps(latent)
    first, second, third = ((_reach(maps), 0) for maps in inner)
    reached = float(network(latent).abs().quantile(0.999))
    logits = (step_without_ties(min(reached, LARGEST_LOGIT) / 127), 128)
    for name, source, layer, quanta, rewrite in (
        ("shrink1", "latent", network.shrink1, (LATENT, first), patches_to_phases),
        ("shrink2", "shrink1", network.shrink2, (first, second), phases_to_maps),
    ):
        kernel, steps, bias = rounded_layer(layer.weight, bias_of(layer), quanta[0][0])
        weights = rewrite(kernel)
        copies = len(weights) // len(kernel)
        steps, bias = np.tile(steps, copies), np.tile(bias, copies)
        graph.convolution(name, source, quanta, weights, steps, pads_on_patches(layer.kernel_size[0]), bias)
    weights, steps, bias = rounded_layer(network.shrink3.weight, bias_of(network.shrink3), second[0])
    graph.convolution("shrink3", "shrink2", (second, third), weights, steps, (0, 0, 1, 1), bias, stride=2)
    flat = graph.reshape("flat", "shrink3", (-1, BASE * BASE * 64))
    _dense(graph, "logits", flat, network.dense, (third, logits), PLACES)
    graph.sigmoid("chances", "logits", ((logits[0], 128), SIGMOID_OUT))
    graph.reshape("probability", "chances", (-1, 16, 16, 4))
    return graph.model("likelihood", {"latent": (8, 8, 16)}, {"probability": (16, 16, 4)})


@torch.no_grad()
def export_vae(run: VaeRun, out: Path) -> None:
    """Round and export what a finished run has learnt, measured on its own first tiles."""
    tiles, _ = run.pairs.batch(0, 1024)
    source = SOURCES[run.recipe.features]
    information = latent_information(tiles, source)
    posterior, likelihood = run.averaged
    if not (isinstance(posterior, PosteriorNet) and isinstance(likelihood, LikelihoodNet)):
        raise TypeError("the run holds other networks")
    torch.manual_seed(run.recipe.seed)
    latent = sample(*posterior(information))
    networks = {
        "posterior": Shipped(
            {"posterior.onnx": posterior_model(posterior, information, source)},
            {source: tensor(SHAPES[source], MEANINGS[source], QUANTA[source])},
            {
                "mean": tensor((8, 8, 16), _PATCHES, LATENT),
                "log_variance": tensor((8, 8, 16), _PATCHES, LOG_VARIANCE),
            },
        ),
        "likelihood": Shipped(
            {"likelihood.onnx": likelihood_model(likelihood, latent)},
            {"latent": tensor((8, 8, 16), _PATCHES, LATENT)},
            {"probability": tensor((16, 16, 4), f"chance that the pixel is 1; {_BLOCKS}", SIGMOID_OUT)},
        ),
    }
    ship(networks, asdict(run.recipe) | {"steps_taken": run.step}, out)
