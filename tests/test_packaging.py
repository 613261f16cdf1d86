"""The checks of wheels find what is wrong with one; hosted workflows run what this repository has (M30)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from build_wheels import pythons
from emulated import MACHINES
from sealframe import _core

ROOT = Path(__file__).parent.parent
PACKAGE = Path(_core.__file__).parent


def test_the_running_python_is_found_and_no_older_one_than_supported() -> None:
    found = pythons()
    assert "{}.{}".format(*sys.version_info) in found
    assert all(tuple(map(int, version.split("."))) >= (3, 11) for version in found)


@pytest.fixture
def check():
    return pytest.importorskip("check_wheels", reason="the extra wheels is not installed")


def wheel(folder: Path, content: dict[str, bytes], platform: str = "manylinux_2_17_x86_64") -> Path:
    file = folder / f"sealframe-0.1.0-cp312-cp312-{platform}.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"sealframe/{name}", data)
    return file


def test_a_wheel_that_lacks_files_is_found(check, tmp_path: Path) -> None:
    faults = check.check_wheel(wheel(tmp_path, {"py.typed": b""}))
    assert "sealframe.h is missing" in " ".join(faults)
    assert "models/generator.onnx is missing" in faults
    assert "_core.cpython-312-x86_64-linux-gnu.so is missing" in faults
    assert "py.typed is missing" not in faults


def test_a_wheel_of_another_platform_is_found(check, tmp_path: Path) -> None:
    assert "not a manylinux_2_17 wheel" in check.check_wheel(wheel(tmp_path, {}, "linux_x86_64"))


def test_sizes_count_with_and_without_networks(check, tmp_path: Path) -> None:
    noise = os.urandom(1_100_000)
    without = [fault for fault in check.check_wheel(wheel(tmp_path, {"extra.bin": noise})) if "bytes" in fault]
    assert without == ["more than 1,000,000 bytes without models"]
    networks = [fault for fault in check.check_wheel(wheel(tmp_path, {"models/a.onnx": noise * 5})) if "bytes" in fault]
    assert networks == ["more than 5,000,000 bytes"]


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="looks into x86-64 libraries")
def test_libraries_are_looked_into(check, tmp_path: Path) -> None:
    library = (PACKAGE / "lib" / "libsealframe.so.1").read_bytes()
    whole = check.check_wheel(wheel(tmp_path, {"lib/libsealframe.so.1": library}))
    assert not [fault for fault in whole if "exports" in fault or "made for" in fault]
    renamed = library.replace(b"\0sf_version\0", b"\0sf_versiom\0")
    faults = check.check_wheel(wheel(tmp_path, {"lib/libsealframe.so.1": renamed}))
    assert any("exports ['sf_versiom'] too many and lacks ['sf_version']" in fault for fault in faults)
    foreign = check.check_wheel(wheel(tmp_path, {"lib/libsealframe.so.1": library}, "manylinux_2_17_aarch64"))
    assert "sealframe/lib/libsealframe.so.1: made for EM_X86_64" in foreign
    path = library + b"/home/someone/sealframe/cpp/src/status.cpp\0"
    named = check.check_wheel(wheel(tmp_path, {"lib/libsealframe.so.1": path}))
    assert any("names a folder of the computer that built it" in fault for fault in named)


def test_workflows_run_scripts_that_are_here() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for script in re.findall(r"(?:\.ci|packaging|benchmarks)/[\w.]+", workflow.read_text()):
            assert (ROOT / script).is_file(), f"{workflow.name}: {script}"
    for script in re.findall(r"packaging/\w+\.py", (ROOT / ".ci" / "wheels").read_text()):
        assert (ROOT / script).is_file()


def test_emulated_machines_are_those_that_ci_and_documents_name() -> None:
    text = (ROOT / ".ci" / "wheels").read_text() + (ROOT / "docs" / "wheels.md").read_text()
    named = set(re.findall(r"(?:emulated|exchange)\.py (?:\"\$machine\" )?([a-z][\w-]+)", text)) - {"MACHINE"}
    assert named
    assert named <= set(MACHINES)


def test_cibuildwheel_builds_every_supported_python() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert configured["project"]["requires-python"] == ">=3.11"
    assert configured["tool"]["cibuildwheel"]["build"].split() == [
        "cp311-*",
        "cp312-*",
        "cp313-*",
        "cp314-*",
        "cp314t-*",
    ]


def test_cibuildwheel_knows_every_build_of_the_release(tmp_path: Path) -> None:
    """What the release's runners ask for, and nothing that only looks like a name."""
    pytest.importorskip("cibuildwheel", reason="the extra wheels is not installed")
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    runners = re.findall(r"runner: (ubuntu|macos|windows)\S*, arch: (\w+)", workflow)
    assert len(runners) == 6
    known = {"ubuntu": ("linux", ["manylinux", "musllinux"]), "macos": ("macos", ["macosx"])}
    known["windows"] = ("windows", ["win"])
    for runner, (system, platforms) in known.items():
        architectures = [architecture for name, architecture in runners if name == runner]
        words = [sys.executable, "-m", "cibuildwheel", "--platform", system, "--archs", ",".join(architectures)]
        words += ["--print-build-identifiers", str(ROOT)]
        printed = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert set(printed.split()) == {
            f"{python}-{platform}_{architecture.lower()}"
            for python in ("cp311", "cp312", "cp313", "cp314", "cp314t")
            for platform in platforms
            for architecture in architectures
        }
