"""Faces in a frame: where they are, whether one can be used, whether a living person is before the camera.

`FaceDetector` and `LivenessCheck` are contracts for plugins: `--detector` and `--liveness` take a class as MODULE:NAME.
The cascade that comes with scikit-image is the default detector. `CentreOval` trusts the guide oval of the terminal.
Liveness is not checked unless an operator gives a check.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sealframe import _core
from sealframe.faces.template import cut_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_DETECTION_SIDE = 240
_SMALLEST_FACE = 0.2
_RATED_SIDE = 64
_DARKEST, _BRIGHTEST, _FLATTEST = 35.0, 225.0, 12.0


class FaceProblem(StrEnum):
    """Why a frame has no face that can be compared.

    Examples
    --------
    >>> from sealframe.faces import FaceProblem
    >>> FaceProblem.NO_FACE.value
    'no_face'
    """

    NO_FACE = "no_face"
    MULTIPLE_FACES = "multiple_faces"
    LOW_QUALITY = "low_quality"
    """The one face is too dark, too bright or too flat."""


class Liveness(StrEnum):
    """What a liveness check says of a frame.

    Examples
    --------
    >>> from sealframe.faces import Liveness
    >>> Liveness.PASSED.value
    'passed'
    """

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"
    """The check cannot tell. The server then accepts the frame, unless liveness is required."""


class LivenessCheck(Protocol):
    """Contract of a liveness check: it says whether a living person was before the camera.

    `--liveness MODULE:NAME` names a class of your own. The class is called without arguments, once, when the program
    starts. Several threads may call `check` at once. `examples/liveness` has an example.

    Examples
    --------
    >>> from sealframe.faces import Liveness
    >>> class NotBlack:
    ...     def check(self, image):
    ...         return Liveness.PASSED if image.max() > 0 else Liveness.FAILED
    """

    def check(self, image: Pixels) -> Liveness:
        """Judge one frame.

        Parameters
        ----------
        image : numpy.ndarray
            The whole frame, uint8 (H, W) gray or (H, W, 3) RGB, 0..255, as captured. Never change it.

        Returns
        -------
        Liveness
            FAILED refuses the frame. Only PASSED lets it through where liveness is required (`--require-liveness`).
        """


class NoLiveness:
    """The check that is used where none is given: it says that liveness was not checked.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import NoLiveness
    >>> NoLiveness().check(np.zeros((480, 640, 3), np.uint8)).value
    'not_checked'
    """

    def check(self, image: Pixels) -> Liveness:  # noqa: ARG002
        """Return `Liveness.NOT_CHECKED` for every frame.

        Parameters
        ----------
        image : numpy.ndarray
            Not looked at.

        Returns
        -------
        Liveness
        """
        return Liveness.NOT_CHECKED


class RequireLiveness:
    """A liveness check made strict: what it cannot tell counts as failed.

    Parameters
    ----------
    check : LivenessCheck
        The check that has to pass.
    """

    def __init__(self, check: LivenessCheck) -> None:
        self._check = check

    def check(self, image: Pixels) -> Liveness:
        """Judge one frame.

        Parameters
        ----------
        image : numpy.ndarray
            uint8 (H, W) gray or (H, W, 3) RGB.

        Returns
        -------
        Liveness
            PASSED where the check passed, else FAILED.
        """
        return Liveness.PASSED if self._check.check(image) is Liveness.PASSED else Liveness.FAILED


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A square around a face, in pixels of the frame; it may reach beyond the frame.

    In the boxes of `Cascade` the eyes lie at about 0.37 and the mouth at about 0.78 of the height. Draw such boxes.

    Parameters
    ----------
    left, top : int
        Column and row of the upper left corner.
    side : int
        Width and height, at least 1.

    Examples
    --------
    >>> from sealframe.faces import FaceBox
    >>> FaceBox(left=120, top=40, side=200)
    FaceBox(left=120, top=40, side=200)
    """

    left: int
    top: int
    side: int


