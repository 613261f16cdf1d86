"""From trained float networks to the shipped files: integers, graphs, manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from sealframe.models import MANIFEST_FORMAT
from sealframe.training.gan import to_tensor
from sealframe.training.integers import (
    PIXEL,
    IntegerDense,
    IntegerDiscriminator,
    IntegerGenerator,
    IntegerKernel,
    discriminator_model,
    generator_model,
)
from sealframe.training.rewrites import phases_to_maps
from sealframe.training.rounding import LARGEST_WEIGHT, round_generator, weight_steps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from sealframe.training.gan import GanRun
    from sealframe.training.networks import Discriminator

LICENCE = "Apache-2.0"
_BLOCKS = "tile[i, j, 2 r + c] is gray pixel (2 i + r, 2 j + c)"
_BOTH = "of all images, then of all derived images"


def round_weights(weight: Tensor, steps: Tensor) -> NDArray[np.int8]:
    """Express weights in steps; raises ValueError beyond +-63."""
    rounded = torch.round(weight / steps).numpy()
    if np.abs(rounded).max() > LARGEST_WEIGHT:
        raise ValueError(f"a weight exceeds {LARGEST_WEIGHT}: two products could overflow int16")
    return rounded.astype(np.int8)


def bias_sums(values: Tensor, input_step: float, steps: NDArray[np.float32]) -> NDArray[np.int32]:
    """Express real offsets in a layer's integer sums."""
    return np.rint(values.double().numpy() / (input_step * steps.astype(np.float64))).astype(np.int32)


def rounded_layer(
    weight: Tensor, bias: Tensor, input_step: float
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int32]]:
    """Round a layer that reads values of the given step: its weights, one step per output, and its bias in sums."""
    steps = channel_steps(weight)
    flat = steps.flatten().numpy()
    return round_weights(weight, steps), flat, bias_sums(bias, input_step, flat)


def bias_of(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> Tensor:
    """Return a layer's bias; raises ValueError when it has none."""
    if layer.bias is None:
        raise ValueError("this layer has no bias")
    return layer.bias


def channel_steps(weight: Tensor) -> Tensor:
    """Return one step per output of a convolution (co, ci, k, k) or dense layer (outputs, inputs)."""
    return weight_steps(weight, tuple(range(1, weight.ndim)))


@torch.no_grad()
def integer_discriminator(network: Discriminator, tiles: Tensor) -> IntegerDiscriminator:
    """Round a trained discriminator; activation steps follow from what `tiles` reach."""
    network.eval()
    first = network.first_maps(tiles)
    second = network.features(tiles)
    logits = network(tiles)
    first_step, second_step = float(first.max()) / 255, float(second.max()) / 255
    verdict_step = float(torch.quantile(logits.abs(), 0.999)) / 127

    weights, steps, bias = rounded_layer(network.first.weight, bias_of(network.first), PIXEL[0])
    shallow = IntegerKernel(phases_to_maps(weights), steps, bias)
    deeper = IntegerKernel(*rounded_layer(network.second.weight, bias_of(network.second), first_step))
    dense = IntegerDense(*rounded_layer(network.verdict.weight, bias_of(network.verdict), second_step))
    return IntegerDiscriminator(shallow, first_step, deeper, second_step, dense, verdict_step)


def tensor(
    shape: Sequence[int], meaning: str, quantum: tuple[float, int] | None = None, axis: str = "tiles"
) -> dict[str, Any]:
    """Describe a uint8 tensor for the manifest; `quantum` is (step, zero point) of its real values."""
    entry: dict[str, Any] = {"dtype": "uint8", "shape": [axis, *shape], "meaning": meaning}
    if quantum is not None:
        entry |= {"scale": float(np.float32(quantum[0])), "zero": quantum[1]}
    return entry


@dataclass(frozen=True)
class Shipped:
    """One network to ship: its files, which follow each other, and what the manifest says of its tensors."""

    files: dict[str, bytes]
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def ship(networks: dict[str, Shipped], recipe: dict[str, Any], out: Path) -> None:
    """Write the ONNX files and enter them in `out`/manifest.json beside what is there already."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"models": {}}
    manifest["format"] = MANIFEST_FORMAT
    for name, network in networks.items():
        for file, content in network.files.items():
            (out / file).write_bytes(content)
        manifest["models"][name] = {
            "files": [_pin(content) | {"file": file} for file, content in network.files.items()],
            "sha256": _pin(b"".join(network.files.values()))["sha256"],
            "inputs": network.inputs,
            "outputs": network.outputs,
            "recipe": recipe,
            "licence": LICENCE,
        }
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _pin(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _gan_models(generator: IntegerGenerator, judge: IntegerDiscriminator) -> dict[str, Shipped]:
    image = {"image": tensor((16, 16, 4), _BLOCKS, PIXEL)}
    derived = {"derived": tensor((16, 16, 4), _BLOCKS, PIXEL)}
    joint = derived | {
        "features": tensor(
            (8, 8, 128), f"last convolution of the discriminator, {_BOTH}", (judge.second_step, 0), "2 tiles"
        ),
        "verdict": tensor(
            (1,),
            f"above 128: taken for a clear image; below: for a derived one; {_BOTH}",
            (judge.verdict_step, 128),
            "2 tiles",
        ),
    }
    alone = {"generator.onnx": generator_model(generator)}
    return {
        "generator": Shipped(alone, image, derived),
        "generator_discriminator": Shipped(alone | {"discriminator.onnx": discriminator_model(judge)}, image, joint),
    }


def export_gan(run: GanRun, out: Path) -> None:
    """Export what a finished run has learnt, measured on its own first tiles; deterministic."""
    degraded, clear = run.pairs.batch(0, 512)
    tiles = to_tensor(np.concatenate([degraded, clear]))
    run.averaged.keep_exportable()
    generator = round_generator(run.averaged, run.steps, tiles[::2])
    judge = integer_discriminator(run.discriminator, tiles)
    ship(_gan_models(generator, judge), asdict(run.recipe) | {"steps_taken": run.step}, out)
