"""libFuzzer on every target of tests/cpp/fuzz.cpp, with the address and undefined behaviour sanitizers.

    python tests/cpp/fuzz.py --runs 400000       so many runs for each target, two targets at a time

Needs clang (CXX, else clang++ or clang++-14) and cmake. Prints for each target how many runs there were, how many a
second and how many edges of the code they reached; exit status 1 and the input's path when one of them failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COMPILERS = ("clang++", "clang++-14", "clang++-15", "clang++-16", "clang++-17", "clang++-18", "clang++-19")


def run(*command: str | Path, **environment: str) -> str:
    parts = [str(part) for part in command]
    done = subprocess.run(parts, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(parts)}\n{done.stdout}{done.stderr}")
    return done.stdout


def compiler() -> str:
    for name in filter(None, (os.environ.get("CXX"), *COMPILERS)):
        if shutil.which(name) and "clang" in run(name, "--version"):
            return name
    raise SystemExit("libFuzzer needs clang: apt-get install clang libclang-rt-14-dev")


def targets() -> list[str]:
    """Names of the functions under test."""
    source = (ROOT / "tests" / "cpp" / "fuzz.cpp").read_text()
    return [f"sf_{name}" for name in re.findall(r"\bTARGET\((\w+)\)[,\s}]", source) if name != "name"]


def build(folder: Path) -> Path:
    options = [f"-DCMAKE_CXX_COMPILER={compiler()}", "-DCMAKE_BUILD_TYPE=Release", "-DSEALFRAME_TESTS=ON"]
    options += ["-DSEALFRAME_SANITIZE=fuzzer-no-link,address,undefined", "-DSEALFRAME_LIBFUZZER=ON"]
    run("cmake", "-S", ROOT, "-B", folder, *options)
    run("cmake", "--build", folder, "--target", "fuzz", "--parallel", "2")
    return folder / "fuzz"


def fuzz(program: Path, target: str, runs: int) -> bool:
    """Fuzz one target and print its line. Whether nothing was found."""
    with tempfile.TemporaryDirectory() as corpus:
        limits = [f"-runs={runs}", "-max_len=512", "-print_final_stats=1", f"-artifact_prefix=crash-{target}-"]
        limits += ["-report_slow_units=600"]  # a busy computer is no finding, and would leave a file
        start = time.perf_counter()
        done = subprocess.run(
            [str(program), corpus, *limits],
            env={**os.environ, "SEALFRAME_FUZZ_TARGET": target},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
    edges = re.findall(r"cov: (\d+)", done.stderr)
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    count = int(executed[1]) if executed else 0
    verdict = "" if done.returncode == 0 else f"  FAILED\n{done.stderr[-4000:]}"
    reached = edges[-1] if edges else "no"
    print(f"{target:28} {count:10,} runs {count / seconds:8,.0f} a second {reached:>6} edges{verdict}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=400_000, help="for each target (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program, names = build(Path(folder)), targets()
        with ThreadPoolExecutor(arguments.jobs) as pool:
            good = list(pool.map(lambda name: fuzz(program, name, arguments.runs), names))
    print(f"{len(names)} targets, {sum(not one for one in good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
