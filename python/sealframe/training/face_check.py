"""Which pictures of a folder of faces show one, uncovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sealframe.faces import Cascade

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sealframe.faces import FaceBox, FaceDetector

    Gray = NDArray[np.uint8]

SMALLEST_DETAIL = 6.0
"""Standard deviation, in gray levels, below which a quarter of a face shows nothing."""


def is_covered(face: Gray) -> bool:
    """Say whether a quarter of a face shows nothing.

    Every quarter of an uncovered frontal face holds an eye or half of the mouth. A plain cover (mask, cup, sheet,
    deep shadow) leaves a quarter nearly constant. A cover with a pattern of its own is not recognised.

    Parameters
    ----------
    face : numpy.ndarray
        uint8 (h, w), 2 pixels or more a side.

    Returns
    -------
    bool
    """
    rows, columns = face.shape[0] // 2, face.shape[1] // 2
    quarters = (face[:rows, :columns], face[:rows, columns:], face[rows:, :columns], face[rows:, columns:])
    return any(float(quarter.std()) < SMALLEST_DETAIL for quarter in quarters)


class FaceCheck:
    """Says why a picture is no use for learning faces.

    Parameters
    ----------
    detector : FaceDetector, optional
        What finds faces; the cascade of scikit-image where it is left out. Profiles need another.
    """

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self._detector = detector or Cascade()

    def __call__(self, gray: Gray) -> str | None:
        """Check one picture.

        Parameters
        ----------
        gray : numpy.ndarray
            uint8 (h, w).

        Returns
        -------
        str or None
            `no face`, `covered face`, or None for a picture that may stay.
        """
        boxes = self._detector.find(np.ascontiguousarray(gray))
        if not boxes:
            return "no face"
        face = _inside(gray, max(boxes, key=lambda box: box.side))
        if min(face.shape) < 2:
            return "no face"
        return "covered face" if is_covered(face) else None


def _inside(gray: Gray, box: FaceBox) -> Gray:
    """The part of a box that lies within the picture."""
    rows = slice(max(0, box.top), max(0, box.top + box.side))
    columns = slice(max(0, box.left), max(0, box.left + box.side))
    return gray[rows, columns]
