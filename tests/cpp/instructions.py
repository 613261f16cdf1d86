"""Instructions of each kernel at typical sizes, counted by callgrind inside the C interface: the same on every run.

    python tests/cpp/instructions.py            compare with tests/cpp/instructions.json, fail beyond 1 %
    python tests/cpp/instructions.py --update   write the counts of this compiler into it

Counts depend on the compiler, so the file holds them by compiler and instruction set; a compiler that is not in it is
measured and not judged. Needs valgrind, which knows no AVX-512.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BASELINE = ROOT / "tests" / "cpp" / "instructions.json"
TOLERANCE = 0.01


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, env={**os.environ, **environment}, capture_output=True, text=True, check=True)


def compiler() -> str:
    """Such as "x86_64 g++ (Debian 12.2.0-14) 12.2.0"."""
    first = run(os.environ.get("CXX", "c++"), "--version").stdout.splitlines()[0]
    return f"{platform.machine()} {first}"


def build(folder: Path) -> Path:
    run("cmake", "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DSEALFRAME_TESTS=ON")
    run("cmake", "--build", folder, "--target", "work", "--parallel", "2")
    return folder / "work"


def count(program: Path, case: str, isa: str) -> int:
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=sf_*"]
    done = run(*callgrind, program, case, SEALFRAME_ISA=isa)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write this compiler's counts")
    arguments = parser.parse_args()
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    known = baseline.get(compiler(), {})
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        cases = run(program).stdout.split()
        found = {isa: {case: count(program, case, isa) for case in cases} for isa in ("scalar", "avx2")}
    worse = 0
    for isa, counts in found.items():
        for case, instructions in counts.items():
            before = known.get(isa, {}).get(case)
            change = "new" if before is None else f"{instructions / before - 1:+.2%}"
            worse += before is not None and instructions > before * (1 + TOLERANCE)
            print(f"{isa:8} {case:30} {instructions:12,} {change}")
    if arguments.update:
        baseline[compiler()] = found
        BASELINE.write_text(json.dumps(baseline, indent=2, sort_keys=True) + "\n")
        return 0
    if worse:
        print(f"{worse} kernels need more than {TOLERANCE:.0%} more instructions than before.")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
