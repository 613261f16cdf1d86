"""Which matcher, detector and liveness check the command line means."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealframe.errors import PolicyError
from sealframe.faces.detection import Cascade, CentreOval
from sealframe.faces.matchers import DemoMatcher, OnnxMatcher

if TYPE_CHECKING:
    from sealframe.faces.detection import FaceDetector, LivenessCheck
    from sealframe.faces.matchers import Matcher


def choose_matcher(model: str | None) -> Matcher:
    """The demo matcher, or the operator's: a model's file, or MODULE:NAME. Raises ModelError or PolicyError."""
    if not model:
        return DemoMatcher()
    if ":" not in model or Path(model).exists():
        return OnnxMatcher(model)
    matcher: Matcher = _load(model, "matcher", "embed")
    return matcher


def choose_detector(name: str) -> FaceDetector:
    """`cascade`, `centre`, or one of the operator's as MODULE:NAME. Raises PolicyError."""
    if name in _DETECTORS:
        return _DETECTORS[name]()
    detector: FaceDetector = _load(name, "face detector", "find")
    return detector


_DETECTORS: dict[str, type[FaceDetector]] = {"cascade": Cascade, "centre": CentreOval}


def choose_liveness(name: str) -> LivenessCheck:
    """One of the operator's, as MODULE:NAME. Raises PolicyError."""
    check: LivenessCheck = _load(name, "liveness check", "check")
    return check


def _load(name: str, what: str, method: str) -> Any:
    """Make an object of the operator's by calling MODULE:NAME without arguments."""
    module, _, attribute = name.partition(":")
    try:
        made = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError):
        raise PolicyError(f"The {what} {name} cannot be loaded; give MODULE:NAME.") from None
    if not callable(getattr(made, method, None)):
        raise PolicyError(f"The {what} {name} has no method `{method}`; see docs/operate.md.")
    return made
