"""This working tree beside an earlier revision, in one session: `python benchmarks/compare.py BASE [--rounds N]`.

Builds both into temporary environments that share this one's libraries, starts a process of each, and lets them take
turns case by case. A ratio above 1 means that this tree is faster. The interval holds the median of all possible rounds
with 95 % confidence; it comes from ranks, so it assumes nothing of the times.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 0.05
"""What a case takes in one turn."""
FIRST_USE = "import numpy, sealframe; sealframe.image_factor(numpy.zeros((480, 640, 3), numpy.uint8))"


def cases() -> dict[str, Callable[[], object]]:
    """What is timed; only names that every revision has."""
    import sealframe as sf
    from frame import rgb_frame
    from sealframe import _core

    frame = rgb_frame()
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(), workers=0)
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    envelope = sealer.seal(frame)
    small = _core.area_mean(frame, "rgb", 128, 128)
    return {
        "seal 640x480": lambda: sealer.seal(frame),
        "open 640x480": lambda: opener.open(envelope),
        "factor, gan": lambda: sf.image_factor(frame),
        "factor, vae": lambda: sf.image_factor(frame, path="vae", noise_seed=bytes(32)),
        "gray 640x480": lambda: _core.gray(frame, "rgb"),
        "area mean to 128x128": lambda: _core.area_mean(frame, "rgb", 128, 128),
        "import": lambda: subprocess.run([sys.executable, "-c", "import sealframe"], check=True),
        "import and first use": lambda: subprocess.run([sys.executable, "-c", FIRST_USE], check=True),
        "window cosine 128x128": lambda: _core.window_cosine(small, small[::-1].copy()),
    }


def serve() -> None:
    """In each process: a case's name in, processor seconds of one call out."""
    known = cases()
    print(json.dumps(list(known)), flush=True)
    for line in sys.stdin:
        case = known[json.loads(line)]
        count, before = 0, processor_seconds()
        while (spent := processor_seconds() - before) < SECONDS:
            case()
            count += 1
        print(spent / count, flush=True)


def processor_seconds() -> float:
    """Of this process and of those that it started and saw end."""
    used = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


class Contender:
    """A process that holds one revision."""

    def __init__(self, python: Path | str) -> None:
        words = [str(python), __file__, "--serve", "here"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cases: list[str] = self._line()

    def time(self, case: str) -> float:
        """Processor seconds of one call."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("One of the two processes ended; its message is above.")
        return json.loads(line)


def build_revision(revision: str, folder: Path) -> Path:
    """A Python that imports this revision of sealframe."""
    source = folder / "source"
    run("git", "worktree", "add", "--detach", str(source), revision)
    try:
        return build(source, folder / "base")
    finally:
        run("git", "worktree", "remove", "--force", str(source))


def build(source: Path, folder: Path) -> Path:
    """A Python that imports this source tree's sealframe, and everything else from this environment."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), str(source))
    here = {sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))}
    (packages / "shared.pth").write_text("\n".join(sorted(here)) + "\n")
    return folder / "bin" / "python"


def run(*words: str) -> None:
    """Run in the repository; its output only when it fails."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\n{' '.join(words)} failed.")


def main() -> int:
    """Build, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base", metavar="BASE", help="a revision, such as main or HEAD~1")
    parser.add_argument("--rounds", type=int, default=30, help="2 or more (default: %(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return 0
    if arguments.rounds < 2:
        parser.error(f"--rounds is {arguments.rounds}; give 2 or more, so that there is a range")
    with tempfile.TemporaryDirectory() as folder:
        base = Contender(build_revision(arguments.base, Path(folder)))
        this = Contender(build(ROOT, Path(folder) / "this"))
        shared = [case for case in this.cases if case in base.cases]
        rounds: dict[str, list[float]] = {case: [] for case in shared}
        for _ in range(arguments.rounds):
            for case, found in rounds.items():
                found.append(base.time(case) / this.time(case))
        print(f"| {arguments.base} = 1, processor time | as fast times | 95 % interval |\n| --- | --- | --- |")
        for case, found in rounds.items():
            low, high = median_interval(found)
            print(f"| {case} | {statistics.median(found):.3f} | {low:.3f} to {high:.3f} |")
    return 0


def median_interval(values: list[float]) -> tuple[float, float]:
    """Between which two of the values the median of their distribution is, with 95 % confidence.

    The number of values below the median is binomial; its normal approximation gives the ranks (Conover, Practical
    Nonparametric Statistics, 3.2).
    """
    ranked, count = sorted(values), len(values)
    low = max(0, math.floor((count - 1.96 * math.sqrt(count)) / 2))
    return ranked[low], ranked[count - 1 - low]


if __name__ == "__main__":
    sys.exit(main())
