"""Equal bytes from the networks whatever runs them (A19): `python -m tests.programs.exactness [--machines NAME ...]`.

Every network at every optimisation level of ONNX Runtime, with 1, 2 and 4 threads, on batches of 1, 16 and 64 tiles:
one digest, here and on every machine of packaging/emulated.py that is asked for (`all` for each of them; ARM64 needs
the wheel that packaging/build_wheels.py makes). Then the golden factors of every profile on each. Exit status 1 if any
differ.
`--short`: the lowest and the highest level, 1 and 2 threads, golden factors here alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import get_args

import numpy as np

from sealframe.features import extract_features
from sealframe.image import frame_from_array
from sealframe.models import ModelSet, Optimisation
from sealframe.selftest import factor_digests, golden_digests, golden_pictures

THREADS, BATCHES = (1, 2, 4), (1, 16, 64)
NETWORKS = {
    "generator": ((16, 16, 4), ["derived"]),
    "generator_discriminator": ((16, 16, 4), ["features", "verdict"]),
    "posterior": ((32, 32), ["mean", "log_variance"]),
    "likelihood": ((8, 8, 16), ["probability"]),
}
"""What each network takes of a tile, and its outputs."""


def tiles() -> np.ndarray:
    """Sixty-four tiles of four golden pictures: uint8 (64, 16, 16, 4)."""
    pictures = [extract_features(frame_from_array(pixels, order), 128).tiles for _, pixels, order in golden_pictures()]
    return np.concatenate(pictures[:4])


def digest(models: ModelSet, gray: np.ndarray, batch: int) -> str:
    """SHA-256 of every output of every network, tiles taken by so many at a time."""
    found = hashlib.sha256()
    for name, (shape, outputs) in NETWORKS.items():
        source = (gray >> 7 if name == "posterior" else gray).reshape(-1, *shape)
        parts = [models.run(name, outputs, source[at : at + batch]) for at in range(0, len(source), batch)]
        for values in zip(*parts, strict=True):
            by_tile = [each.reshape(-1, min(batch, len(source)), *each.shape[1:]) for each in values]
            found.update(np.concatenate(by_tile, axis=1).tobytes())
    return found.hexdigest()


def measure(*, short: bool, factors: bool) -> dict[str, object]:
    """Digests of the networks on this machine by setting, and the golden factors that differ."""
    folder, gray = files("sealframe").joinpath("models"), tiles()
    found = {}
    for optimisation in get_args(Optimisation)[:: 3 if short else 1]:
        for threads in THREADS[: 2 if short else None]:
            models = ModelSet(folder, threads=threads, optimisation=optimisation)
            for batch in BATCHES:
                found[f"{optimisation}, {threads} threads, {batch} tiles"] = digest(models, gray, batch)
    golden = golden_digests() if factors else {}
    differing = [name for name, value in factor_digests().items() if golden[name] != value] if factors else []
    return {"networks": found, "factors": len(golden), "differing_factors": differing}


def measure_on(machine: str, wheels: Path | None, *, short: bool) -> dict[str, object]:
    """What `measure` finds on an emulated machine."""
    from emulated import MACHINES, command

    words = [*command(MACHINES[machine], wheels), str(Path(__file__).resolve()), "--here"]
    words += ["--short"] if short else []
    return dict(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


def main() -> int:
    """Measure here and there, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--machines", nargs="*", default=[], metavar="NAME", help="of packaging/emulated.py; or all")
    parser.add_argument("--wheels", type=Path, help="folder with the ARM wheel (default: dist)")
    parser.add_argument("--here", action="store_true", help="print what this machine computes, as JSON")
    parser.add_argument("--short", action="store_true", help="fewer settings")
    arguments = parser.parse_args()
    here = measure(short=arguments.short, factors=not (arguments.short and arguments.here))
    if arguments.here:
        print(json.dumps(here))
        return 0
    sys.path.append(str(Path(__file__).resolve().parents[2] / "packaging"))
    from emulated import MACHINES

    able = [name for name in MACHINES if name not in ("penryn", "core2")]
    machines = able if arguments.machines == ["all"] else arguments.machines
    wanted, wrong = here["networks"]["none, 1 threads, 16 tiles"], 0  # type: ignore[index]
    for name in ("this computer", *machines):
        found = here if name == "this computer" else measure_on(name, arguments.wheels, short=arguments.short)
        networks = dict(found["networks"])  # type: ignore[call-overload]
        other = [setting for setting, value in networks.items() if value != wanted]
        factors = list(found["differing_factors"])  # type: ignore[call-overload]
        wrong += len(other) + len(factors)
        print(
            f"{name}: {len(other)} of {len(networks)} settings and {len(factors)} of {found['factors']} factors differ"
        )
        for setting in [*other, *factors]:
            print(f"    {setting}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
