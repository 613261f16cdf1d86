"""Which matcher and detector the command line means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.server.faces import Cascade, CentreOval
from sealframe.server.matching import DemoMatcher, OnnxMatcher

if TYPE_CHECKING:
    from sealframe.server.faces import FaceDetector
    from sealframe.server.matching import Matcher


def choose_matcher(model: str | None) -> Matcher:
    """The operator's model, or the demo matcher. Raises ModelError."""
    return OnnxMatcher(model) if model else DemoMatcher()


def choose_detector(name: str) -> FaceDetector:
    """`cascade` or `centre`."""
    return Cascade() if name == "cascade" else CentreOval()
