"""Faces as templates of integers (M25): twins, golden templates, light, comparison."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from sealframe.faces.template import (
    LENGTH,
    NETWORK,
    cosine,
    cut_window,
    encode_face,
    mean_template,
    reaches,
    standardise,
    threshold_units,
)
from sealframe.models import ModelSet, shipped_models
from sealframe.selftest import golden_pictures
from tests.reference import template as slow

GOLDEN = Path(__file__).parents[1] / "vectors" / "face_templates.json"


def windows() -> dict[str, np.ndarray]:
    return {name: pixels for name, pixels, order in golden_pictures() if order in ("gray", "rgb")}


def template_digest(pixels: np.ndarray, models: ModelSet | None = None) -> str:
    side = min(pixels.shape[:2])
    return hashlib.sha256(encode_face(np.ascontiguousarray(pixels[:side, :side]), models).tobytes()).hexdigest()


@pytest.mark.parametrize("name", sorted(windows()))
def test_m25_golden_templates_are_the_same_everywhere(name: str) -> None:
    assert template_digest(windows()[name]) == json.loads(GOLDEN.read_text())[name]


@pytest.mark.parametrize(("threads", "optimisation"), [(2, "none"), (1, "all"), (2, "extended")])
def test_m25_threads_and_optimisation_change_no_template(threads: int, optimisation: str) -> None:
    models = ModelSet(shipped_models()._folder, threads=threads, optimisation=optimisation)  # type: ignore[arg-type]
    for pixels in windows().values():
        assert template_digest(pixels, models) == template_digest(pixels)


@pytest.mark.parametrize("seed", range(4))
def test_standardise_is_its_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gray = rng.integers(0, [2, 256, 30, 200][seed], (64, 64), np.uint8)
    assert np.array_equal(standardise(gray), slow.standardise(gray))


def test_standardise_takes_light_out() -> None:
    rng = np.random.default_rng(5)
    gray = rng.integers(0, 60, (64, 64), np.uint8)
    assert np.abs(standardise(gray).astype(int) - standardise(gray * 2 + 40).astype(int)).max() <= 1
    assert (standardise(np.full((90, 90), 200, np.uint8)) == 128).all()


def test_reaches_is_its_twin_and_agrees_with_the_cosine() -> None:
    rng = np.random.default_rng(6)
    for _ in range(300):
        a = rng.integers(-127, 128, 128, np.int8)
        b = np.clip(a + rng.integers(-90, 91, 128), -127, 127).astype(np.int8)
        for threshold in (1, 512, int(cosine(a, b) * 1024), int(cosine(a, b) * 1024) + 1, 1024):
            assert reaches(a, b, threshold) == slow.reaches(a, b, threshold)
        assert reaches(a, b, int(cosine(a, b) * 1024))
        assert not reaches(a, b, int(cosine(a, b) * 1024) + 1)
        assert not reaches(a, -a, 1)
    assert reaches(a, a, 1024)
    assert not reaches(np.zeros(128, np.int8), a, 1)
    assert (threshold_units(0.5), threshold_units(0.50001)) == (512, 513)


def test_templates_have_one_length_and_a_mean() -> None:
    templates = [encode_face(np.ascontiguousarray(pixels[:60, :60])) for pixels in windows().values()]
    for template in templates:
        length = float(np.linalg.norm(template.astype(float)))
        assert template.shape == (96,)
        assert abs(length - LENGTH) < 12 or not template.any()
    middle = mean_template(templates[:2])
    assert cosine(middle, templates[0]) >= cosine(templates[0], templates[1])


def test_a_window_may_reach_beyond_the_picture() -> None:
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10)
    window = cut_window(picture, -3, -3, 20)
    assert window.shape == (23, 23)
    assert window[0, 0] == picture[0, 0]
    assert window[-1, -1] == picture[-1, -1]
    assert np.array_equal(cut_window(picture, 2, 4, 1), picture[4:5, 2:3])


def test_the_face_network_is_small_and_seven_bit() -> None:
    onnx = pytest.importorskip("onnx")
    content = shipped_models().read(NETWORK)
    assert len(content) <= 1_000_000
    for constant in onnx.load_from_string(content).graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype == np.int8:
            assert np.abs(values.astype(int)).max() <= 63
