"""What a process pays before its first envelope, as ratios: `python benchmarks/start.py [--rounds N] [--json FILE]`.

Processor time of whole processes, which take turns; medians, without bare Python's own time. No limit is set.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

LIBRARIES = "import numpy, onnxruntime, cryptography.hazmat.primitives.hpke"
SEAL = """
import numpy as np, sealframe as sf
device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
sealer.seal(np.zeros((480, 640, 3), np.uint8))
"""
PROGRAMS = {
    "bare": "",
    "numpy": "import numpy",
    "numpy and sealframe": "import numpy, sealframe",
    "libraries": LIBRARIES,
    "first envelope": SEAL,
}


def measure(rounds: int) -> dict[str, float]:
    """Median processor seconds of each program, without those of bare Python."""
    spent: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            before = _children()
            subprocess.run([sys.executable, "-c", program], check=True)
            spent[name].append(_children() - before)
    medians = {name: statistics.median(times) for name, times in spent.items()}
    return {name: median - medians["bare"] for name, median in medians.items() if name != "bare"}


def ratios(seconds: dict[str, float]) -> dict[str, float]:
    """What people compare."""
    added = seconds["numpy and sealframe"] - seconds["numpy"]
    return {
        "what `import sealframe` adds to NumPy's import, NumPy = 1": added / seconds["numpy"],
        "process with its first envelope, import of NumPy, ONNX Runtime and cryptography = 1": (
            seconds["first envelope"] / seconds["libraries"]
        ),
    }


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios here")
    arguments = parser.parse_args()
    found = ratios(measure(arguments.rounds))
    for name, ratio in found.items():
        print(f"{ratio:6.2f}  {name}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
