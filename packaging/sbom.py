"""Writes a software bill of materials of a wheel: CycloneDX 1.6 in JSON.

    python packaging/sbom.py dist/sealframe-...x86_64.whl --out sealframe.cdx.json

The bill lists the packages of an empty environment into which the wheel is installed, the networks with their SHA-256,
and the libraries whose code is compiled into the binaries. Needs `pip install '.[wheels]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).resolve().parent.parent
COMPILERS = (
    ("llvm", r"clang version ([\d.]+)", "libc++ and compiler-rt", "Apache-2.0 WITH LLVM-exception"),
    ("gcc", r"GCC: \(.*?\) ([\d.]+)", "libstdc++ and libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1"),
)
"""Of each compiler: its name, its mark in an ELF file's comment, what of it is linked in, the licence of that."""


def bill(wheel: Path) -> dict[str, Any]:
    """The bill as JSON values."""
    with tempfile.TemporaryDirectory() as work:
        python = Path(work) / "venv" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", Path(work) / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
        subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"], check=True)
        file = Path(work) / "bill.json"
        options = ["--output-reproducible", "--spec-version", "1.6", "--output-file", file]
        subprocess.run([sys.executable, "-m", "cyclonedx_py", "environment", *options, python], check=True)
        found: dict[str, Any] = json.loads(file.read_text())
    for component in found["components"]:
        if component["name"] == "sealframe":
            component["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    found["components"] += [*_compiled_in(wheel), *_networks()]
    return found


def _compiled_in(wheel: Path) -> list[dict[str, Any]]:
    """Code of others inside the binaries; the comment that the compiler left in the module names the compiler."""
    with zipfile.ZipFile(wheel) as archive:
        (module,) = (name for name in archive.namelist() if name.startswith("sealframe/_core.") and ".so" in name)
        comment = ELFFile(io.BytesIO(archive.read(module))).get_section_by_name(".comment").data().decode()
    made = [_library("pybind11", version("pybind11"), "headers", "BSD-3-Clause")]
    for name, mark, libraries, licence in COMPILERS:
        if found := re.search(mark, comment):
            made.append(_library(name, found[1], f"compiler; its {libraries} are linked in", licence))
    return made


def _library(name: str, number: str, about: str, licence: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"compiled-in:{name}",
        "name": name,
        "version": number,
        "description": about,
        "licenses": [{"expression": licence}],
    }


def _networks() -> list[dict[str, Any]]:
    manifest = json.loads((ROOT / "models" / "manifest.json").read_text())
    files = {
        part["file"]: (part["sha256"], entry["licence"])
        for entry in manifest["models"].values()
        for part in entry["files"]
    }
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"network:{name}",
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "licenses": [{"license": {"id": licence}}],
        }
        for name, (digest, licence) in sorted(files.items())
    ]


def main() -> int:
    """Write the bill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = bill(arguments.wheel)
    arguments.out.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    print(f"{arguments.out}: {len(found['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main())
