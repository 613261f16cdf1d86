"""Which pictures of a folder of faces show one, uncovered (M16).

Both questions go to a detector; the frontal face cascade that comes with scikit-image is the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sealframe.training.frames import area_resize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTION_SIDE = 160
SMALLEST_SHARE = 0.25
"""Smallest face that counts, as a part of the picture's shorter side."""
SMALLEST_DETAIL = 6.0
"""Standard deviation, in gray levels, below which a quarter of a face shows nothing."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    top: int
    left: int
    height: int
    width: int


class FaceDetector(Protocol):
    """Finds faces; give your own, in Python or by `--detector`, where the cascade knows too little, as of profiles."""

    def find(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Every face of a picture (h, w) uint8."""


class Cascade:
    """The frontal face cascade (local binary patterns) that comes with scikit-image."""

    def __init__(self) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade as Detector

        self._detector: Any = Detector(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]

    def find(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Faces of at least a quarter of the shorter side."""
        scale = max(1.0, min(gray.shape) / DETECTION_SIDE)
        small = area_resize(gray, round(gray.shape[0] / scale), round(gray.shape[1] / scale))
        smallest = max(24, int(min(small.shape) * SMALLEST_SHARE))
        if min(small.shape) <= smallest:
            return []
        found = self._detector.detect_multi_scale(
            small, scale_factor=1.2, step_ratio=1, min_size=(smallest, smallest), max_size=small.shape[::-1]
        )
        return [Box(*(int(face[name] * scale) for name in ("r", "c", "height", "width"))) for face in found]


def load_detector(name: str) -> FaceDetector:
    """The detector that calling `MODULE:NAME` makes. Raises ValueError when there is none or it cannot find."""
    module, _, attribute = name.partition(":")
    try:
        detector: FaceDetector = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError):
        raise ValueError(f"The face detector {name} cannot be loaded; give MODULE:NAME.") from None
    if not callable(getattr(detector, "find", None)):
        raise ValueError(f"The face detector {name} has no method find(gray) that returns boxes.")
    return detector


def is_covered(face: NDArray[np.uint8]) -> bool:
    """Whether a quarter of a face (h, w) shows nothing.

    Every quarter of an uncovered frontal face holds an eye or half of the mouth. A plain cover (mask, cup, sheet,
    deep shadow) leaves a quarter nearly constant; a cover with a pattern of its own is not recognised.
    """
    rows, columns = face.shape[0] // 2, face.shape[1] // 2
    quarters = (face[:rows, :columns], face[:rows, columns:], face[rows:, :columns], face[rows:, columns:])
    return any(float(quarter.std()) < SMALLEST_DETAIL for quarter in quarters)


class FaceCheck:
    """Says why a picture is no use for learning faces."""

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self._detector = detector or Cascade()

    def __call__(self, gray: NDArray[np.uint8]) -> str | None:
        """`no face`, `covered face`, or None for a picture (h, w) uint8 that may stay."""
        boxes = self._detector.find(gray)
        if not boxes:
            return "no face"
        box = max(boxes, key=lambda box: box.height * box.width)
        face = gray[box.top : box.top + box.height, box.left : box.left + box.width]
        return "covered face" if is_covered(face) else None
