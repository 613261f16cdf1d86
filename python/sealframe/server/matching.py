"""Matchers: a face becomes a vector, two vectors a score (M25, M26).

The demo matcher encodes and decodes the face with the networks of the image factor, the method's own way. It tells
drawn or well-lit frontal faces apart in a demonstration, no more; a live server refuses it. `OnnxMatcher` takes a
model of the operator's choice.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sealframe import _core
from sealframe.derivation import discern
from sealframe.errors import ModelError
from sealframe.features import extract_features
from sealframe.image import frame_from_array
from sealframe.models import shipped_models

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Embedding = NDArray[np.float32]

DEMO_THRESHOLD = 0.82
"""Cosine from which the demo matcher takes two faces for one. On the 30 people of the ORL faces, cropped alike, one
pair of strangers in a thousand passes it and three pictures in five of the same person do not."""

_SIDE = 128
_ONNX_SIDE = 112
_MAX_MODEL_BYTES = 1 << 30


class Matcher(Protocol):
    """A face matcher. `name` and `model_sha256` bind the templates to what made them."""

    name: str
    model_sha256: str
    demo: bool

    def embed(self, face: Pixels) -> Embedding:
        """Vector of a face cropped square, uint8 (S, S) or (S, S, 3), any S: float32 (d,), length 1."""

    def score(self, a: Embedding, b: Embedding) -> float:
        """How alike, -1..1."""


class DemoMatcher:
    """The networks of the image factor as a face matcher: a demonstration of the method, not a biometric."""

    name = "demo-gan-1"
    demo = True

    def __init__(self) -> None:
        models = shipped_models()
        pinned = models.sha256("generator_discriminator")
        self.model_sha256 = pinned
        self._models = models

    def embed(self, face: Pixels) -> Embedding:
        """Decoded face at 32x32 and the discriminator's pooled features, each of length 1, side by side."""
        features = extract_features(frame_from_array(_gray(face)), _SIDE)
        derived, seen = discern(features, self._models)
        decoded = derived.pixels.astype(np.float32).reshape(32, 4, 32, 4).mean((1, 3))
        maps = seen.features_derived.astype(np.float32).reshape(16, 2, 4, 2, 4, 128).mean((2, 4))
        return _unit(np.concatenate([_unit(_centred(decoded).ravel()), _unit(_centred(maps).ravel())]))

    def score(self, a: Embedding, b: Embedding) -> float:
        """Cosine."""
        return _cosine(a, b)


class OnnxMatcher:
    """A model file of the operator: input float32 (1, 3, 112, 112), (p - 127.5) / 127.5 in RGB, output one vector."""

    demo = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises ModelError when the file is no such model."""
        import onnxruntime as ort

        content = _read_model(Path(path))
        self.model_sha256 = hashlib.sha256(content).hexdigest()
        self.name = f"onnx-{self.model_sha256[:12]}"
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

    def embed(self, face: Pixels) -> Embedding:
        """The model's vector, scaled to length 1."""
        planes = [_stretched(_plane(face, channel), _ONNX_SIDE) for channel in range(3)]
        tensor = (np.stack(planes)[None].astype(np.float32) - 127.5) / 127.5
        (vector, *_) = self._session.run(None, {self._input: tensor})
        return _unit(np.asarray(vector, np.float32).ravel())

    def score(self, a: Embedding, b: Embedding) -> float:
        """Cosine."""
        return _cosine(a, b)


def _read_model(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_MODEL_BYTES:
            raise ModelError(f"{path} is larger than 1 GiB; give a smaller model.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from None


def _gray(face: Pixels) -> Pixels:
    return face if face.ndim == 2 else _core.area_mean(face, "rgb", face.shape[0], face.shape[1])


def _plane(face: Pixels, channel: int) -> Pixels:
    return face if face.ndim == 2 else np.ascontiguousarray(face[..., channel])


def _stretched(plane: Pixels, side: int) -> Pixels:
    return _core.area_mean(plane, "gray", side, side)


def _centred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    centred: NDArray[np.float32] = values - values.mean((0, 1), keepdims=True)
    return centred


def _unit(vector: NDArray[np.float32]) -> Embedding:
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length):
        raise ModelError("The face model gave values that are no numbers; give another model.")
    scaled: Embedding = vector / np.float32(max(length, 1e-9))
    return scaled


def _cosine(a: Embedding, b: Embedding) -> float:
    return float(np.dot(a, b))