class FaceDetector(Protocol):
    """Contract of a face detector.

    `--detector MODULE:NAME` names a class of your own. The class is called without arguments, once, when the program
    starts. Several threads may call `find` at once. `examples/detector` has an example.

    Examples
    --------
    >>> from sealframe.faces import FaceBox
    >>> class WholeFrame:
    ...     def find(self, image):
    ...         return [FaceBox(0, 0, min(image.shape[:2]))]
    """

    def find(self, image: Pixels) -> list[FaceBox]:
        """Find every face.

        Parameters
        ----------
        image : numpy.ndarray
            The frame, uint8 (H, W) gray or (H, W, 3) RGB, 0..255, C-contiguous. Never change it.

        Returns
        -------
        list of FaceBox
            One for every face, in any order; empty where there is none.
        """


class CentreOval:
    """Takes the middle of every frame for the face: for terminals that guide the person into an oval.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import CentreOval
    >>> CentreOval().find(np.zeros((480, 640, 3), np.uint8))
    [FaceBox(left=140, top=60, side=360)]
    """

    def find(self, image: Pixels) -> list[FaceBox]:
        """Return the square in the middle.

        Parameters
        ----------
        image : numpy.ndarray
            uint8 (H, W) or (H, W, 3); only the shape is looked at.

        Returns
        -------
        list of FaceBox
            One box; its side is three quarters of the shorter side of the frame.
        """
        height, width = image.shape[:2]
        side = max(1, min(height, width) * 3 // 4)
        return [FaceBox((width - side) // 2, (height - side) // 2, side)]


class Cascade:
    """The frontal face cascade (local binary patterns) that comes with scikit-image.

    References
    ----------
    L. Zhang et al., "Face Detection Based on Multi-Block LBP Representation", ICB 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import Cascade
    >>> Cascade().find(np.zeros((480, 640, 3), np.uint8))
    []
    """

    def __init__(self) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade as Detector

        self._detector: Any = Detector(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]

    def find(self, image: Pixels) -> list[FaceBox]:
        """Find frontal faces of at least a fifth of the shorter side.

        Parameters
        ----------
        image : numpy.ndarray
            uint8 (H, W) gray or (H, W, 3) RGB.

        Returns
        -------
        list of FaceBox
            One for every face, the largest first.
        """
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
            FaceBox(int(face["c"] * scale), int(face["r"] * scale), int(min(face["width"], face["height"]) * scale))
            for face in found
        ]
        return _apart(boxes)


def _apart(boxes: list[FaceBox]) -> list[FaceBox]:
    """Of boxes whose centres lie within each other, the largest: the cascade may report one face twice."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda box: -box.side):
        if not any(_centre_lies_in(box, larger) for larger in kept):
            kept.append(box)
    return kept


def _centre_lies_in(box: FaceBox, larger: FaceBox) -> bool:
    column, row = box.left + box.side // 2, box.top + box.side // 2
    return 0 <= column - larger.left < larger.side and 0 <= row - larger.top < larger.side


def crop_face(image: Pixels, detector: FaceDetector) -> Pixels | FaceProblem:
    """Cut out the window around the one face of a frame.

    Parameters
    ----------
    image : numpy.ndarray
        uint8 (H, W) gray, (H, W, 3) RGB, or with more channels, which are left out.
    detector : FaceDetector
        What finds the face.

    Returns
    -------
    numpy.ndarray or FaceProblem
        The window, uint8 (S, S) or (S, S, 3), as matchers take it (`sealframe.faces.template.cut_window`); or why there
        is none.

    Examples
    --------
    >>> import numpy as np
    >>> from sealframe.faces import CentreOval, crop_face
    >>> noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    >>> crop_face(noise, CentreOval()).shape
    (414, 414, 3)
    >>> crop_face(np.zeros((480, 640, 3), np.uint8), CentreOval()).value
    'low_quality'
    """
    colour = image[..., :3] if image.ndim == 3 else image
    boxes = detector.find(np.ascontiguousarray(colour))
    if len(boxes) != 1:
        return FaceProblem.MULTIPLE_FACES if boxes else FaceProblem.NO_FACE
    box = boxes[0]
    face = cut_window(colour, box.left, box.top, box.side)
    return face if face.size and _is_good(face) else FaceProblem.LOW_QUALITY


def _is_good(face: Pixels) -> bool:
    step = max(1, len(face) // _RATED_SIDE)
    some = face[::step, ::step]
    return bool(_DARKEST <= some.mean() <= _BRIGHTEST and some.std() >= _FLATTEST)
