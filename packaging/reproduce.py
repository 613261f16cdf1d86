"""Two clones in folders of different names, one wheel from each: the same SHA-256, or exit 1.

    python packaging/reproduce.py [--architecture x86_64] [--python 3.12]

What is built is the last commit. Needs `pip install '.[wheels]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from build_wheels import ARCHITECTURES, pythons

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Clone twice, build twice, compare."""
    at_hand = pythons()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="x86_64")
    parser.add_argument("--python", choices=at_hand, default=next(iter(at_hand)))
    arguments = parser.parse_args()
    what = ["--architecture", arguments.architecture, "--python", arguments.python]
    with tempfile.TemporaryDirectory() as work:
        built = [_build(Path(work) / name, what) for name in ("one", "another clone")]
    for name in sorted(built[0].keys() | built[1].keys()):
        first, second = built[0].get(name, "missing"), built[1].get(name, "missing")
        print(f"{name}: {first if first == second else f'{first} and {second}'}")
    return 0 if built[0] == built[1] else 1


def _build(clone: Path, what: list[str]) -> dict[str, str]:
    """SHA-256 of each file that a fresh clone builds."""
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run(
        [sys.executable, clone / "packaging" / "build_wheels.py", *what], check=True, stdout=subprocess.DEVNULL
    )
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (clone / "dist").iterdir()}


if __name__ == "__main__":
    sys.exit(main())
