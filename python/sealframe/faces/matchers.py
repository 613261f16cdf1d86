"""Matchers: a face becomes a vector, two vectors a score (M25, M26).

The demo matcher uses the face network that comes with sealframe: enough for drawn or well-lit frontal faces in a
demonstration, no more; a live server refuses it. `OnnxMatcher` takes a model of the operator's choice.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from sealframe import _core
from sealframe.errors import ModelError
from sealframe.faces.model_guard import read_owner_model
from sealframe.faces.template import (
    NETWORK,
    cosine,
    encode_face,
    mean_template,
    reaches,
    threshold_units,
)
from sealframe.models import import_onnxruntime, shipped_models

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Embedding = NDArray[np.float32] | NDArray[np.int8]


class Thresholds(NamedTuple):
    """Scores, 0..1, from which two faces count as one: when paying, and among the frames of one enrolment.

    An enrolment is watched, and a frame that its owner would not pay with may still serve the mean: its bar is lower.
    """

    payment: float
    agreement: float


DEMO_THRESHOLDS = Thresholds(payment=0.5, agreement=0.25)
"""Of the demo matcher, where no calibration is given. `sealframe calibrate` finds that strangers pass in
0.7 % (342 people of LFW) and 4 % (30 of ORL) of their tries, and that owners fail in 66 % and 12 % of theirs."""

_ONNX_SIDE = 112


class Matcher(Protocol):
    """A face matcher. `name` and `model_sha256` bind the templates to what made them."""

    name: str
    model_sha256: str
    demo: bool

    def embed(self, face: Pixels) -> Embedding:
        """Vector of a face cropped square, uint8 (S, S) or (S, S, 3), any S: float32 (d,) or int8 (d,)."""

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """What frames of one person have in common, as another vector."""

    def score(self, a: Embedding, b: Embedding) -> float:
        """How alike, -1..1."""

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Whether the score reaches the threshold, 0..1."""


class DemoMatcher:
    """The face network that comes with sealframe: templates of 96 signed bytes, compared in integers.

    For demonstrations and tests: trained on one portrait per person, it mistakes too many people. A live server
    refuses it. See models/face_encoder.md for what it reaches.
    """

    name = "demo-face-encoder-2"
    demo = True

    def __init__(self) -> None:
        self._models = shipped_models()
        self.model_sha256 = self._models.sha256(NETWORK)

    def embed(self, face: Pixels) -> Embedding:
        """The template, int8 (96,)."""
        return encode_face(face, self._models)

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """Verification information: the direction in the middle, int8 (96,)."""
        return mean_template([vector.astype(np.int8) for vector in vectors])

    def score(self, a: Embedding, b: Embedding) -> float:
        """Cosine."""
        return cosine(a.astype(np.int8), b.astype(np.int8))

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Decided in integers, the same on every computer."""
        return reaches(a.astype(np.int8), b.astype(np.int8), threshold_units(threshold))


class VectorMatcher(ABC):
    """A matcher of vectors by their cosine; `vector` is what a model of one's own has to give."""

    demo = False

    def __init__(self, name: str, model_sha256: str) -> None:
        self.name = name
        self.model_sha256 = model_sha256

    @abstractmethod
    def vector(self, face: Pixels) -> NDArray[np.float32]:
        """The model's vector float32 (d,), of any length, of a window uint8 (S, S) or RGB (S, S, 3), any S."""

    def embed(self, face: Pixels) -> Embedding:
        """The model's vector, scaled to length 1."""
        return _unit(self.vector(face))

    def mean(self, vectors: Sequence[Embedding]) -> Embedding:
        """The mean, of length 1."""
        return _unit(np.mean(vectors, axis=0, dtype=np.float32))

    def score(self, a: Embedding, b: Embedding) -> float:
        """Cosine."""
        return float(np.dot(a, b))

    def accepts(self, a: Embedding, b: Embedding, threshold: float) -> bool:
        """Whether the cosine reaches the threshold."""
        return self.score(a, b) >= threshold


class OnnxMatcher(VectorMatcher):
    """A model file of the operator: input float32 (1, 3, 112, 112), (p - 127.5) / 127.5 in RGB, output one vector."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises ModelError when the file is no such model."""
        ort = import_onnxruntime()
        content = read_owner_model(path)
        sha256 = hashlib.sha256(content).hexdigest()
        super().__init__(f"onnx-{sha256[:12]}", sha256)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            (input_,) = self._session.get_inputs()
            self._input = input_.name
            self.embed(np.zeros((_ONNX_SIDE, _ONNX_SIDE, 3), np.uint8))
        except Exception:
            raise ModelError(f"{path} is no face model with one input (1, 3, 112, 112); give another file.") from None

    def vector(self, face: Pixels) -> NDArray[np.float32]:
        """The model's vector."""
        planes = [_stretched(_plane(face, channel), _ONNX_SIDE) for channel in range(3)]
        tensor = (np.stack(planes)[None].astype(np.float32) - 127.5) / 127.5
        (vector, *_) = self._session.run(None, {self._input: tensor})
        return np.asarray(vector, np.float32).ravel()


def _plane(face: Pixels, channel: int) -> Pixels:
    return face if face.ndim == 2 else np.ascontiguousarray(face[..., channel])


def _stretched(plane: Pixels, side: int) -> Pixels:
    return _core.area_mean(plane, "gray", side, side)


def _unit(vector: NDArray[np.float32]) -> Embedding:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length):
        raise ModelError("The face model gave values that are no numbers; give another model.")
    scaled: Embedding = vector / np.float32(max(length, 1e-9))
    return scaled
