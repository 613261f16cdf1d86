"""Builds the source distribution, and from it a manylinux2014 wheel for every Python found, for x86-64 and ARM64.

    python packaging/build_wheels.py                                      everything, into dist/
    python packaging/build_wheels.py --architecture x86_64 --python 3.12  the source distribution and one wheel

Zig compiles, and brings an old glibc to link against: neither a container nor a cross compiler is needed. Its first use
takes minutes; later ones are cached. Pythons are found on PATH and in pyenv's folder. Files bear the time of the last
commit and paths are relative, so that two clones give the same bytes (packaging/reproduce.py).
Needs `pip install '.[wheels]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "wheels"
ARCHITECTURES = ("x86_64", "aarch64")
GLIBC = "2.17"
COMPILER = """\
#!/bin/sh
# Zig names the baseline otherwise than GCC and Clang do, and leaves out debugging information only when asked.
left=$#
while [ "$left" -gt 0 ]; do
  case $1 in
    -march=*) ;;
    *) set -- "$@" "$1" ;;
  esac
  shift
  left=$((left - 1))
done
exec "{zig}" c++ -target {architecture}-linux-gnu.{glibc} -mcpu=baseline -ffile-prefix-map="{source}"=. -s "$@"
"""
TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {architecture})
set(CMAKE_CXX_COMPILER "{tools}/c++")
set(CMAKE_AR "{tools}/ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "{tools}/ranlib" CACHE FILEPATH "")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# pybind11 would look whether links can be optimised, and Zig compile its C++ library anew for each look.
set(HAS_FLTO_THIN OFF CACHE BOOL "")
set(HAS_FLTO OFF CACHE BOOL "")
"""


def pythons() -> dict[str, Path]:
    """Every CPython on this computer that sealframe supports, by version such as "3.12"."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    found = {_version(Path(sys.executable)): Path(sys.executable)}
    for python in (python for folder in folders for python in sorted(folder.glob("python3.*"))):
        version = python.name.removeprefix("python")
        if version not in found and _number(version) >= _oldest() and _version(python) == version:
            found[version] = python
    return {version: found[version] for version in sorted(found, key=_number) if _number(version) >= _oldest()}


def _number(version: str) -> tuple[int, ...]:
    """A version as numbers, for comparison; empty if it is not a version, such as "3.12-config"."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+\.\d+", version) else ()


@cache
def _oldest() -> tuple[int, ...]:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return _number(configured["project"]["requires-python"].removeprefix(">="))


def _version(python: Path) -> str:
    """Such as "3.12"; empty if it does not run, is not CPython, or lacks headers, pip or venv."""
    probe = (
        "import sys, sysconfig, pathlib, venv, ensurepip; "
        "header = pathlib.Path(sysconfig.get_path('include'), 'Python.h'); "
        "print('%d.%d' % sys.version_info[:2] if sys.implementation.name == 'cpython' and header.exists() else '')"
    )
    done = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def build_sdist(out: Path) -> Path:
    """The source distribution of the working tree."""
    with tempfile.TemporaryDirectory() as work:
        run(sys.executable, "-m", "build", "--sdist", "--outdir", work, ROOT)
        (made,) = Path(work).glob("*.tar.gz")
        return Path(shutil.copy2(made, out / made.name))


def build_wheel(sdist: Path, python: Path, version: str, architecture: str, out: Path) -> Path:
    """A wheel from the source distribution. Zig compiles it; auditwheel decides its platform and its name."""
    source = _unpack(sdist)
    suffix = f".cpython-{version.replace('.', '')}-{architecture}-linux-gnu.so"
    environment = {
        **os.environ,
        "SETUPTOOLS_EXT_SUFFIX": suffix,
        "_PYTHON_HOST_PLATFORM": f"linux-{architecture}",
        "SOURCE_DATE_EPOCH": _last_commit(),
    }
    venv = _environment(python, version)
    environment["PATH"] = os.pathsep.join([str(venv / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    options = [f"-Ccmake.toolchain-file={_write_toolchain(source, architecture)}", "-Cinstall.strip=false"]
    options += [f"-Ccmake.define.PYTHON_MODULE_EXTENSION={suffix}"]  # pybind11 takes this computer's otherwise
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        build = ["-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", work]
        run(venv / "bin" / "python", *build, *options, source, environment=environment)
        (raw,) = work.glob("*.whl")
        # "auto": by name, auditwheel takes only platforms of this computer. check_wheels.py checks what it chose.
        auditwheel = [sys.executable, "-m", "auditwheel", "repair", "--plat", "auto", "--only-plat"]
        run(*auditwheel, "--wheel-dir", work / "repaired", raw, environment=environment)
        (made,) = (work / "repaired").glob("*.whl")
        return Path(shutil.copy2(made, out / made.name))


def _environment(python: Path, version: str) -> Path:
    """A virtual environment of this Python with the build requirements of pyproject.toml."""
    venv = WORK / f"python{version}"
    shutil.rmtree(venv, ignore_errors=True)
    run(python, "-m", "venv", venv)
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    run(venv / "bin" / "python", "-m", "pip", "--quiet", "install", *requires, "cmake", "ninja")
    return venv


def _unpack(sdist: Path) -> Path:
    """The source at a path that stays the same, so that Zig's cache serves all Pythons."""
    source = WORK / "source"
    shutil.rmtree(source, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=WORK) as folder, tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
        (Path(folder) / sdist.name.removesuffix(".tar.gz")).rename(source)
    return source


def _write_toolchain(source: Path, architecture: str) -> Path:
    import ziglang

    zig = Path(ziglang.__file__).parent / "zig"
    tools = WORK / architecture
    tools.mkdir(exist_ok=True)
    scripts = {name: f'#!/bin/sh\nexec "{zig}" {name} "$@"\n' for name in ("ar", "ranlib")}
    scripts["c++"] = COMPILER.format(zig=zig, architecture=architecture, glibc=GLIBC, source=source)
    for name, content in scripts.items():
        (tools / name).write_text(content)
        (tools / name).chmod(0o755)
    file = tools / "toolchain.cmake"
    file.write_text(TOOLCHAIN.format(architecture=architecture, tools=tools))
    return file


def _last_commit() -> str:
    """Seconds since 1970 of the last commit; outside a repository SOURCE_DATE_EPOCH, or the first day of 1980."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or os.environ.get("SOURCE_DATE_EPOCH", "315532800")


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run a command, and print its output only if it fails."""
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}\n{' '.join(map(str, command))} failed.")


def main() -> int:
    """Build, and print the SHA-256, size and name of each file."""
    at_hand = pythons()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES, help="default: both")
    parser.add_argument("--python", action="append", choices=at_hand, help="default: every one found")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    WORK.mkdir(parents=True, exist_ok=True)
    made = [build_sdist(arguments.out)]
    _print(made[0])
    for version in arguments.python or at_hand:
        for architecture in arguments.architecture or ARCHITECTURES:
            made.append(build_wheel(made[0], at_hand[version], version, architecture, arguments.out))
            _print(made[-1])
    return 0


def _print(file: Path) -> None:
    content = file.read_bytes()
    print(f"{hashlib.sha256(content).hexdigest()}  {len(content):9,}  {file.name}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
