"""The checks of wheels find what is wrong with one; hosted workflows run what this repository has (M30)."""

from __future__ import annotations

import os
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import reproduce
from build_wheels import pythons
from emulated import MACHINES
from sealframe import _core

ROOT = Path(__file__).parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"
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
    for workflow in WORKFLOWS.glob("*.yml"):
        for script in re.findall(r"(?:\.ci|packaging|benchmarks)/[\w.]+", workflow.read_text()):
            assert (ROOT / script).is_file(), f"{workflow.name}: {script}"
    for script in re.findall(r"packaging/\w+\.py", (ROOT / ".ci" / "wheels").read_text()):
        assert (ROOT / script).is_file()


def test_emulated_machines_are_those_that_ci_and_documents_name() -> None:
    text = (ROOT / ".ci" / "wheels").read_text() + (ROOT / "docs" / "wheels.md").read_text()
    named = set(re.findall(r"(?:emulated|exchange)\.py (?:\"\$machine\" )?([a-z][\w-]+)", text)) - {"MACHINE"}
    assert named
    assert named <= set(MACHINES)


def test_a_release_publishes_the_files_that_were_tried() -> None:
    """ci.yml and release.yml call one pipeline; after it, a release attests and publishes, and builds nothing."""
    release, pipeline = (WORKFLOWS / "release.yml").read_text(), (WORKFLOWS / "wheels.yml").read_text()
    for caller in (release, (WORKFLOWS / "ci.yml").read_text()):
        assert "uses: ./.github/workflows/wheels.yml" in caller
    uploaded, downloaded = (
        set(re.findall(rf"/{action}-artifact@.*\n\s+with:\n\s+name: (\S+)", text))
        for action, text in (("upload", pipeline), ("download", release))
    )
    assert {"distributions", "bill-of-materials"} <= uploaded
    assert downloaded == uploaded
    assert not re.search(r"\brun:", release)


@pytest.mark.parametrize(("form", "folder"), [("short", "build/wheels-short"), ("whole", "dist")])
def test_the_pipeline_checks_and_tries_what_it_builds(form: str, folder: str) -> None:
    short, whole = (ROOT / ".ci" / "wheels").read_text().split("\n  exit\n")
    for program in ("build_wheels", "check_wheels", "try_wheels"):
        (options,) = re.findall(rf"packaging/{program}\.py(.*)", short if form == "short" else whole)
        assert (re.findall(r"build/[\w-]+|dist", options) or ["dist"]) == [folder], program


def test_the_pipeline_builds_for_every_supported_python() -> None:
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    jobs = re.findall(r"python-version: \|\n((?:\s+3\.\d+\n)+)", (WORKFLOWS / "wheels.yml").read_text())
    versions = [job.split() for job in jobs]
    assert len(versions) == 2
    assert versions[0] == versions[1]
    assert versions[0][-1] == oldest, "the last version is `python3`, which .ci/wheels --short builds for"
    table = (ROOT / "README.md").read_text().partition("## Where it runs")[2]
    assert all(re.search(rf"\| [\d., ]*{re.escape(version)}\b", table) for version in versions[0])


def test_actions_are_pinned_by_commit() -> None:
    used = [line for file in WORKFLOWS.glob("*.yml") for line in re.findall(r"uses: (.*)", file.read_text())]
    foreign = [action for action in used if not action.startswith("./")]
    assert foreign
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in foreign)


def test_builds_that_differ_are_named() -> None:
    first = {"a.whl": "1", "a.tar.gz": "2"}
    assert reproduce.differences([first, dict(first), dict(first)]) == {}
    assert reproduce.differences([first, first | {"a.whl": "3"}]) == {"a.whl": "1 differs from 3"}
    assert reproduce.differences([first, {"a.whl": "1"}]) == {"a.tar.gz": "2 differs from missing"}
    assert reproduce.differences([first, first | {"b.whl": "3"}]) == {"b.whl": "missing differs from 3"}


@pytest.mark.parametrize("folder", ["benchmarks", "packaging"])
def test_a_readme_lists_every_file_of_its_folder(folder: str) -> None:
    tree = (ROOT / folder / "README.md").read_text().partition("```text\n")[2].partition("```")[0]
    listed = re.findall(r"^  (\S+\.\w+)  +\S", tree, re.MULTILINE)
    here = {file.name for file in (ROOT / folder).iterdir() if file.is_file()}
    assert len(listed) == len(set(listed))
    assert set(listed) == here
