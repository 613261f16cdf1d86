"""What a terminal takes: `python benchmarks/terminal_latency.py [--payments 60] [--out terminal-latency.png]`.

A bank and a terminal's cashier in two processes on this computer, 640x480 frames in memory. First the stages of a
capture, from the frame in memory to the server's signed answer, and what the terminal adds to `Sealer.seal`; then how
long `sealframe terminal` takes to be ready, beside the imports it needs.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / name) for name in ("terminal", "server", "")]

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from site_of_bank import MortalSite  # noqa: E402
from till import QUICK  # noqa: E402

import sealframe as sf  # noqa: E402
from sealframe.server import operators  # noqa: E402
from sealframe.server.demo_faces import draw_face  # noqa: E402
from sealframe.server.records import record_of  # noqa: E402
from sealframe.terminal.cashier import Cashier  # noqa: E402
from sealframe.terminal.clock import CorrectedClock  # noqa: E402
from sealframe.terminal.drawn_counter import DrawnCounter  # noqa: E402
from sealframe.terminal.journal import Journal  # noqa: E402
from sealframe.terminal.latency import Latency  # noqa: E402
from sealframe.terminal.latency_plot import added_share, report  # noqa: E402
from sealframe.terminal.link import ServerLink  # noqa: E402
from sealframe.terminal.states import Choice, State  # noqa: E402

ALICE = 2
STARTS = 7
IMPORTS = "import numpy, onnxruntime, cryptography.hazmat.primitives.hpke, cv2, http.server, sealframe"


class Frames:
    """A camera whose frames are in memory already."""

    def __init__(self) -> None:
        self.number = 0
        self.frames = []
        for capture in range(8):
            frame = Image.new("RGB", (640, 480), (196, 202, 208))
            frame.paste(Image.fromarray(draw_face(ALICE, 40 + capture)).resize((480, 480)), (80, 0))
            self.frames.append(np.ascontiguousarray(np.asarray(frame)[:, :, ::-1]))

    @contextmanager
    def open(self) -> Iterator[Iterator[np.ndarray]]:
        yield self._shots()

    def _shots(self) -> Iterator[np.ndarray]:
        while True:
            self.number += 1
            yield self.frames[self.number % len(self.frames)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("terminal-latency.png"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = MortalSite(Path(folder) / "bank")
        key = sf.DeviceKey.generate("POS-BENCH")
        site.bank.operate(operators.register_device, device=key.public, record=record_of(key.public))
        try:
            report(measure_captures(site, key, Path(folder), arguments.payments, Latency()), arguments.out)
            busy = measure_captures(site, key, Path(folder), arguments.payments, Latency(time.process_time_ns))
            share = added_share(busy.milliseconds())
            print(f"in processor time, which a busy computer disturbs less, the terminal adds {share:.0%}")
            measure_start(site, key, Path(folder))
        finally:
            site.close()


def measure_captures(site: MortalSite, key: sf.DeviceKey, folder: Path, payments: int, latency: Latency) -> Latency:
    server, clock = site.bank.key.public, CorrectedClock(site.bank.clock)
    counter = DrawnCounter(sf.CounterFile(folder / "counter"))
    sealer = sf.Sealer(to=server, device=key, counter=counter, clock=clock)
    with Journal(folder / "journal") as journal, ServerLink(site.address) as link:
        cashier = Cashier(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=clock,
            source=Frames(),
            link=link,
            journal=journal,
            pauses=QUICK,
            latency=latency,
        )
        worker = threading.Thread(target=cashier.run)
        worker.start()
        for _ in range(payments):
            until(cashier, State.IDLE)
            cashier.start(cashier.board.situation.screen, "shop", 1, "EUR", "alice")
            until(cashier, State.PAID)
            cashier.choose(cashier.board.situation.screen, Choice.DONE)
        cashier.stop()
        worker.join()
    return latency


def until(cashier: Cashier, state: State) -> None:
    while cashier.board.situation.state is not state:
        cashier.board.wait_for_change(cashier.board.version, 0.05)


def measure_start(site: MortalSite, key: sf.DeviceKey, folder: Path) -> None:
    """From the process's start until the page says that it is ready for a payment."""
    key.save(folder / "pos.key")
    site.bank.key.public.save(folder / "server.pub")
    starts, imports = [], []
    for _ in range(STARTS):
        imports.append(seconds_to_import())
        starts.append(seconds_to_ready(site, folder))
    ready, needed = statistics.median(starts), statistics.median(imports)
    print(f"ready after {ready:.2f} s, of which its imports alone take {needed:.2f} s: {ready / needed:.2f} times")


def seconds_to_import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - began


def seconds_to_ready(site: MortalSite, folder: Path) -> float:
    command = [
        sys.executable,
        "-m",
        "sealframe",
        "terminal",
        "--no-browser",
        "--payee",
        "shop",
        "--source",
        str(folder),
    ]
    command += ["--as", str(folder / "pos.key"), "--to", str(folder / "server.pub"), "--server", site.address]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        found = re.search(r"(http://\S+)/#(\S+)", process.stdout.readline())
        assert found is not None
        asked = urllib.request.Request(f"{found[1]}/events", headers={"Authorization": f"Bearer {found[2]}"})
        with urllib.request.urlopen(asked) as events:
            while b'"state":"idle"' not in events.readline():
                pass
        took = time.perf_counter() - began
        process.terminate()
    return took


if __name__ == "__main__":
    main()
