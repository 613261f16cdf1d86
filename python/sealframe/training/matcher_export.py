"""The face encoder as integers: directions that tell people apart, weights rounded to 7 bits, graph, manifest entry.

Batch normalisation is folded into the convolutions, the directions into the layer behind them.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from sealframe.faces.template import COMPONENTS, NETWORK
from sealframe.training.export import Shipped, bias_of, rounded_layer, ship, tensor
from sealframe.training.graphs import GraphWriter
from sealframe.training.integers import PIXEL
from sealframe.training.matcher_networks import SIDE

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from sealframe.training.matcher import MatcherRun
    from sealframe.training.matcher_networks import ConvolutionLayer, FaceEncoder

VIEWS = 6
"""Of every person, for the directions."""
MEASURED = 1024
"""Views that the steps of the tensors are measured on."""
_RIDGE = 1e-3
_HIGHEST = 0.9999
"""Part of a tensor's values that its uint8 range holds; the rest saturates."""


def _reach(values: Tensor) -> float:
    """Return the value that all but one in ten thousand stay below."""
    flat = values.abs().flatten()
    return float(flat.kthvalue(max(1, round(_HIGHEST * len(flat)))).values)


def folded(layer: ConvolutionLayer) -> tuple[Tensor, Tensor]:
    """Return kernel and bias that do in one step what convolution and batch normalisation do in two."""
    normalise = layer.normalise
    if normalise.running_mean is None or normalise.running_var is None:
        raise ValueError("this batch normalisation keeps no statistics")
    scale = normalise.weight / torch.sqrt(normalise.running_var + normalise.eps)
    kernel = layer.kernel.weight * scale[:, None, None, None]
    return kernel.contiguous(), normalise.bias - normalise.running_mean * scale


def discriminant(vectors: Tensor) -> Tensor:
    """Return directions (COMPONENTS, d) that tell people apart, from vectors (views, people, d) of theirs.

    Linear discriminants (Fisher 1936, Rao 1948): along every one, views of one person differ by one unit, and the
    first are those along which people differ most. Cosines of what is left count no direction more than it tells.
    """
    vectors = vectors.double()
    count, people, size = vectors.shape
    centres = vectors.mean(0)
    apart = (vectors - centres).reshape(-1, size)
    within = apart.T @ apart / max(1, (count - 1) * people)
    within += _RIDGE * within.trace() / size * torch.eye(size, dtype=torch.float64)
    between = torch.cov(centres.T) - within / count
    root = torch.linalg.cholesky(within)
    whitened = torch.linalg.solve_triangular(root, between, upper=False)
    whitened = torch.linalg.solve_triangular(root, whitened.T, upper=False)
    _, directions = torch.linalg.eigh((whitened + whitened.T) / 2)
    widest_first = directions.flip(1)[:, :COMPONENTS]
    back: Tensor = torch.linalg.solve_triangular(root.T, widest_first, upper=True)
    return back.T.float()


@torch.no_grad()
def face_encoder_model(encoder: FaceEncoder, views: Tensor, directions: Tensor) -> Shipped:
    """Round a trained encoder; steps of the tensors follow from `views` (n, 1, 64, 64).

    `directions` (COMPONENTS, 128): what is kept of the trained vector.
    """
    encoder.eval()
    graph = GraphWriter()
    name, quantum = "image", PIXEL
    for index, (layer, maps) in enumerate(zip(encoder.convolutions(), encoder.maps(views), strict=True)):
        weights, steps, bias = rounded_layer(*folded(layer), quantum[0])
        quanta = quantum, (_reach(maps) / 255, 0)
        name = graph.convolution(f"convolution{index}", name, quanta, weights, steps, layer.pads, bias, layer.stride)
        quantum = quanta[1]
    head = encoder.head
    kept = (directions @ head.weight).contiguous()
    weights, steps, bias = rounded_layer(kept, directions @ bias_of(head), quantum[0])
    out = (_reach(encoder(views) @ directions.T) / 127, 128)
    rows = graph.reshape("rows", name, (-1, head.in_features))
    graph.dense("vector", rows, (quantum, out), weights.T, steps, bias)
    content = graph.model(NETWORK, {"image": (SIDE, SIDE, 1)}, {"vector": (COMPONENTS,)})
    inputs = {"image": tensor((SIDE, SIDE, 1), "window around a face, standardised", PIXEL)}
    return Shipped(
        {f"{NETWORK}.onnx": content}, inputs, {"vector": tensor((COMPONENTS,), "what the face is compared by", out)}
    )


@torch.no_grad()
def directions_of(run: MatcherRun) -> Tensor:
    """Return the discriminants (COMPONENTS, 128) of views of the run's own people; seeded by its recipe."""
    torch.manual_seed(run.recipe.seed)
    run.averaged.eval()
    everybody = torch.arange(len(run.people))
    return discriminant(torch.stack([run.averaged(run.views(everybody)) for _ in range(VIEWS)]))


@torch.no_grad()
def export_matcher(run: MatcherRun, out: Path) -> None:
    """Export the averaged encoder of a finished run, measured on views of its own people; deterministic."""
    directions = directions_of(run)
    chosen = torch.randint(len(run.people), (MEASURED,))
    network = face_encoder_model(run.averaged, run.views(chosen), directions)
    ship({NETWORK: network}, asdict(run.recipe) | {"people_seen": len(run.people), "steps_taken": run.step}, out)
