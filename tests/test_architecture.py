"""The arrows of docs/ARCHITECTURE.md hold, in Python and in C++; imports stay lazy.

Covers M30.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "python" / "sealframe"
ORDER = [
    "errors",
    "files",
    "trace",
    "plots",
    "onnx_format",
    "models",
    "_core",
    "image",
    "faces",
    "acquisition",
    "features",
    "derivation",
    "similarity",
    "factor",
    "capture_context",
    "security_factor",
    "keys",
    "envelope",
    "freshness",
    "pipeline",
    "currencies",
    "money",
    "payment_protocol",
    "selftest",
    "bench",
]
"""The core: a part imports only parts before it."""
APPLICATIONS: dict[str, set[str]] = {
    "server": set(),
    "terminal": set(),
    "training": set(),
    "calibration": set(),
    "sandbox": {"server", "terminal"},
    "loadtest": {"server", "terminal", "sandbox"},
}
"""Who uses the core, and the applications that each may import."""
COMMAND_LINE = "cli"
ENTRANCES = {"__init__", "__main__"}
CPP_ORDER = ["status", "cpu", "image", "features", "derivation", "similarity", "factor", "capi"]


def part_of(path: Path) -> str:
    return path.relative_to(PYTHON).parts[0].removesuffix(".py")


def modules_imported_by(path: Path) -> Iterator[str]:
    """Full names of everything that a file imports, by statement or by a name in a string."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            (name, *_) = node.args
            yield ast.unparse(name).lstrip("f").strip("'\"")


def parts_imported_by(path: Path) -> set[str]:
    """First folders or files below sealframe."""
    names = (name.split(".") for name in modules_imported_by(path))
    known = {*ORDER, *APPLICATIONS, COMMAND_LINE}
    return {name[1] for name in names if name[0] == "sealframe" and len(name) > 1 and name[1] in known}


FILES = sorted(PYTHON.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PYTHON)))
def test_a_stage_imports_only_stages_before_it(path: Path) -> None:
    part = part_of(path)
    if part in ENTRANCES or part == COMMAND_LINE:
        return
    imported = parts_imported_by(path) - {part}
    assert COMMAND_LINE not in imported, f"{path} imports the command line"
    if part in APPLICATIONS:
        others = imported & APPLICATIONS.keys() - APPLICATIONS[part]
        assert not others, f"{path} imports other applications: {others}"
        return
    assert part in ORDER, f"{path} is in no stage: name it in the order"
    later = {name for name in imported if name in APPLICATIONS or ORDER.index(name) > ORDER.index(part)}
    assert not later, f"{path} imports later stages {later}"


def test_the_test_sees_what_it_must(tmp_path: Path) -> None:
    file = tmp_path / "stage.py"
    file.write_text(
        "import sealframe.server\n"
        "from sealframe.cli.keys import Passwords\n"
        "from sealframe import pipeline, __version__\n"
        "def later(name):\n"
        "    import_module('sealframe.terminal.journal')\n"
        "    importlib.import_module(f'sealframe.training.{name}')\n"
    )
    assert parts_imported_by(file) == {"server", "cli", "pipeline", "terminal", "training"}


def test_every_file_has_its_own_name_for_a_class() -> None:
    """One class name, one class; private names may repeat."""
    homes: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(PYTHON)))
    assert not {name: files for name, files in homes.items() if len(files) > 1}


@pytest.mark.parametrize("path", sorted((ROOT / "cpp" / "src").rglob("*.[ch]*")), ids=lambda path: path.name)
def test_a_cpp_stage_includes_only_stages_before_it(path: Path) -> None:
    stage = path.relative_to(ROOT / "cpp" / "src").parts[0]
    assert stage in CPP_ORDER, f"{path} is in no stage: name it in the order"
    for included in re.findall(r'#include [<"](?:sealframe/)?(\w+)', path.read_text()):
        name = included.split("_")[0] if included.split("_")[0] in CPP_ORDER else included
        if name in CPP_ORDER:
            assert CPP_ORDER.index(name) <= CPP_ORDER.index(stage), f"{path} includes {included}"


@pytest.mark.parametrize(
    "heavy", ["onnxruntime", "cv2", "torch", "PIL", "fastapi", "sqlalchemy", "sqlite3", "argparse"]
)
def test_m30_importing_sealframe_loads_nothing_heavy(heavy: str) -> None:
    code = f"import sys, sealframe; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_stage_has_its_test_and_its_page_in_the_architecture() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    for stage in (*ORDER, *APPLICATIONS, COMMAND_LINE):
        assert f"`{stage}`" in text, f"docs/ARCHITECTURE.md does not name {stage}"


def test_public_names_exist_and_are_listed() -> None:
    import sealframe

    for name in sealframe.__all__:
        assert getattr(sealframe, name) is not None
    assert sealframe.__all__ == sorted(sealframe.__all__)
