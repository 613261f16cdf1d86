"""One contract for --model, --detector and --liveness: what is right works, what is wrong is told (M25, M26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sealframe.faces
from sealframe.errors import ModelError, PolicyError
from sealframe.faces import (
    Cascade,
    CentreOval,
    DemoMatcher,
    FaceBox,
    Liveness,
    PluginError,
    VectorMatcher,
    choose_detector,
    choose_liveness,
    choose_matcher,
)

FRAME = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)


class Brightness(VectorMatcher):
    def __init__(self) -> None:
        super().__init__("brightness", "0" * 64)

    def vector(self, face: Any) -> Any:
        return [face.mean(), 255 - face.mean()]


class Middle:
    def find(self, image: Any) -> list[FaceBox]:
        return CentreOval().find(image)


class Alive:
    def check(self, image: Any) -> Liveness:
        return Liveness.PASSED if image.mean() > 20 else Liveness.FAILED


def test_every_public_name_exists() -> None:
    assert sealframe.faces.__all__ == sorted(sealframe.faces.__all__)
    for name in sealframe.faces.__all__:
        assert getattr(sealframe.faces, name).__doc__
        assert name in dir(sealframe.faces)
    with pytest.raises(AttributeError, match="Nose"):
        sealframe.faces.Nose  # noqa: B018


def test_m25_a_matcher_of_ones_own_is_named() -> None:
    matcher = choose_matcher(f"{__name__}:Brightness")
    dark, light = (matcher.embed(np.full((8, 8), level, np.uint8)) for level in (10, 240))
    assert dark.dtype == np.float32
    assert matcher.accepts(dark, matcher.mean([dark, dark]), 0.99)
    assert not matcher.accepts(dark, light, 0.99)
    assert matcher.score(dark, dark) == pytest.approx(1)
    assert (matcher.name, matcher.model_sha256, matcher.demo) == ("brightness", "0" * 64, False)


def test_a_detector_and_a_liveness_check_of_ones_own_are_named() -> None:
    assert choose_detector(f"{__name__}:Middle").find(FRAME) == [FaceBox(26, 11, 67)]
    liveness = choose_liveness(f"{__name__}:Alive")
    assert [liveness.check(FRAME), liveness.check(FRAME // 16)] == [Liveness.PASSED, Liveness.FAILED]


def test_what_comes_with_sealframe_has_short_names() -> None:
    assert isinstance(choose_detector("cascade"), Cascade)
    assert isinstance(choose_detector("centre"), CentreOval)
    assert isinstance(choose_matcher(None), DemoMatcher)
    with pytest.raises(ModelError, match=r"face\.onnx cannot be read"):
        choose_matcher("face.onnx")
    with pytest.raises(
        PluginError, match="--detector oval is not a face detector; give cascade, centre or your own class"
    ):
        choose_detector("oval")


CHOICES: dict[str, Callable[[str], object]] = {
    "--model": choose_matcher,
    "--detector": choose_detector,
    "--liveness": choose_liveness,
}


class NeedsAnArgument:
    def __init__(self, path: str) -> None:
        pass


class Raises:
    def __init__(self) -> None:
        raise RuntimeError("no\nlicence")


@pytest.mark.parametrize("option", CHOICES)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere:Class", "No module named 'nowhere'"),
        (f"{__name__}:Missing", "no attribute 'Missing'"),
        (f"{__name__}:", "no attribute ''"),
        (f"{__name__}:NeedsAnArgument", "'path'"),
        (f"{__name__}:Raises", "RuntimeError: no licence"),
    ],
)
def test_a_class_that_cannot_be_made_is_told(option: str, name: str, why: str) -> None:
    with pytest.raises(PluginError) as told:
        CHOICES[option](name)
    sentence = str(told.value)
    assert isinstance(told.value, PolicyError)
    assert sentence.startswith(f"{option} {name} cannot be loaded (")
    assert why in sentence
    assert "give MODULE:NAME" in sentence
    assert "\n" not in sentence


def made(method: str, answer: Any, base: type = object) -> type:
    return type("Made", (base,), {method: lambda self, *_: answer})


def named(name: str, digest: str) -> type:
    return type("Made", (Brightness,), {"__init__": lambda self: VectorMatcher.__init__(self, name, digest)})


class Failing:
    def find(self, image: Any) -> Any:
        return [FaceBox(0, 0, image.shape[2])]


WRONG: dict[str, tuple[str, type, str]] = {
    "no find": ("--detector", made("detect", []), "has no method `find`"),
    "no check": ("--liveness", made("find", []), "has no method `check`"),
    "no accepts": ("--model", made("embed", np.zeros(3, np.float32)), "has no method `mean`"),
    "find attribute": ("--detector", type("Made", (), {"find": []}), "has no method `find`"),
    "none": ("--detector", made("find", None), "returned NoneType from find(image), not a list of FaceBox"),
    "tuples": ("--detector", made("find", [(1, 2, 3)]), "returned a list of tuple from find(image)"),
    "an array": ("--detector", made("find", np.zeros((1, 4))), "returned float64 (1, 4) from find(image)"),
    "parts of pixels": ("--detector", made("find", [FaceBox(1, 2, 3.5)]), "FaceBox(left=1, top=2, side=3.5)"),  # type: ignore[arg-type]
    "no side": ("--detector", made("find", [FaceBox(1, 2, 0)]), "whole numbers"),
    "gray": ("--detector", Failing, "fails on a plain frame uint8 (128, 128) (IndexError"),
    "true": ("--liveness", made("check", True), "returned bool from check(image), not a Liveness"),
    "a word": ("--liveness", made("check", "passed"), "returned 'passed' from check(image), not a Liveness"),
    "doubles": ("--model", made("embed", np.zeros(3), Brightness), "returned float64 (3,) from embed(face)"),
    "a matrix": ("--model", made("embed", np.zeros((1, 3), np.float32), Brightness), "returned float32 (1, 3)"),
    "infinite": ("--model", made("embed", np.float32([1, np.inf]), Brightness), "not finite float32 (d,) or int8 (d,)"),
    "another mean": ("--model", made("mean", np.zeros(3, np.int8), Brightness), "not finite float32 (2,)"),
    "no score": ("--model", made("score", None, Brightness), "returned NoneType from score(a, b)"),
    "maybe": ("--model", made("accepts", 0.7, Brightness), "returned 0.7 from accepts(a, b, threshold)"),
    "no name": ("--model", named("", "0" * 64), "has the name '', not a text"),
    "no digest": ("--model", named("x", "0" * 63), "not 64 lower-case hexadecimal digits"),
    "perhaps a demo": ("--model", type("Made", (Brightness,), {"demo": None}), "has the demo None, not True or False"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_class_that_breaks_its_contract_is_told_when_it_is_chosen(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    option, class_, why = WRONG[case]
    monkeypatch.setattr(f"{__name__}.Chosen", class_, raising=False)
    with pytest.raises(PluginError) as told:
        CHOICES[option](f"{__name__}:Chosen")
    sentence = str(told.value)
    assert sentence.startswith(f"{option} {__name__}:Chosen ")
    assert why in sentence
    assert "correct it as sealframe.faces." in sentence


def test_what_a_class_returns_is_checked_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain frame holds no face, so a wrong list may only show later."""
    answers = [[], [], [("a face",)]]
    monkeypatch.setattr(Middle, "find", lambda self, image: answers.pop(0))
    detector = choose_detector(f"{__name__}:Middle")
    with pytest.raises(PluginError, match="returned a list of tuple"):
        detector.find(FRAME)
