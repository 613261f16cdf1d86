"""The face encoder as integers: batch normalisation folded, weights rounded to 7 bits, graph, manifest entry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from sealframe.face_template import NETWORK
from sealframe.training.export import Shipped, bias_of, bias_sums, channel_steps, round_weights, ship, tensor
from sealframe.training.graphs import GraphWriter
from sealframe.training.integers import PIXEL
from sealframe.training.matcher_networks import SIDE, TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from sealframe.training.matcher import MatcherRun
    from sealframe.training.matcher_networks import ConvolutionLayer, FaceEncoder

MEASURED = 1024
"""Views that the steps of the tensors are measured on."""
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


@torch.no_grad()
def face_encoder_model(encoder: FaceEncoder, views: Tensor) -> Shipped:
    """Round a trained encoder; steps of the tensors follow from `views` (n, 1, 64, 64)."""
    encoder.eval()
    graph = GraphWriter()
    name, quantum = "image", PIXEL
    for index, (layer, maps) in enumerate(zip(encoder.convolutions(), encoder.maps(views), strict=True)):
        kernel, offset = folded(layer)
        steps = channel_steps(kernel)
        flat = steps.flatten().numpy()
        reached = (_reach(maps) / 255, 0)
        name = graph.convolution(
            f"convolution{index}",
            name,
            (quantum, reached),
            round_weights(kernel, steps),
            flat,
            layer.pads,
            bias_sums(offset, quantum[0], flat),
            layer.stride,
        )
        quantum = reached
    head = encoder.head
    steps = channel_steps(head.weight)
    flat = steps.flatten().numpy()
    out = (_reach(encoder(views)) / 127, 128)
    rows = graph.reshape("rows", name, (-1, head.in_features))
    weight = round_weights(head.weight, steps).T
    graph.dense("vector", rows, (quantum, out), weight, flat, bias_sums(bias_of(head), quantum[0], flat))
    content = graph.model(NETWORK, {"image": (SIDE, SIDE, 1)}, {"vector": (TEMPLATE,)})
    inputs = {"image": tensor((SIDE, SIDE, 1), "window around a face, standardised", PIXEL)}
    return Shipped(
        {f"{NETWORK}.onnx": content}, inputs, {"vector": tensor((TEMPLATE,), "what the face is compared by", out)}
    )


def export_matcher(run: MatcherRun, out: Path) -> None:
    """Export the averaged encoder of a finished run, measured on views of its own people; deterministic."""
    torch.manual_seed(run.recipe.seed)
    chosen = torch.randint(len(run.people), (MEASURED,))
    network = face_encoder_model(run.averaged, run.views(chosen))
    ship({NETWORK: network}, asdict(run.recipe) | {"people_seen": len(run.people), "steps_taken": run.step}, out)
