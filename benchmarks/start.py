"""What a process pays before its first envelope, as ratios: `python benchmarks/start.py [--rounds N] [--json FILE]`.

Processor time. What `import sealframe` adds is measured inside processes that import NumPy first; the first envelope by
whole processes, which take turns, without bare Python's own time. Medians. No limit is set.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

IMPORTS = """
import time
start = time.process_time()
import numpy
middle = time.process_time()
import sealframe
print((time.process_time() - middle) / (middle - start))
"""
LIBRARIES = "import numpy, onnxruntime, cryptography.hazmat.primitives.hpke"
SEAL = """
import numpy as np, sealframe as sf
device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
sealer.seal(np.zeros((480, 640, 3), np.uint8))
"""


def measure(rounds: int) -> dict[str, float]:
    """What people compare: medians of so many rounds."""
    added, first = [], []
    for _ in range(rounds):
        added.append(float(_run(IMPORTS)[0]))
        bare, libraries, envelope = (_run(program)[1] for program in ("", LIBRARIES, SEAL))
        first.append((envelope - bare) / (libraries - bare))
    return {
        "what `import sealframe` adds to NumPy's import, NumPy = 1": statistics.median(added),
        "process with its first envelope, import of NumPy, ONNX Runtime and cryptography = 1": statistics.median(first),
    }


def _run(program: str) -> tuple[str, float]:
    """What a process prints, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return printed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios here")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    for name, ratio in found.items():
        print(f"{ratio:6.2f}  {name}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
