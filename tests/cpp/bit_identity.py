"""Every compiler, optimisation level, instruction set and CPU gives the hashes of tests/cpp/hashes.txt.

    python tests/cpp/bit_identity.py --short     the compiler at hand: -O0, -O3, and the control
    tests/cpp/avx512.sh                          AVX-512 under Bochs, where this CPU has none
    python tests/cpp/bit_identity.py             also -O1, -O2, clang, x86-64 without AVX, aarch64 (emulated)

The full matrix needs qemu-user-static and g++-aarch64-linux-gnu, and ziglang (clang with cross compilation), which it
installs into a virtual environment in the build folder. The controls are built with contracted floating point and must
differ, else the hashes would prove nothing. Exit status 0 when all of this holds.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXPECTED = ROOT / "tests" / "cpp" / "hashes.txt"


@dataclass(frozen=True)
class Build:
    name: str
    level: str
    runs: tuple[tuple[str, tuple[str, ...]], ...]
    """(value of SEALFRAME_ISA, emulator and its options)"""
    options: tuple[str, ...] = field(default=())
    must_differ: bool = False


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(str(part) for part in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def usable_sets() -> list[str]:
    """The instruction sets of this machine, by what its CPU says."""
    if platform.machine() == "aarch64":
        return ["scalar", "neon"]
    flags = Path("/proc/cpuinfo").read_text()
    needs = {"avx2": ["avx2"], "avx512": ["avx512f", "avx512dq", "avx512bw", "avx512vl"]}
    return ["scalar", *(name for name, words in needs.items() if all(f" {word}" in flags for word in words))]


def native(sets: list[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, ()) for name in sets)


def short_matrix() -> list[Build]:
    sets = native(usable_sets())
    fused = () if platform.machine() == "aarch64" else ("-DCMAKE_CXX_FLAGS=-mfma",)
    return [
        Build("compiler at hand", "-O0", sets),
        Build("compiler at hand", "-O3", sets),
        Build("fused multiply-add at hand", "-O3", sets, fused),
        Build("control, contracted", "-O3", sets[1:2], ("-DSEALFRAME_FP_CONTRACT=fast", *fused), must_differ=True),
    ]


def full_matrix(folder: Path) -> list[Build]:
    sets = native(usable_sets())
    arm = tuple((name, ("qemu-aarch64-static",)) for name in ("scalar", "neon"))
    cross = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
    gcc_arm = ("-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++", "-DCMAKE_EXE_LINKER_FLAGS=-static", *cross)
    old = (("", ("qemu-x86_64-static", "-cpu", "Nehalem")), ("", ("qemu-x86_64-static", "-cpu", "Haswell")))
    clang, clang_arm = zig(folder, "x86_64-linux-musl"), zig(folder, "aarch64-linux-musl")
    builds = short_matrix() + [Build("compiler at hand", level, sets) for level in ("-O1", "-O2")]
    builds += [Build("clang", level, sets, clang) for level in ("-O0", "-O1", "-O2", "-O3")]
    builds += [Build("clang, emulated Nehalem and Haswell", "-O3", old, clang)]
    builds += [Build("clang, emulated aarch64", level, arm, clang_arm + cross) for level in ("-O0", "-O3")]
    builds += [Build("gcc, emulated aarch64", level, arm, gcc_arm) for level in ("-O0", "-O3")]
    contracted = ("-DSEALFRAME_FP_CONTRACT=fast",)
    for name, options in (("gcc", gcc_arm), ("clang", clang_arm + cross)):
        control = f"control, {name}, aarch64, contracted"
        builds += [Build(control, "-O3", arm, options + contracted, must_differ=True)]
    return builds


def zig(folder: Path, target: str) -> tuple[str, ...]:
    """CMake options for clang with a C library of its own for `target`."""
    python = folder / "zig" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "zig", with_pip=True)
        run(python, "-m", "pip", "install", "--quiet", "ziglang")
    wrappers = {}
    for tool in ("c++", "ar", "ranlib"):
        wrapper = folder / f"{target}-{tool}"
        extra = f"-target {target} -fno-sanitize=undefined" if tool == "c++" else ""
        wrapper.write_text(
            "#!/bin/sh\n"
            # zig spells the baselines in its own way, and they are its defaults.
            'for option do shift; case "$option" in -march=*) ;; *) set -- "$@" "$option" ;; esac; done\n'
            f'exec "{python}" -m ziglang {tool} {extra} "$@"\n'
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        wrappers[tool] = wrapper
    return (
        f"-DCMAKE_CXX_COMPILER={wrappers['c++']}",
        f"-DCMAKE_AR={wrappers['ar']}",
        f"-DCMAKE_RANLIB={wrappers['ranlib']}",
    )


def check(build: Build, folder: Path, expected: str) -> bool:
    options = [f"-DCMAKE_CXX_FLAGS_RELEASE={build.level} -DNDEBUG", "-DCMAKE_BUILD_TYPE=Release", *build.options]
    run("cmake", "-S", ROOT, "-B", folder, "-DSEALFRAME_TESTS=ON", *options)
    run("cmake", "--build", folder, "--target", "hashes", "--parallel", "2")
    good = True
    for isa, emulator in build.runs:
        found = run(*emulator, folder / "hashes", SEALFRAME_ISA=isa)
        lines = zip(found.splitlines(), expected.splitlines(), strict=True)
        different = sum(one != other for one, other in lines)
        holds = (different > 0) == build.must_differ
        good &= holds
        where = " ".join(part for part in (isa, *emulator) if part)
        verdict = "as it must be" if holds else "WRONG"
        print(f"{build.name:38} {build.level}  {where:38} {different:4} differ: {verdict}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--short", action="store_true", help="only the compiler at hand, nothing is installed")
    parser.add_argument("--folder", type=Path, help="keep the builds here (default: a temporary folder)")
    arguments = parser.parse_args()
    if not arguments.short and not all(map(shutil.which, ("qemu-aarch64-static", "aarch64-linux-gnu-g++"))):
        raise SystemExit("The full matrix needs: apt-get install qemu-user-static g++-aarch64-linux-gnu")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        builds = short_matrix() if arguments.short else full_matrix(folder)
        expected = EXPECTED.read_text()
        verdicts = [check(build, folder / str(i), expected) for i, build in enumerate(builds)]
        return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
