"""The arrows of docs/ARCHITECTURE.md hold, in Python and in C++; imports stay lazy.

Covers M30.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "python" / "sealframe"
ORDER = [
    "errors",
    "files",
    "trace",
    "plots",
    "roc",
    "onnx_format",
    "models",
    "_core",
    "face_template",
    "image",
    "faces",
    "acquisition",
    "features",
    "derivation",
    "similarity",
    "image_factor",
    "capture_context",
    "security_factor",
    "keys",
    "envelope",
    "freshness",
    "pipeline",
    "payment",
    "selftest",
    "bench",
    "cli",
]
APPLICATIONS = {"server", "terminal", "training"}
ENTRANCES = {"__init__", "__main__"}
CPP_ORDER = ["status", "cpu", "image", "features", "derivation", "similarity", "image_factor", "capi"]


def part_of(path: Path) -> str:
    return path.relative_to(PYTHON).parts[0].removesuffix(".py")


def parts_imported_by(path: Path) -> set[str]:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "sealframe"
                else [node.module or ""]
            )
        imported |= {name.split(".")[1] for name in names if name.startswith("sealframe.")}
    return imported - {"__version__"}


@pytest.mark.parametrize("path", sorted(PYTHON.rglob("*.py")), ids=lambda path: str(path.relative_to(PYTHON)))
def test_a_stage_imports_only_stages_before_it(path: Path) -> None:
    part = part_of(path)
    if part in ENTRANCES:
        return
    imported = parts_imported_by(path) - {part}
    if part in APPLICATIONS:
        assert not imported & (APPLICATIONS - {part}), f"{path} imports another application"
        return
    assert part in ORDER, f"{path} is in no stage: name it in the order"
    stages = {name for name in imported if name in ORDER or name in APPLICATIONS}
    if part == "cli":
        return
    later = {name for name in stages if name in APPLICATIONS or ORDER.index(name) > ORDER.index(part)}
    assert not later, f"{path} imports later stages {later}"


@pytest.mark.parametrize("path", sorted((ROOT / "cpp" / "src").rglob("*.[ch]*")), ids=lambda path: path.name)
def test_a_cpp_stage_includes_only_stages_before_it(path: Path) -> None:
    stage = path.relative_to(ROOT / "cpp" / "src").parts[0]
    assert stage in CPP_ORDER, f"{path} is in no stage: name it in the order"
    for included in re.findall(r'#include [<"](?:sealframe/)?(\w+)', path.read_text()):
        name = included.split("_")[0] if included.split("_")[0] in CPP_ORDER else included
        if name in CPP_ORDER:
            assert CPP_ORDER.index(name) <= CPP_ORDER.index(stage), f"{path} includes {included}"


@pytest.mark.parametrize(
    "heavy", ["onnxruntime", "cv2", "torch", "matplotlib", "PIL", "fastapi", "sqlalchemy", "sqlite3", "argparse"]
)
def test_m30_importing_sealframe_loads_nothing_heavy(heavy: str) -> None:
    code = f"import sys, sealframe; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_stage_has_its_test_and_its_page_in_the_architecture() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    for stage in ORDER:
        assert f"`{stage}`" in text, f"docs/ARCHITECTURE.md does not name {stage}"


def test_public_names_exist_and_are_listed() -> None:
    import sealframe

    for name in sealframe.__all__:
        assert getattr(sealframe, name) is not None
    assert sealframe.__all__ == sorted(sealframe.__all__)
