"""Pictures sealed on this CPU and opened on another, and the reverse: every file comes back byte for byte.

    python packaging/exchange.py cortex-a72 [--wheels dist] [PICTURE ...]

Opening recomputes the image factor and compares it exactly, so this holds A19 between two processors, on every path of
the factor. Without pictures, those of the golden factors are sealed. Machines as in packaging/emulated.py.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from emulated import MACHINES, SUITES, command, missing
from sealframe.selftest import golden_pictures

PATHS = {"gan": ["rows", "eigenvector"], "vae": ["rows"], "discriminator": ["rank"]}
"""Paths of the factor, and reductions that are tried with each."""


def main() -> int:
    """Exchange in both directions; exit 1 when anything is refused or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("machine", choices=MACHINES, help="the other CPU")
    parser.add_argument("--wheels", type=Path, help="folder with the ARM wheel (default: dist)")
    parser.add_argument("--suite", choices=SUITES, default="bookworm", help="Debian release of the ARM64 Python")
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="PNG or JPEG files")
    arguments = parser.parse_args()
    machine = MACHINES[arguments.machine]
    if lacking := missing(machine):
        raise SystemExit(f"{', '.join(lacking)} not found")
    here, there = [sys.executable], command(machine, arguments.wheels, arguments.suite)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        pictures = _gather(folder / "pictures", arguments.pictures)
        sealframe(here, folder, "keygen", "server", "--out", "server")
        sealframe(here, folder, "keygen", "device", "--device-info", "POS-0001", "--out", "pos")
        for way, sealing, opening in (("here-there", here, there), ("there-here", there, here)):
            for path, reductions in PATHS.items():
                for reduction in reductions:
                    _exchange(folder, f"{way}-{path}-{reduction}", sealing, opening, path, reduction)
            print(
                f"{way}: {len(pictures)} pictures, {sum(map(len, PATHS.values()))} factor profiles, all equal",
                flush=True,
            )
    return 0


def _gather(folder: Path, pictures: list[Path]) -> list[Path]:
    folder.mkdir()
    for picture in pictures:
        shutil.copy(picture, folder)
    if not pictures:
        for name, pixels, _ in golden_pictures():
            Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


def _exchange(folder: Path, name: str, sealing: list[str], opening: list[str], path: str, reduction: str) -> None:
    """Seal the folder of pictures on one side, open it on the other, compare."""
    factor = ["--path", path, "--reduction", reduction]
    sealframe(sealing, folder, "seal", "pictures", "--to", "server.pub", "--as", "pos.key", "--out", name, *factor)
    sealframe(opening, folder, "open", name, "--key", "server.key", "--from", "pos.pub", "--out", f"{name}-opened")
    for picture in (folder / "pictures").iterdir():
        (opened,) = (folder / f"{name}-opened").rglob(f"{picture.stem}.*")
        if opened.read_bytes() != picture.read_bytes():
            raise SystemExit(f"{name}: {picture.name} came back changed")


def sealframe(python: list[str], folder: Path, *arguments: str) -> None:
    """Run the command line on one of the two machines."""
    done = subprocess.run(
        [*python, "-m", "sealframe", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\nsealframe {' '.join(arguments)} failed")


if __name__ == "__main__":
    sys.exit(main())
