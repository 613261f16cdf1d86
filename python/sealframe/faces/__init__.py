"""Faces: where they are in a frame, how alike two are, and the contracts for plugins of your own.

Three options take a class of yours as MODULE:NAME, each by one contract, in server, calibration and training alike:

    --detector   FaceDetector     finds the faces of a frame, as FaceBox
    --model      Matcher          makes a vector of a face and compares vectors; a VectorMatcher writes one method
    --liveness   LivenessCheck    says of a frame whether a living person was before the camera, as Liveness

`choose_detector`, `choose_matcher` and `choose_liveness` make what an option names; PluginError says what is wrong with
a class. The frame of a payment passes these, in this order:

    LivenessCheck -> FaceDetector -> crop_face -> Matcher.embed -> Matcher.accepts, at the Thresholds of a calibration

What comes with sealframe: Cascade and CentreOval find faces, OnnxMatcher runs the model of an ONNX file, DemoMatcher is
for demonstrations, NoLiveness checks nothing. `examples/` has a detector, a matcher and a liveness check to start from.

Every name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealframe.faces.detection import (
        Cascade,
        CentreOval,
        FaceBox,
        FaceDetector,
        FaceProblem,
        Liveness,
        LivenessCheck,
        NoLiveness,
        crop_face,
    )
    from sealframe.faces.matchers import DemoMatcher, Matcher, OnnxMatcher, Thresholds, VectorMatcher
    from sealframe.faces.plugins import PluginError, choose_detector, choose_liveness, choose_matcher

_HOMES = {
    "sealframe.faces.plugins": ("PluginError", "choose_detector", "choose_liveness", "choose_matcher"),
    "sealframe.faces.detection": (
        "Cascade",
        "CentreOval",
        "FaceBox",
        "FaceDetector",
        "FaceProblem",
        "Liveness",
        "LivenessCheck",
        "NoLiveness",
        "crop_face",
    ),
    "sealframe.faces.matchers": ("DemoMatcher", "Matcher", "OnnxMatcher", "Thresholds", "VectorMatcher"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Cascade",
    "CentreOval",
    "DemoMatcher",
    "FaceBox",
    "FaceDetector",
    "FaceProblem",
    "Liveness",
    "LivenessCheck",
    "Matcher",
    "NoLiveness",
    "OnnxMatcher",
    "PluginError",
    "Thresholds",
    "VectorMatcher",
    "choose_detector",
    "choose_liveness",
    "choose_matcher",
    "crop_face",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sealframe.faces' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
