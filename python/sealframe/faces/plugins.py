"""Plugins: the matcher, detector and liveness check that options name, held to their contracts.

    --model      an ONNX file, or MODULE:NAME        Matcher          (nothing: the demo matcher)
    --detector   cascade, centre, or MODULE:NAME     FaceDetector
    --liveness   MODULE:NAME                         LivenessCheck

Server, calibration and training read these options here, so a class that works in one works in all. The class is called
without arguments and tried on a gray and a colour frame. What it returns is checked at every call.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sealframe.errors import PolicyError
from sealframe.faces.detection import Cascade, CentreOval, FaceBox, Liveness
from sealframe.faces.matchers import DemoMatcher, OnnxMatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.faces.detection import FaceDetector, LivenessCheck, Pixels
    from sealframe.faces.matchers import Embedding, Matcher

_PLAIN_FRAMES = [np.full(shape, 128, np.uint8) for shape in ((128, 128), (128, 128, 3))]
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PluginError(PolicyError):
    """A plugin cannot be loaded, lacks a method, or returns what its contract does not allow.

    The message names the option, the plugin, the fault and the remedy.

    Examples
    --------
    >>> from sealframe.faces import choose_liveness
    >>> choose_liveness("no_such_module:Check")
    Traceback (most recent call last):
    sealframe.faces.plugins.PluginError: ...
    """


def choose_matcher(model: str | None) -> Matcher:
    """Make the matcher that `--model` names.

    Parameters
    ----------
    model : str or None
        The path of an ONNX file or MODULE:NAME; the demo matcher where it is None or empty.

    Returns
    -------
    Matcher

    Raises
    ------
    ModelError
        When the file is no face model.
    PluginError
        When the class cannot be used.

    Examples
    --------
    >>> from sealframe.faces import choose_matcher
    >>> choose_matcher(None).demo
    True
    """
    if not model:
        return DemoMatcher()
    if ":" not in model or Path(model).exists():
        return OnnxMatcher(model)
    return _CheckedMatcher(_Plugin("--model", model, "Matcher"))


def choose_detector(name: str) -> FaceDetector:
    """Make the detector that `--detector` names.

    Parameters
    ----------
    name : str
        `cascade`, `centre` or MODULE:NAME.

    Returns
    -------
    FaceDetector

    Raises
    ------
    PluginError
        When the class cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import choose_detector
    >>> choose_detector("centre").find(np.zeros((100, 100), np.uint8))
    [FaceBox(left=12, top=12, side=75)]
    """
    if name in _DETECTORS:
        return _DETECTORS[name]()
    if ":" not in name:
        raise PluginError(
            f"--detector {name} is not a face detector; give {', '.join(_DETECTORS)} or your own class, MODULE:NAME."
        )
    return _CheckedDetector(_Plugin("--detector", name, "FaceDetector"))


_DETECTORS: dict[str, type[FaceDetector]] = {"cascade": Cascade, "centre": CentreOval}


def choose_liveness(name: str) -> LivenessCheck:
    """Make the liveness check that `--liveness` names.

    Parameters
    ----------
    name : str
        MODULE:NAME.

    Returns
    -------
    LivenessCheck

    Raises
    ------
    PluginError
        When the class cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import choose_liveness
    >>> choose_liveness("sealframe.faces:NoLiveness").check(np.zeros((100, 100), np.uint8)).value
    'not_checked'
    """
    return _CheckedLiveness(_Plugin("--liveness", name, "LivenessCheck"))


class _Plugin:
    """An object that calling MODULE:NAME has made, and how errors speak of it."""

    def __init__(self, option: str, name: str, protocol: str) -> None:
        self._title = f"{option} {name}"
        self._remedy = f"correct it as sealframe.faces.{protocol} describes"
        module, _, attribute = name.partition(":")
        try:
            self._made: Any = getattr(import_module(module), attribute)()
        except Exception as error:
            raise PluginError(
                f"{self._title} cannot be loaded ({_told(error)}); give MODULE:NAME of a class without arguments "
                "and put its folder on PYTHONPATH."
            ) from error

    def method(self, name: str) -> Callable[..., Any]:
        """A method of the object. Raises PluginError when there is none."""
        found = getattr(self._made, name, None)
        if not callable(found):
            self._refuse(f"has no method `{name}`")
        method: Callable[..., Any] = found
        return method

    def attribute(self, name: str, wanted: str, is_right: Callable[[Any], bool]) -> Any:
        """An attribute of the object. Raises PluginError when it is missing or wrong."""
        value = getattr(self._made, name, None)
        if not is_right(value):
            self._refuse(f"has the {name} {value!r}, not {wanted}")
        return value

    def require(self, right: bool, call: str, value: object, wanted: str) -> None:
        """Raise PluginError when a call returned something else than its contract says."""
        if not right:
            self._refuse(f"returned {_kind(value)} from {call}, not {wanted}")

    def try_on_plain_frames(self, use: Callable[[Pixels], object]) -> None:
        """Use the object on a gray and a colour frame. Raises PluginError when it fails."""
        for frame in _PLAIN_FRAMES:
            try:
                use(frame)
            except PluginError:
                raise
            except Exception as error:
                self._refuse(f"fails on a plain frame uint8 {frame.shape} ({_told(error)})", error)

    def _refuse(self, fault: str, cause: Exception | None = None) -> NoReturn:
        raise PluginError(f"{self._title} {fault}; {self._remedy}.") from cause


class _CheckedDetector:
    """A detector whose boxes are checked."""

    def __init__(self, plugin: _Plugin) -> None:
        self._plugin = plugin
        self._find = plugin.method("find")
        plugin.try_on_plain_frames(self.find)

    def find(self, image: Pixels) -> list[FaceBox]:
        boxes = self._find(image)
        self._plugin.require(isinstance(boxes, list), "find(image)", boxes, "a list of FaceBox")
        for box in boxes:
            self._plugin.require(_is_box(box), "find(image)", [box], "a list of FaceBox of whole numbers")
        found: list[FaceBox] = boxes
        return found


class _CheckedLiveness:
    """A liveness check whose answers are checked: a bare True or "passed" is none."""

    def __init__(self, plugin: _Plugin) -> None:
        self._plugin = plugin
        self._check = plugin.method("check")
        plugin.try_on_plain_frames(self.check)

    def check(self, image: Pixels) -> Liveness:
        answer = self._check(image)
        self._plugin.require(isinstance(answer, Liveness), "check(image)", answer, "a Liveness")
        liveness: Liveness = answer
        return liveness


class _CheckedMatcher:
    """A matcher whose name, digest, vectors and answers are checked."""

    def __init__(self, plugin: _Plugin) -> None:
        self._plugin = plugin
        self._embed, self._mean, self._score, self._accepts = map(plugin.method, ("embed", "mean", "score", "accepts"))
        self.name: str = plugin.attribute("name", "a text", lambda value: isinstance(value, str) and value != "")
        self.model_sha256: str = plugin.attribute(
            "model_sha256",
            "64 lower-case hexadecimal digits",
            lambda value: isinstance(value, str) and _DIGEST.fullmatch(value) is not None,
        )
        self.demo: bool = plugin.attribute("demo", "True or False", lambda value: isinstance(value, bool))
        plugin.try_on_plain_frames(self._use)

    def _use(self, face: Pixels) -> None:
        vector = self.embed(face)
        mean = self.mean([vector, vector])
        self.score(vector, mean)
        self.accepts(vector, mean, 0.5)

    def embed(self, face: Pixels) -> Embedding:
        vector = self._embed(face)
        self._plugin.require(_is_vector(vector), "embed(face)", vector, "finite float32 (d,) or int8 (d,)")
        embedding: Embedding = vector
        return embedding

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        vector, like = self._mean(vectors), vectors[0]
        alike = _is_vector(vector) and (vector.shape, vector.dtype) == (like.shape, like.dtype)
        self._plugin.require(alike, "mean(vectors)", vector, f"finite {like.dtype} {like.shape} as embed(face) returns")
        mean: Embedding = vector
        return mean

    def score(self, a: Embedding, b: Embedding) -> float:
        score = self._score(a, b)
        right = isinstance(score, float | np.floating) and bool(np.isfinite(score))
        self._plugin.require(right, "score(a, b)", score, "a finite float")
        return float(score)

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        answer = self._accepts(a, b, threshold)
        self._plugin.require(isinstance(answer, bool | np.bool_), "accepts(a, b, threshold)", answer, "True or False")
        return bool(answer)


def _is_box(box: object) -> bool:
    if not isinstance(box, FaceBox):
        return False
    return all(isinstance(each, int | np.integer) for each in (box.left, box.top, box.side)) and box.side >= 1


def _is_vector(vector: object) -> bool:
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype not in (np.float32, np.int8):
        return False
    return vector.size > 0 and bool(np.isfinite(vector).all())


def _kind(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, list):
        return f"a list of {_kind(value[0])}" if value else "an empty list"
    return repr(value) if isinstance(value, FaceBox | float | str) else type(value).__name__


def _told(error: Exception) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
