"""A software bill of materials of a wheel, CycloneDX 1.6 in JSON: the packages it needs, and what is compiled into it.

    python packaging/sbom.py dist/sealframe-...x86_64.whl --out sealframe.cdx.json

The wheel is installed into an empty environment and the packages there are listed; networks stand with their SHA-256,
and the libraries whose code is inside the binaries beside them. Needs `pip install '.[wheels]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


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
    found["components"] += [*_compiled_in(), *_networks()]
    return found


def _compiled_in() -> list[dict[str, Any]]:
    """Code of others inside the binaries."""
    licences = {"pybind11": "BSD-3-Clause", "ziglang": "MIT"}
    return [
        {
            "type": "library",
            "bom-ref": f"compiled-in:{name}",
            "name": name,
            "version": version(name),
            "purl": f"pkg:pypi/{name}@{version(name)}",
            "description": about,
            "licenses": [{"license": {"id": licences[name]}}],
        }
        for name, about in (("pybind11", "headers"), ("ziglang", "compiler; its libc++ and compiler-rt are linked in"))
    ]


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
