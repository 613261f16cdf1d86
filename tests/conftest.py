"""Shared fixtures: a device, a server, small pictures, and real pictures where SEALFRAME_TEST_DATA points to some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sealframe import _core

NEEDS = {
    "calibration": ("fastapi",),
    "faces/test_plugins.py": ("skimage",),
    "loadtest": ("fastapi",),
    "sandbox": ("fastapi",),
    "server": ("fastapi",),
    "server/http/test_openapi.py": ("schemathesis",),
    "terminal": ("cv2", "rich", "fastapi"),
    "programs/test_crash.py": ("fastapi",),
}
"""What the tests below a path import; without it they are not collected. The extras of pyproject.toml bring it."""
collect_ignore = [path for path, modules in NEEDS.items() if any(find_spec(module) is None for module in modules)]


@pytest.fixture(scope="session")
def test_data() -> Path | None:
    """The folder of real pictures, or None."""
    folder = os.environ.get("SEALFRAME_TEST_DATA")
    return Path(folder) if folder else None


@pytest.fixture(scope="session")
def picture_files(test_data: Path | None, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Real pictures where there are some, and always a set of synthetic ones, whole and damaged, in every format."""
    from tests.support import write_synthetic_pictures

    made = write_synthetic_pictures(tmp_path_factory.mktemp("pictures"))
    if test_data is None:
        return made
    endings = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}
    return made + sorted(path for path in (test_data / "samples").rglob("*") if path.suffix.lower() in endings)


@pytest.fixture
def frame() -> np.ndarray:
    """A 640x480 RGB frame with edges, gradients and noise."""
    from tests.support import synthetic_frame

    return synthetic_frame(480, 640)


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once per instruction set of this CPU."""
    used = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(used)
