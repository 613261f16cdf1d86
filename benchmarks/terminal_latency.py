"""What a terminal takes: `python -m benchmarks.terminal_latency [--payments 60] [--out terminal-latency.png]`.

A bank and a terminal's cashier in two processes on this computer, 640x480 frames in memory. First the stages of a
capture, from the frame in memory to the server's signed answer, and what the terminal adds to `Sealer.seal`; then how
soon a cancel is on the screen while the server hangs, and how long `sealframe terminal` takes to be ready, beside the
imports it needs.
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

import numpy as np
from PIL import Image

import sealframe as sf
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments import administration
from sealframe.server.storage.device_records import record_of
from sealframe.terminal.camera.jpeg import encode
from sealframe.terminal.camera.quality import centre_square
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.latency import ANSWER, Latency
from sealframe.terminal.latency_plot import report
from sealframe.terminal.link import ServerLink
from sealframe.terminal.payment_controller import PaymentController
from sealframe.terminal.states import Choice, State
from tests.terminal.network import Network
from tests.terminal.running_terminal import QUICK
from tests.terminal.served_bank import KillableBank

ALICE = 2
STARTS, CANCELS, SYNCS = 7, 20, 50
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
        site = KillableBank(Path(folder) / "bank")
        key = sf.DeviceKey.generate("POS-BENCH")
        site.bank.operate(administration.register_device, device=key.public, record=record_of(key.public))
        try:
            print(report(measure_captures(site, key, Path(folder), arguments.payments), arguments.out))
            compare_with_sealing_alone(site, key, Path(folder), arguments.payments)
            print(f"one synced write on this disk takes {1000 * seconds_to_sync(Path(folder)):.1f} ms")
            measure_cancel(site, key, Path(folder))
            measure_start(site, key, Path(folder))
        finally:
            site.close()


def measure_captures(site: KillableBank, key: sf.DeviceKey, folder: Path, payments: int) -> Latency:
    latency = Latency()
    with running_cashier(site, key, folder, site.address, latency) as controller:
        for _ in range(payments):
            until(controller, State.IDLE)
            start(controller)
            close_receipt(controller)
    return latency


def compare_with_sealing_alone(site: KillableBank, key: sf.DeviceKey, folder: Path, payments: int) -> None:
    """Whole captures of a terminal and the same pictures sealed by nobody but `Sealer.seal`, in turns."""
    alone = sf.Sealer(to=site.bank.key.public, device=key, counter=sf.MemoryCounter())
    pictures = [encode(centre_square(frame)) for frame in Frames().frames]
    latency, seconds = Latency(), []
    with running_cashier(site, key, folder, site.address, latency) as controller:
        for payment in range(payments):
            until(controller, State.IDLE)
            start(controller)
            close_receipt(controller)
            until(controller, State.IDLE)
            began = time.perf_counter()
            alone.seal(pictures[payment % len(pictures)], bytes(200))
            seconds.append(time.perf_counter() - began)
    to_sent = sum(spent for stage, spent in latency.milliseconds().items() if stage != ANSWER)
    sealing = 1000 * statistics.median(seconds)
    print(
        f"in turns with Sealer.seal alone, {sealing:.2f} ms: from the frame to the envelope sent {to_sent:.2f} ms, "
        f"{to_sent / sealing - 1:.0%} more"
    )


def measure_cancel(site: KillableBank, key: sf.DeviceKey, folder: Path) -> None:
    """From the click to the screen, while the server has the capture and does not answer."""
    network, took = Network(site.port), []
    with running_cashier(site, key, folder, network.address, Latency()) as controller:
        for _ in range(CANCELS):
            until(controller, State.IDLE)
            network.hold_replies()
            start(controller)
            until(controller, State.VERIFYING)
            network.has_reply.wait()
            assert controller.board.situation.request is not None
            began = time.perf_counter()
            controller.cancel(controller.board.situation.request.payment_id)
            until(controller, State.UNKNOWN)
            took.append(1000 * (time.perf_counter() - began))
            network.release()
            close_receipt(controller)
    network.close()
    print(f"a cancel while the server hangs is shown after {statistics.median(took):.1f} ms, at most {max(took):.1f}")


@contextmanager
def running_cashier(
    site: KillableBank, key: sf.DeviceKey, folder: Path, address: str, latency: Latency
) -> Iterator[PaymentController]:
    server, clock = site.bank.key.public, CorrectedClock(site.bank.clock)
    counter = DrawnCounter(sf.CounterFile(folder / "counter"))
    sealer = sf.Sealer(to=server, device=key, counter=counter, clock=clock)
    with Journal(folder / "journal") as journal, ServerLink(address) as link:
        controller = PaymentController(
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
        worker = threading.Thread(target=controller.run)
        worker.start()
        yield controller
        controller.stop()
        worker.join()


def start(controller: PaymentController) -> None:
    controller.start(controller.board.situation.screen, "shop", 1, "EUR", "alice")


def close_receipt(controller: PaymentController) -> None:
    until(controller, State.PAID)
    controller.choose(controller.board.situation.screen, Choice.DONE)


def seconds_to_sync(folder: Path) -> float:
    """The median of appending a line and waiting until it is on the disk."""
    took = []
    with (folder / "synced").open("ab", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(80))
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
            time.sleep(0.005)
    return statistics.median(took)


def until(controller: PaymentController, state: State) -> None:
    while controller.board.situation.state is not state:
        controller.board.wait_for_change(controller.board.version, 0.05)


def measure_start(site: KillableBank, key: sf.DeviceKey, folder: Path) -> None:
    """From the process's start until the page says that it is ready for a payment."""
    (folder / "faces").mkdir()
    Image.fromarray(Frames().frames[0]).save(folder / "faces" / "face.png")
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


def seconds_to_ready(site: KillableBank, folder: Path) -> float:
    command = [
        sys.executable,
        "-m",
        "sealframe",
        "terminal",
        "--no-browser",
        "--payee",
        "shop",
        "--source",
        str(folder / "faces"),
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
