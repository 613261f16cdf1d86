"""Seals pictures on this processor and opens them on another, and the reverse: every file comes back byte for byte.

    python packaging/exchange.py [--wheels dist] cortex-a72 [PICTURE ...]

Opening recomputes the image factor and compares it exactly, on every path of the factor: both processors must compute
equal bytes. Without PICTURE, the pictures of the golden factors are sealed. `python packaging/emulated.py --list` names
the machines.
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

import sealframe as sf
from emulated import MACHINES, SUITES, command, require_programs
from sealframe.selftest import golden_pictures

PATHS = {"gan": ["rows", "eigenvector"], "vae": ["rows"], "discriminator": ["rank"]}
"""Paths of the factor, and the reductions that are tried with each."""


def main() -> int:
    """Exchange in both directions; the exit status is not 0 if anything is refused or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("machine", choices=MACHINES, help="the other processor")
    parser.add_argument("--wheels", type=Path, help="folder with the ARM64 wheel (default: dist)")
    parser.add_argument("--suite", choices=SUITES, default="bookworm", help="Debian release of the ARM64 Python")
    parser.add_argument("--do", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="PNG or JPEG files")
    arguments = parser.parse_args()
    if arguments.do:
        STEPS[arguments.do](*arguments.pictures)
        return 0
    machine = MACHINES[arguments.machine]
    require_programs(machine)
    here, there = [sys.executable], command(machine, arguments.wheels, arguments.suite)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        _gather(folder / "pictures", arguments.pictures)
        sf.ServerKey.generate().save(folder / "server.key")
        sf.DeviceKey.generate("POS-0001").save(folder / "pos.key")
        for way, sealing, opening in (("here-there", here, there), ("there-here", there, here)):
            for python, step in ((sealing, "seal"), (opening, "open")):
                words = [*python, str(Path(__file__).resolve()), "--do", step, arguments.machine]
                subprocess.run([*words, str(folder), str(folder / way)], check=True)
            print(f"{way}: {len(list((folder / way).iterdir()))} envelopes opened, all equal", flush=True)
    return 0


def _gather(folder: Path, pictures: list[Path]) -> None:
    folder.mkdir()
    for picture in pictures:
        shutil.copy(picture, folder)
    if not pictures:
        for name, pixels, _ in golden_pictures():
            Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{name}.png")


def seal(folder: Path, sealed: Path) -> None:
    """On one machine: seal each picture on each path with each reduction."""
    sealed.mkdir()
    server, device = sf.ServerKey.load(folder / "server.key").public, sf.DeviceKey.load(folder / "pos.key")
    counter = sf.MemoryCounter()
    for path, reductions in PATHS.items():
        for reduction in reductions:
            sealer = sf.Sealer(to=server, device=device, counter=counter, path=path, reduction=reduction)
            for picture in (folder / "pictures").iterdir():
                (sealed / f"{picture.name}.{path}-{reduction}").write_bytes(sealer.seal(picture.read_bytes()))


def open_(folder: Path, sealed: Path) -> None:
    """On the other machine: open each envelope, which recomputes its factor."""
    device = sf.DeviceKey.load(folder / "pos.key").public
    opener = sf.Opener(sf.ServerKey.load(folder / "server.key"), devices=[device], freshness=sf.Archive())
    for envelope in sealed.iterdir():
        opened = opener.open(envelope.read_bytes())
        if opened.payload != (folder / "pictures" / envelope.stem).read_bytes():
            raise SystemExit(f"{envelope.name} came back changed: the payload differs from the picture that was sealed")


STEPS = {"seal": seal, "open": open_}


if __name__ == "__main__":
    sys.exit(main())
