"""Builds one wheel in each of two clones: the SHA-256 of every file must be the same, or the exit status is 1.

    python packaging/reproduce.py [--architecture x86_64] [--python 3.12] [--against dist]

The clones hold the last commit and lie in folders of different names. `--against` compares a third set of files, those
that were built before, for example the wheels of a release. Needs `pip install '.[wheels]'`.
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
MISSING = "missing"


def main() -> int:
    """Clone twice, build twice, compare."""
    at_hand = pythons()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="x86_64", help="default: x86_64")
    parser.add_argument("--python", choices=at_hand, default=next(iter(at_hand)), help="default: the oldest found")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="folder whose files must be the same too")
    arguments = parser.parse_args()
    what = ["--architecture", arguments.architecture, "--python", arguments.python]
    with tempfile.TemporaryDirectory() as work:
        built = [_build(Path(work) / name, what) for name in ("one", "another clone")]
    if arguments.against:
        built.append(_digests([arguments.against / name for name in built[0]]))
    differing = differences(built)
    for name, digest in sorted((built[0] | differing).items()):
        print(f"{name}: {digest}")
    return 1 if differing else 0


def differences(builds: list[dict[str, str]]) -> dict[str, str]:
    """Name each file that is not the same in every build.

    Parameters
    ----------
    builds
        The SHA-256 of every file of each build, by the file's name.

    Returns
    -------
    The digests that were found, by the name of the file; empty if all builds are the same.

    """
    names = {name for build in builds for name in build}
    found = {name: [build.get(name, MISSING) for build in builds] for name in sorted(names)}
    return {name: " differs from ".join(digests) for name, digests in found.items() if len(set(digests)) > 1}


def _build(clone: Path, what: list[str]) -> dict[str, str]:
    """SHA-256 of each file that a fresh clone builds."""
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    subprocess.run(
        [sys.executable, clone / "packaging" / "build_wheels.py", *what], check=True, stdout=subprocess.DEVNULL
    )
    return _digests(list((clone / "dist").iterdir()))


def _digests(files: list[Path]) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


if __name__ == "__main__":
    sys.exit(main())
