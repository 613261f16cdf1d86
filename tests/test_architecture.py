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
    "roc",
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


CPP = ROOT / "cpp"
CPP_FILES = sorted(path for place in ("src", "include") for path in (CPP / place).rglob("*.*"))
CPP_SOURCES = [path for path in CPP_FILES if path.suffix == ".cpp"]
STAGE_OF_HEADER = {"sampling": "features", "spectrum": "features", "sealframe": "capi"}
"""Public headers that bear another name than their stage."""
ISAS = re.findall(
    r"^SEALFRAME_INSTRUCTION_SET\((\w+),", (CPP / "src" / "cpu" / "instruction_sets.def").read_text(), re.MULTILINE
)
INTRINSIC = r"\b(?:_mm\d*|v\w+?)_\w+"


def name_of(path: Path) -> str:
    """A C++ file as others include it."""
    return path.relative_to(CPP / path.relative_to(CPP).parts[0]).as_posix()


def included_by(path: Path, marks: str = '""') -> list[str]:
    """Files of the project that a C++ file includes; with the marks <> those of the system."""
    return re.findall(rf"^\s*#\s*include\s*{marks[0]}([^{marks}]+){marks[1]}", path.read_text(), re.MULTILINE)


def cpp_stage_of(name: str) -> str:
    first, _, rest = name.removeprefix("generated/").partition("/")
    return STAGE_OF_HEADER.get(Path(rest).stem, Path(rest).stem) if first == "sealframe" else first


def later_stages(path: Path, stage: str) -> list[str]:
    """What a file of this stage includes although it stands behind it."""
    rank = CPP_ORDER.index(stage)
    return [name for name in included_by(path) if CPP_ORDER.index(cpp_stage_of(name)) > rank]


def system_headers(path: Path) -> set[str]:
    """All that a C++ file includes, by itself and by files of the project."""
    found = set(included_by(path, "<>"))
    for name in included_by(path):
        places = [CPP / place / name for place in ("src", "include") if (CPP / place / name).exists()]
        assert places or name.startswith("generated/"), f"{path} includes {name}, which does not exist"
        found = found.union(*map(system_headers, places))
    return found


def faults_of_opening(text: str) -> list[str]:
    """What the two lines at the top of a C++ file lack: the method, the instructions, and that the code has them."""
    first, second, *code = text.split("\n")
    faults = [f"opens with {first!r}, not with // Method: ..."] * (not re.fullmatch(r"// Method: \w.*\.", first))
    if not re.fullmatch(r"// Instructions: \w.*\.", second):
        return [*faults, f"goes on with {second!r}, not with // Instructions: ..."]
    used = set(re.findall(INTRINSIC, "\n".join(code)))
    return faults + [f"does not use {name}" for name in re.findall(INTRINSIC, second) if name not in used]


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_a_cpp_stage_includes_only_stages_before_it(path: Path) -> None:
    stage = cpp_stage_of(name_of(path))
    assert stage in CPP_ORDER, f"{path} is in no stage: name it in the order"
    assert not later_stages(path, stage)


@pytest.mark.parametrize(
    "path", [path for path in CPP_SOURCES if path.stem.endswith(tuple(f"_{isa}" for isa in ISAS))], ids=name_of
)
def test_files_of_one_instruction_set_include_headers_of_c_alone(path: Path) -> None:
    """Inline functions of the C++ library would be compiled for that set, and the linker may keep them for all."""
    assert {name for name in system_headers(path) if not name.endswith(".h")} == set()


@pytest.mark.parametrize("path", CPP_SOURCES, ids=name_of)
def test_a_cpp_file_opens_with_its_method_and_its_instructions(path: Path) -> None:
    assert faults_of_opening(path.read_text()) == []


def test_every_cpp_file_is_built() -> None:
    """A file of a set that no list names would be left out in silence."""
    listed = set(re.findall(r"\w+/\w+(?=\.cpp|[\s)])", (CPP / "cmake" / "core.cmake").read_text()))
    kernels = {f"{name}_{isa}" for name in listed for isa in ISAS}
    assert {name_of(path).removesuffix(".cpp") for path in CPP_SOURCES} <= listed | kernels


def test_the_readme_of_cpp_has_a_line_for_every_file() -> None:
    (tree,) = re.findall(r"```text\n(.*?)```", (CPP / "README.md").read_text(), re.DOTALL)
    folder, listed = "", []
    for line in tree.splitlines():
        name, _, what = line.strip().partition(" ")
        folder = folder if line.startswith(" ") else name
        assert what.strip() or folder.endswith("/"), f"{name}: what is it?"
        listed += [folder + name if line.startswith(" ") else name] if what else []
    assert sorted(listed) == sorted(f"cpp/{path.relative_to(CPP).as_posix()}" for path in CPP.rglob("*.*"))


def test_the_tests_of_cpp_see_what_they_must(tmp_path: Path) -> None:
    file = tmp_path / "image_avx2.cpp"
    file.write_text('#include <vector>\n#include "sealframe/sampling.hpp"\n#include "cpu/dispatch.hpp"\n')
    assert later_stages(file, "image") == ["sealframe/sampling.hpp"]
    assert later_stages(file, "features") == []
    assert {"vector", "atomic", "cstddef"} <= system_headers(file)
    assert len(faults_of_opening(file.read_text())) == 2
    assert faults_of_opening("// Method: adds.\n// Instructions: AVX2: _mm256_add_epi8.\n") != []
    assert faults_of_opening("// Method: adds.\n// Instructions: AVX2: _mm256_add_epi8.\n\n_mm256_add_epi8(a)") == []


@pytest.mark.parametrize(
    "heavy", ["onnxruntime", "cv2", "torch", "matplotlib", "PIL", "fastapi", "sqlalchemy", "sqlite3", "argparse"]
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


def code_lines(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstrings of the node and of what it holds."""
    holders = [
        each for each in ast.walk(node) if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    texts = [each.body[0] for each in holders if ast.get_docstring(each) is not None]
    return span(node) - sum(map(span, texts))


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PYTHON)))
def test_no_class_is_above_150_lines_and_no_function_above_50(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            assert code_lines(node) <= 150, node.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert code_lines(node) <= 50, node.name
