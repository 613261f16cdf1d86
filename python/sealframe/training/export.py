"""From trained float networks to the shipped files: integers, graphs, manifest."""

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sealframe.training.integers import (
    PIXEL,
    IntegerDense,
    IntegerDiscriminator,
    IntegerGenerator,
    IntegerKernel,
    generator_model,
    joint_model,
    step_without_ties,
)
from sealframe.training.networks import Discriminator, Generator
from sealframe.training.quantise import LARGEST_WEIGHT, GeneratorScales, phase_steps, weight_steps
from sealframe.training.rewrites import blocks_to_phases, phases_to_maps, unit_stride_as_convolution

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

LICENCE = "Apache-2.0"


def _round(weight: "Tensor", steps: "Tensor") -> "NDArray[np.int8]":
    rounded = torch.round(weight / steps).numpy()
    if np.abs(rounded).max() > LARGEST_WEIGHT:
        raise ValueError(f"a weight exceeds {LARGEST_WEIGHT}: two products could overflow int16")
    return rounded.astype(np.int8)


def _sums(values: "Tensor", input_step: float, steps: "NDArray[np.float32]") -> "NDArray[np.int32]":
    """Express real offsets in a layer's integer sums."""
    return np.rint(values.double().numpy() / (input_step * steps.astype(np.float64))).astype(np.int32)


@torch.no_grad()
def integer_generator(network: Generator, scales: GeneratorScales) -> IntegerGenerator:
    """Round a trained generator; the step before tanh moves by at most 5 % to keep its table clear of ties."""
    scale, offset = network.normalised_affine()
    folded = network.dense.weight * scale[:, None]
    dense_steps = weight_steps(folded, (1,))
    flat_steps = dense_steps.flatten().numpy()
    bias = _sums(network.dense.bias * scale + offset, PIXEL[0], flat_steps)
    spread_steps = weight_steps(network.spread, (0, 2, 3))
    grow_steps, draw_steps = phase_steps(network.grow), phase_steps(network.draw)

    def by_phase(steps: "Tensor") -> "NDArray[np.float32]":
        """Pick each output phase's step from a tap that draws it: odd taps draw even rows."""
        return steps[0][:, [1, 0]][:, :, [1, 0]].numpy().copy()

    return IntegerGenerator(
        dense=IntegerDense(_round(folded, dense_steps), flat_steps, bias),
        floor=np.clip(np.rint(offset.numpy() / scales.latent), 0, 255).astype(np.uint8),
        latent_step=scales.latent,
        spread=IntegerKernel(
            unit_stride_as_convolution(_round(network.spread, spread_steps)), spread_steps.flatten().numpy()
        ),
        spread_step=scales.spread,
        grow=_round(network.grow, grow_steps),
        grow_steps=by_phase(grow_steps),
        grow_step=scales.grow,
        draw=_round(network.draw, draw_steps),
        draw_steps=by_phase(draw_steps)[0],
        draw_step=step_without_ties(scales.draw),
    )


def _steps_of(weight: "Tensor") -> "Tensor":
    return weight_steps(weight, tuple(range(1, weight.ndim)))


@torch.no_grad()
def integer_discriminator(network: Discriminator, tiles: "Tensor") -> IntegerDiscriminator:
    """Round a trained discriminator; activation steps follow from what `tiles` reach."""
    network.eval()
    first = network.first_maps(tiles)
    second = network.features(tiles)
    logits = network(tiles)
    first_step, second_step = float(first.max()) / 255, float(second.max()) / 255
    verdict_step = float(torch.quantile(logits.abs(), 0.999)) / 127

    first_steps = _steps_of(network.first.weight)
    kernel = blocks_to_phases(_round(network.first.weight, first_steps))
    steps = np.tile(first_steps.flatten().numpy(), 4)
    assert network.first.bias is not None and network.second.bias is not None  # noqa: S101, PT018
    layers = IntegerKernel(kernel, steps, _sums(network.first.bias.repeat(4), PIXEL[0], steps))

    second_steps = _steps_of(network.second.weight)
    steps = second_steps.flatten().numpy()
    kernel = phases_to_maps(_round(network.second.weight, second_steps))
    deeper = IntegerKernel(kernel, steps, _sums(network.second.bias, first_step, steps))

    verdict_steps = _steps_of(network.verdict.weight)
    steps = verdict_steps.flatten().numpy()
    dense = IntegerDense(
        _round(network.verdict.weight, verdict_steps), steps, _sums(network.verdict.bias, second_step, steps)
    )
    return IntegerDiscriminator(layers, first_step, deeper, second_step, dense, verdict_step)


_PIXELS = "gray pixel p stands for (p - 128) / 128; tile[i, j, 4 r + c] is pixel (4 i + r, 4 j + c)"


def _entry(file: str, content: bytes, outputs: dict[str, Any], recipe: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs": {"image": {"dtype": "uint8", "shape": ["tiles", 8, 8, 16], "meaning": _PIXELS}},
        "outputs": outputs,
        "recipe": recipe,
        "licence": LICENCE,
    }


def write_models(
    generator: IntegerGenerator, judge: IntegerDiscriminator, recipe: dict[str, Any], out: "Path"
) -> None:
    """Write both ONNX files and add them to `out`/manifest.json."""
    derived = {"derived": {"dtype": "uint8", "shape": ["tiles", 8, 8, 16], "meaning": _PIXELS}}
    features = {
        "dtype": "uint8", "shape": ["tiles", 8, 8, 128], "scale": float(np.float32(judge.second_step)), "zero": 0,
    }  # fmt: skip
    verdict = {
        "dtype": "uint8", "shape": ["tiles", 1], "scale": float(np.float32(judge.verdict_step)), "zero": 128,
        "meaning": "above 128: taken for a clear image; below: for a derived one",
    }  # fmt: skip
    joint = derived | {
        "features_image": features, "features_derived": features,
        "verdict_image": verdict, "verdict_derived": verdict,
    }  # fmt: skip
    files = {
        "generator": (generator_model(generator), derived),
        "generator_discriminator": (joint_model(generator, judge), joint),
    }
    out.mkdir(parents=True, exist_ok=True)
    manifest_path = out / "manifest.json"
    manifest: dict[str, Any] = {"format": 1, "models": {}}
    if manifest_path.exists():
        manifest = json.loads(manifest_path.read_text())
    for name, (content, outputs) in files.items():
        (out / f"{name}.onnx").write_bytes(content)
        manifest["models"][name] = _entry(f"{name}.onnx", content, outputs, recipe)
    manifest_path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def rounded_twin(network: Generator, scales: GeneratorScales) -> tuple[GeneratorScales, Generator]:
    """Return the scales as exported and a float generator with the exported, rounded weights."""
    exported = replace(scales, draw=step_without_ties(scales.draw))
    twin = Generator()
    twin.load_state_dict(network.state_dict())
    with torch.no_grad():
        scale, _ = network.normalised_affine()
        folded = network.dense.weight * scale[:, None]
        steps = weight_steps(folded, (1,))
        twin.dense.weight.copy_(torch.round(folded / steps) * steps / scale[:, None])
        for kernel, size in (
            (twin.spread, weight_steps(twin.spread, (0, 2, 3))),
            (twin.grow, phase_steps(twin.grow)),
            (twin.draw, phase_steps(twin.draw)),
        ):
            kernel.copy_(torch.round(kernel / size) * size)
    return exported, twin
