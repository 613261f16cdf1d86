"""A terminal that captures, seals and sends for long: `python -m tests.programs.terminal_endurance [--captures 10000]`.

Everything of the terminal is real: frames judged, JPEG, sealing, journal, connection, signed answers. The server is a
double that signs nine times that there is no face, then paid, and the next payment begins. Prints memory, threads and
open files on the way; they must not grow.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import cv2
import numpy as np

import sealframe as sf
from sealframe.envelope import write_clear_answer
from sealframe.keys import Suite
from sealframe.payment_protocol import ANSWER_TYPE, Code, PaymentAnswer, PaymentState, payment_reference
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.link import ServerLink
from sealframe.terminal.payment_controller import PaymentController
from sealframe.terminal.states import Choice, State
from tests.server.bank import ALICE
from tests.terminal.running_terminal import QUICK

CAPTURES_OF_A_PAYMENT = 10


@dataclass(frozen=True, slots=True)
class HeldResources:
    """What the process holds after so many captures."""

    captures: int
    kib: int
    threads: int
    files: int

    @classmethod
    def now(cls, captures: int) -> HeldResources:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(list(Path("/proc/self/fd").iterdir()))
        return cls(captures, pages * os.sysconf("SC_PAGE_SIZE") // 1024, threading.active_count(), files)


class SigningDouble:
    """Answers every envelope: nine times no face, then paid."""

    def __init__(self, key: sf.ServerKey, clock: CorrectedClock) -> None:
        self.key, self.clock, self.captures = key, clock, 0
        self.controller: PaymentController | None = None
        double = self

        class SigningHandler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.reply(b"")

            def do_POST(self) -> None:
                self.reply(double.answer(self.rfile.read(int(self.headers["Content-Length"]))))

            def reply(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", ANSWER_TYPE)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), SigningHandler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, envelope: bytes) -> bytes:
        assert self.controller is not None
        request = self.controller.board.situation.request
        assert request is not None
        self.captures += 1
        about: dict[str, object] = {"code": Code.NO_FACE}
        if self.captures % CAPTURES_OF_A_PAYMENT == 0:
            about = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency")}
            reference = payment_reference(request.payment_id)
            about |= {"code": Code.PAID, "state": PaymentState.POSTED, "reference": reference}
        message_digest, now = hashlib.sha256(envelope).hexdigest(), int(self.clock() * 1000)
        body = PaymentAnswer(message_digest=message_digest, server_time=now, **about).encode()  # type: ignore[arg-type]
        return write_clear_answer(self.key, envelope, body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class EndlessFrames:
    """A camera whose frames, 480x480, are in memory already."""

    def __init__(self) -> None:
        faces = [np.ascontiguousarray(draw_face(ALICE, capture)[..., ::-1]) for capture in range(8)]
        self.frames = [cv2.resize(face, (480, 480)) for face in faces]

    @contextmanager
    def open(self) -> Iterator[Iterator[np.ndarray]]:
        yield (self.frames[number % len(self.frames)] for number in count())


def endure(captures: int, folder: Path, looks: int) -> list[HeldResources]:
    """What is held at so many equally distant looks over the captures."""
    server, device, clock = sf.ServerKey.generate(Suite.X25519), sf.DeviceKey.generate("POS-LONG"), CorrectedClock()
    counter = DrawnCounter(sf.CounterFile(folder / "counter"))
    sealer = sf.Sealer(to=server.public, device=device, counter=counter, clock=clock)
    double = SigningDouble(server, clock)
    held: list[HeldResources] = []
    with Journal(folder / "journal") as journal, ServerLink(double.address) as link:
        controller = double.controller = PaymentController(
            sealer=sealer,
            server=server.public,
            counter=counter,
            clock=clock,
            source=EndlessFrames(),
            link=link,
            journal=journal,
            pauses=QUICK,
        )
        worker = threading.Thread(target=controller.run)
        worker.start()
        while double.captures < captures:
            act(controller)
            if double.captures >= (len(held) + 1) * captures // looks:
                held.append(HeldResources.now(double.captures))
                print(held[-1], flush=True)
        controller.stop()
        worker.join()
    double.close()
    return held


def act(controller: PaymentController) -> None:
    """What a person would do now; waits for another screen."""
    board = controller.board
    version, now = board.version, board.situation
    if now.state is State.IDLE:
        controller.start(now.screen, "shop", 250, "EUR", "alice")
    elif now.state is State.FAILED:
        controller.choose(now.screen, Choice.FACE)
    elif now.state is State.PAID:
        controller.choose(now.screen, Choice.DONE)
    board.wait_for_change(version, 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=10_000)
    with tempfile.TemporaryDirectory() as name:
        first, *_, last = endure(parser.parse_args().captures, Path(name), 10)
    print(f"from capture {first.captures} to {last.captures}: {last.kib - first.kib:+} KiB of {first.kib}")
