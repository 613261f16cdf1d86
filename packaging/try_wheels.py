"""Installs each wheel for this computer into an empty environment without a compiler on PATH, and tries it.

    python packaging/try_wheels.py [dist] [--whole]

`doctor`, `demo` and tests of the unpacked source distribution run against the installed wheel: a choice of tests, or
with `--whole` every test. Then the compilers of this computer build C and C++ programs against that wheel. A wheel is
tried if its Python is on PATH or in pyenv's folder and its architecture is this computer's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from build_wheels import pythons

ROOT = Path(__file__).resolve().parent.parent
BUILD = "python packaging/build_wheels.py"
HARMLESS = ("bash", "cat", "cmp", "env", "nm", "sh", "sleep", "true", "uname")
"""The programs on PATH beside Python: none compiles or links."""
TESTS = ["tests/test_pipeline.py", "tests/test_factor.py", "tests/cli/test_cli.py", "tests/vectors"]
CONSUMERS = ["tests/core/test_consumer.py", "tests/test_examples.py"]


def try_wheel(wheel: Path, sdist: Path, python: Path, *, whole: bool) -> None:
    """Install and try one wheel; raises SystemExit if anything fails."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with tarfile.open(sdist) as archive:
            archive.extractall(work, filter="data")
        source = work / sdist.name.removesuffix(".tar.gz")
        run([python, "-m", "venv", work / "venv"], work, os.environ["PATH"])
        path = _path_without_compilers(work)
        inside = work / "venv" / "bin" / "python"
        run([inside, "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"{wheel}[test]"], work, path)
        where = run([inside, "-c", "import sealframe; print(sealframe.__file__)"], work, path).strip()
        if not where.startswith(str(work / "venv")):
            raise SystemExit(f"{wheel.name}: another sealframe was imported, {where}")
        run([inside, "-m", "sealframe", "doctor"], work, path)
        run([inside, "-m", "sealframe", "demo"], work, path)
        tests = [] if whole else TESTS
        print(f"{wheel.name}: {_pytest(inside, source, path, tests)}", flush=True)
        (source / "build").mkdir()
        if (headers := ROOT / "build" / "onnxruntime").exists():
            (source / "build" / "onnxruntime").symlink_to(headers)
        print(f"{wheel.name}, linked: {_pytest(inside, source, os.environ['PATH'], CONSUMERS)}", flush=True)


def _path_without_compilers(work: Path) -> str:
    tools = work / "tools"
    tools.mkdir()
    for name in HARMLESS:
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    path = f"{work / 'venv' / 'bin'}{os.pathsep}{tools}"
    assert not any(shutil.which(name, path=path) for name in ("cc", "c++", "gcc", "clang", "ld", "cmake"))
    return path


def _pytest(python: Path, source: Path, path: str, tests: list[str]) -> str:
    """The tests' last line."""
    return run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], source, path).strip().splitlines()[-1]


def run(words: list[str | Path], folder: Path, path: str) -> str:
    """Standard output of a command; raises SystemExit with all its output if it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env={**environment, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}\n{' '.join(map(str, words))} failed.")
    return done.stdout


def main() -> int:
    """Try every wheel that one of the Pythons found can install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist", help="default: dist")
    parser.add_argument("--whole", action="store_true", help="every test, not a choice of them")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    sdists = sorted(folder.glob("*.tar.gz"))
    if len(sdists) != 1:
        raise SystemExit(f"{folder} holds {len(sdists)} source distributions; empty it, then build: {BUILD}")
    tried = 0
    for version, python in pythons().items():
        tag = f"cp{version.replace('.', '')}"
        for wheel in sorted(folder.glob(f"*-{tag}-{tag}-*{platform.machine()}.whl")):
            try_wheel(wheel, sdists[0], python, whole=arguments.whole)
            tried += 1
    if not tried:
        raise SystemExit(f"{folder} holds no wheel for {platform.machine()} and a Python found here; build: {BUILD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
