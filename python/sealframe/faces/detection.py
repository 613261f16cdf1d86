"""Faces in a frame: where they are, whether the picture is good enough, whether a person is alive before it.

Each is a hook. The cascade that comes with scikit-image is the default detector; `CentreOval` trusts the terminal's
guide oval; a live server that must know about liveness needs a hook of the operator's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sealframe import _core
from sealframe.faces.template import cut_window
from sealframe.payment_protocol import Code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_DETECTION_SIDE = 240
_SMALLEST_FACE = 0.2
_JUDGED_SIDE = 64
_DARKEST, _BRIGHTEST, _FLATTEST = 35.0, 225.0, 12.0


class Liveness(StrEnum):
    """What a liveness hook says."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


class LivenessCheck(Protocol):
    """Whether a living person was before the camera."""

    def check(self, image: Pixels) -> Liveness:
        """Judge one frame, uint8 HxW or HxWx3."""


class NoLiveness:
    """Checks nothing, and says so."""

    def check(self, image: Pixels) -> Liveness:  # noqa: ARG002
        """Always not_checked."""
        return Liveness.NOT_CHECKED


class RequireLiveness:
    """Turns a check that is required into one that fails wherever it did not pass."""

    def __init__(self, check: LivenessCheck) -> None:
        self._check = check

    def check(self, image: Pixels) -> Liveness:
        """Passed or failed, nothing else."""
        return Liveness.PASSED if self._check.check(image) is Liveness.PASSED else Liveness.FAILED


@dataclass(frozen=True, slots=True)
class Box:
    """A square in pixels."""

    left: int
    top: int
    side: int


class FaceDetector(Protocol):
    """Finds faces."""

    def find(self, image: Pixels) -> list[Box]:
        """Every face of a frame, uint8 HxW or HxWx3."""


class CentreOval:
    """Takes the middle of every frame for the face: for terminals that guide the person into an oval."""

    def find(self, image: Pixels) -> list[Box]:
        """One box, three quarters of the shorter side."""
        height, width = image.shape[:2]
        side = max(1, min(height, width) * 3 // 4)
        return [Box((width - side) // 2, (height - side) // 2, side)]


class Cascade:
    """The frontal face cascade (local binary patterns) that comes with scikit-image."""

    def __init__(self) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade as Detector

        self._detector: Any = Detector(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]

    def find(self, image: Pixels) -> list[Box]:
        """Faces of at least a fifth of the shorter side."""
        height, width = image.shape[:2]
        scale = max(1.0, min(height, width) / _DETECTION_SIDE)
        small = _core.area_mean(
            image, "gray" if image.ndim == 2 else "rgb", max(1, round(height / scale)), max(1, round(width / scale))
        )
        smallest = max(24, int(min(small.shape) * _SMALLEST_FACE))
        if min(small.shape) <= smallest:
            return []
        found = self._detector.detect_multi_scale(
            small, scale_factor=1.2, step_ratio=1, min_size=(smallest, smallest), max_size=small.shape[::-1]
        )
        boxes = [
            Box(int(face["c"] * scale), int(face["r"] * scale), int(min(face["width"], face["height"]) * scale))
            for face in found
        ]
        return _apart(boxes)


def _apart(boxes: list[Box]) -> list[Box]:
    """The cascade may report one face twice: of boxes whose centres lie within each other, the largest."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.side):
        if not any(_centre_lies_in(box, larger) for larger in kept):
            kept.append(box)
    return kept


def _centre_lies_in(box: Box, larger: Box) -> bool:
    column, row = box.left + box.side // 2, box.top + box.side // 2
    return 0 <= column - larger.left < larger.side and 0 <= row - larger.top < larger.side


def crop_face(image: Pixels, detector: FaceDetector) -> Pixels | Code:
    """The window around the one face of a frame, square; or why there is none: no_face, multiple_faces, low_quality."""
    colour = image[..., :3] if image.ndim == 3 else image
    boxes = detector.find(np.ascontiguousarray(colour))
    if len(boxes) != 1:
        return Code.MULTIPLE_FACES if boxes else Code.NO_FACE
    box = boxes[0]
    face = cut_window(colour, box.left, box.top, box.side)
    return face if face.size and _is_good(face) else Code.LOW_QUALITY


def _is_good(face: Pixels) -> bool:
    step = max(1, len(face) // _JUDGED_SIDE)
    some = face[::step, ::step]
    return bool(_DARKEST <= some.mean() <= _BRIGHTEST and some.std() >= _FLATTEST)
