"""Training of the face encoder (M25): views, folding, export, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch

from sealframe.faces import template
from sealframe.models import ModelSet
from sealframe.training.matcher import MatcherRecipe, MatcherRun
from sealframe.training.matcher_export import directions_of, discriminant, export_matcher, folded
from sealframe.training.matcher_networks import ConvolutionLayer, FaceEncoder
from sealframe.training.matcher_views import cut, standardise, view

RECIPE = MatcherRecipe(steps=4, people=8)


@pytest.fixture(scope="module")
def people() -> torch.Tensor:
    rng = np.random.default_rng(1)
    coarse = torch.from_numpy(rng.integers(0, 256, (12, 1, 20, 20))).float()
    return torch.nn.functional.interpolate(coarse, (160, 160), mode="bilinear")


def run(people: torch.Tensor, out: Path, steps: int = RECIPE.steps) -> MatcherRun:
    made = MatcherRun(RECIPE, people, people[:5], out)
    while made.step < steps:
        made.encoder.train()
        made.advance()
    return made


def test_views_differ_and_stay_gray_levels(people: torch.Tensor) -> None:
    torch.manual_seed(3)
    one, other = view(people, people, 64), view(people, people, 64)
    assert one.shape == (12, 1, 64, 64)
    assert one.min() >= 0
    assert one.max() <= 255
    assert (one - other).abs().mean() > 5


def test_training_sees_what_the_server_computes(people: torch.Tensor) -> None:
    windows = cut(people, 64).round()
    trained = (standardise(windows) * 128 + 128).numpy()[:, 0]
    served = np.stack([template.standardise(each.astype(np.uint8)) for each in windows.numpy()[:, 0]])
    assert np.abs(trained - served).max() <= 1
    assert (trained != served).mean() < 0.01


def test_folding_batch_normalisation_changes_nothing() -> None:
    torch.manual_seed(4)
    layer = ConvolutionLayer(3, 5, 2)
    for _ in range(3):
        layer(torch.randn(8, 3, 16, 16) * 2 + 1)
    torch.nn.init.uniform_(layer.normalise.weight, 0.5, 2)
    torch.nn.init.uniform_(layer.normalise.bias, -1, 1)
    layer.eval()
    maps = torch.randn(2, 3, 16, 16)
    kernel, offset = folded(layer)
    padded = torch.nn.functional.pad(maps, (0, 1, 0, 1))
    at_once = torch.relu(torch.nn.functional.conv2d(padded, kernel, offset, 2))
    assert torch.allclose(at_once, layer(maps), atol=1e-5)
    assert at_once.shape == (2, 5, 8, 8)


def test_discriminants_keep_what_tells_people_apart() -> None:
    """Vectors whose first number is the light alone, and loud: it must not decide."""
    torch.manual_seed(6)
    people = torch.randn(60, 128)
    views = people + 0.4 * torch.randn(9, 60, 128)
    views[..., 0] = 40 * torch.randn(9, 60)
    directions = discriminant(views[:6])
    assert directions.shape == (template.COMPONENTS, 128)

    def apart(vectors: torch.Tensor) -> float:
        """Share of views whose nearest other view is of the same person."""
        unit = torch.nn.functional.normalize(vectors.reshape(-1, vectors.shape[-1]), dim=1)
        nearest = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
        return float((nearest % 60 == torch.arange(len(unit)) % 60).float().mean())

    assert apart(views[6:] @ directions.T) > 0.9 > 0.7 > apart(views[6:])
    kept = (views[:6] - views[:6].mean(0)) @ directions.T
    deviations = kept.reshape(-1, template.COMPONENTS).std(0)
    assert 0.7 < deviations.min() < deviations.max() < 1


def test_a_resumed_run_is_the_run(people: torch.Tensor, tmp_path: Path) -> None:
    whole = run(people, tmp_path / "whole")
    run(people, tmp_path / "parts", 2).save()
    resumed = run(people, tmp_path / "parts")
    for name, weights in whole.averaged.state_dict().items():
        assert torch.equal(weights, resumed.averaged.state_dict()[name]), name
    with pytest.raises(ValueError, match="another recipe"):
        MatcherRun(replace(RECIPE, seed=2), people, people, tmp_path / "parts")


def test_the_integer_graph_follows_the_float_network(people: torch.Tensor, tmp_path: Path) -> None:
    made = run(people, tmp_path)
    export_matcher(made, tmp_path)
    again = tmp_path / "again"
    export_matcher(made, again)
    name = template.NETWORK
    assert (tmp_path / f"{name}.onnx").read_bytes() == (again / f"{name}.onnx").read_bytes()
    seen = standardise(cut(people, 64))
    with torch.no_grad():
        exact = (made.averaged.eval()(seen) @ directions_of(made).T).numpy()
    pixels = (seen * 128 + 128).numpy().astype(np.uint8).transpose(0, 2, 3, 1)
    (drawn,) = ModelSet(tmp_path).run(name, ["vector"], np.ascontiguousarray(pixels))
    drawn = drawn.astype(np.float64) - 128
    cosines = (exact * drawn).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(drawn, axis=1)
    assert cosines.min() > 0.97
    assert isinstance(made.averaged, FaceEncoder)
