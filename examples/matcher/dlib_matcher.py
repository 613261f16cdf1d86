"""A matcher of one's own for `sealframe calibrate` and `sealframe server`: dlib's network, which is public domain.

pip install dlib-bin face_recognition_models
PYTHONPATH=examples/matcher sealframe calibrate people --fmr 1e-2 --model dlib_matcher:DlibMatcher
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

from sealframe.faces import VectorMatcher

SIDE, MARGIN = 150, 0.25


def model_file(name: str) -> Path:
    """A file of face_recognition_models, found without importing it: the import needs setuptools."""
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("face_recognition_models is not installed")
    return Path(spec.submodule_search_locations[0]) / "models" / name


class DlibMatcher(VectorMatcher):
    """Five landmarks turn the face upright; a network of 29 layers makes 128 numbers of it."""

    def __init__(self) -> None:
        network = model_file("dlib_face_recognition_resnet_model_v1.dat")
        super().__init__("dlib-resnet-v1", hashlib.sha256(network.read_bytes()).hexdigest())
        self._network = dlib.face_recognition_model_v1(str(network))
        self._landmarks = dlib.shape_predictor(str(model_file("shape_predictor_5_face_landmarks.dat")))

    def vector(self, face: np.ndarray) -> np.ndarray:
        """128 numbers of a window uint8 (S, S) or (S, S, 3) around a face."""
        window = np.asarray(
            Image.fromarray(face).convert("RGB").resize((2 * SIDE, 2 * SIDE), Image.Resampling.BILINEAR)
        )
        edge = SIDE // 4
        place = self._landmarks(window, dlib.rectangle(edge, edge, 2 * SIDE - edge, 2 * SIDE - edge))
        upright = dlib.get_face_chip(window, place, SIDE, MARGIN)
        return np.asarray(self._network.compute_face_descriptor(upright), np.float32)
