"""Runs Python on another processor, emulated by QEMU: older x86-64 without VNNI or AVX, and ARM64.

    python packaging/emulated.py haswell -m sealframe doctor
    python packaging/emulated.py --wheels dist cortex-a72 -m sealframe doctor
    python packaging/emulated.py --list

x86-64 machines run the Python that runs this program, with the sealframe that is installed there. ARM64 machines run
Debian's Python, with the ARM64 wheels of the dependencies and the ARM64 wheel of sealframe in the folder that
`--wheels` names (packaging/build_wheels.py makes it). Both are unpacked once, under build/emulated: nothing is
installed on this computer, and no root is needed. Options stand before the machine's name.

Needs Debian's qemu-user-static; for ARM64 also apt-get, dpkg-deb and a connection on the first run.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from debian import unpack

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "emulated"
SUITES = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's releases and their Python."""
MANYLINUX = ["manylinux_2_17", "manylinux2014", "manylinux_2_24", "manylinux_2_26", "manylinux_2_27", "manylinux_2_28"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor: its architecture, QEMU's name for it, and what is special about it."""

    architecture: str
    cpu: str
    about: str


MACHINES = {
    "haswell": Machine("x86_64", "Haswell-v4", "2013: AVX2 and FMA, neither AVX-512 nor 8-bit dot products"),
    "nehalem": Machine("x86_64", "Nehalem", "2008: SSE4.2, no AVX"),
    "penryn": Machine("x86_64", "Penryn-v1", "2007: SSE4.1, older than NumPy's wheels run on"),
    "core2": Machine("x86_64", "core2duo", "2006: SSSE3, older still"),
    "cortex-a53": Machine("aarch64", "cortex-a53", "2012: the first small 64-bit ARM"),
    "cortex-a72": Machine("aarch64", "cortex-a72", "2015: no 8-bit dot products"),
    "neoverse-n1": Machine("aarch64", "neoverse-n1", "2019: 8-bit dot products"),
    "arm-max": Machine("aarch64", "max", "every extension that QEMU knows, SVE and 8-bit matrix products included"),
}

CPUINFO = """\
processor	: 0
BogoMIPS	: 100.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

"""
"""ONNX Runtime reads /proc/cpuinfo on ARM64, and ends on that of this computer."""


def missing(machine: Machine) -> list[str]:
    """The programs that this machine needs and this computer lacks."""
    needed = [f"qemu-{machine.architecture}-static"]
    if machine.architecture == "aarch64":
        needed += ["apt-get", "dpkg-deb"]
    return [program for program in needed if not shutil.which(program)]


def require_programs(machine: Machine) -> None:
    """Raises SystemExit, which says what to install, if a program is missing."""
    if lacking := missing(machine):
        raise SystemExit(f"{', '.join(lacking)} not found; on Debian: apt-get install qemu-user-static apt dpkg")


def command(machine: Machine, wheels: Path | None = None, suite: str = "bookworm") -> list[str]:
    """The command that runs this machine's Python, ready for arguments; what it needs is unpacked on first use."""
    emulator = [f"qemu-{machine.architecture}-static", "-cpu", machine.cpu]
    if machine.architecture == "x86_64":
        return [*emulator, sys.executable]
    system = _debian(suite)
    packages = _packages(SUITES[suite], wheels)
    return [
        *emulator,
        "-L",
        str(system),
        "-E",
        f"PYTHONPATH={packages}",
        str(system / f"usr/bin/python{SUITES[suite]}"),
    ]


def _debian(suite: str) -> Path:
    """A folder with Debian's ARM64 Python and all it needs."""
    system = FOLDER / f"aarch64-{suite}"
    if not system.exists():
        packages = ["python3-minimal", "libpython3-stdlib", "libstdc++6"]
        unpack(suite, packages, system, architecture="arm64", dependencies=True)
        if not (system / "lib").exists():  # a link that later releases' base system makes
            (system / "lib").symlink_to("usr/lib")
        (system / "proc").mkdir()
        (system / "proc" / "cpuinfo").write_text(CPUINFO)
    return system


def _packages(python: str, wheels: Path | None) -> Path:
    """A folder with the ARM64 wheels of sealframe and its dependencies."""
    tag = "cp" + python.replace(".", "")
    found = sorted((wheels or ROOT / "dist").glob(f"sealframe-*-{tag}-{tag}-*aarch64.whl"))
    if not found:
        raise SystemExit(
            f"{wheels or 'dist'} holds no ARM64 wheel for Python {python}; build one: "
            f"python packaging/build_wheels.py --architecture aarch64 --python {python}"
        )
    folder = FOLDER / f"aarch64-{tag}-{hashlib.sha256(found[-1].read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        platforms = [f"--platform={name}_aarch64" for name in MANYLINUX]
        with tempfile.TemporaryDirectory(dir=FOLDER) as work:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", work, "--only-binary=:all:"]
            subprocess.run([*pip, *platforms, f"--python-version={python}", found[-1]], check=True)
            Path(work).rename(folder)
            Path(work).mkdir()
    return folder


def main() -> int:
    """Run Python on the machine that was asked for, and pass on its exit status."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [--list] [--wheels FOLDER] [--suite SUITE] MACHINE ...",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="list the machines")
    parser.add_argument("machine", nargs="?", choices=MACHINES, metavar="MACHINE", help="one that --list shows")
    parser.add_argument("--wheels", type=Path, help="folder with the ARM64 wheel (default: dist)")
    parser.add_argument("--suite", choices=SUITES, default="bookworm", help="Debian release of the ARM64 Python")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="arguments of Python, all that follow the machine"
    )
    arguments = parser.parse_args()
    if arguments.list or not arguments.machine:
        for name, machine in MACHINES.items():
            print(f"{name:14}{machine.architecture:10}{machine.about}")
        return 0
    machine = MACHINES[arguments.machine]
    require_programs(machine)
    return subprocess.run(
        [*command(machine, arguments.wheels, arguments.suite), *arguments.arguments], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
