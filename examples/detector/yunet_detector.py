"""A face detector of one's own for `sealframe server`, `calibrate` and `train`: YuNet, which OpenCV runs.

pip install opencv-python-headless
YUNET_MODEL=yunet.onnx PYTHONPATH=examples/detector sealframe calibrate people --detector yunet_detector:YunetDetector

The model is a file of 0.2 MB: onnx/yunet_n_320_320.onnx of ShiqiYu/libfacedetection.train (Apache-2.0). It was trained
on WIDER FACE; the photographs of that collection have terms of their own.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import cv2
import numpy as np

from sealframe.faces import FaceBox

LARGEST_SIDE = 640
"""Larger frames are shrunk to this side first: a face in front of a terminal is large."""
LOWEST_SCORE = 0.8
EYES, MOUTH = 0.37, 0.78
"""Where `sealframe.faces.FaceBox` wants them, in parts of the height of the box."""


class YunetDetector:
    """Draws every box by the eyes and the mouth, so that matchers see them where they are trained to see them."""

    def __init__(self) -> None:
        model = os.environ.get("YUNET_MODEL", "")
        if not Path(model).is_file():
            raise FileNotFoundError(f"YUNET_MODEL names no file ({model!r}); set it to the path of yunet.onnx")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._network = cv2.FaceDetectorYN.create(model, "", (LARGEST_SIDE, LARGEST_SIDE), LOWEST_SCORE)
        self._lock = threading.Lock()

    def find(self, image: np.ndarray) -> list[FaceBox]:
        """Every face of a frame, uint8 (H, W) gray or (H, W, 3) RGB."""
        picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR)
        scale = min(1.0, LARGEST_SIDE / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        with self._lock:  # one network, one frame at a time
            self._network.setInputSize(small.shape[1::-1])
            _, faces = self._network.detect(small)
        return [] if faces is None else [_box(face[4:14].reshape(5, 2) / scale) for face in faces]


def _box(landmarks: np.ndarray) -> FaceBox:
    """The square around right eye, left eye, nose, right and left corner of the mouth (5, 2)."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    side = float(np.linalg.norm(mouth - eyes)) / (MOUTH - EYES)
    middle = eyes + (mouth - eyes) * (0.5 - EYES) / (MOUTH - EYES)
    left, top = middle - side / 2
    return FaceBox(round(float(left)), round(float(top)), max(1, round(side)))
