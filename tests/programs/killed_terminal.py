"""A terminal that is killed, as by `kill -9`, at each step of a payment in turn, and started again after each.

    python -m tests.programs.killed_terminal FOLDER ADDRESS

Each life finds out how the payment of the one before ended, begins another, and says in lines of JSON what it does.
The first is not killed; it tells the steps. They are forked from a process with the networks loaded.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sealframe as sf
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.exchange import NO_PICTURE
from sealframe.terminal.journal import Journal
from sealframe.terminal.link import ServerLink
from sealframe.terminal.payment_controller import PaymentController
from sealframe.terminal.session import PaymentSession
from sealframe.terminal.states import Choice, State
from tests.server.bank import START
from tests.terminal.running_terminal import QUICK, DrawnCamera

ENDS = (State.PAID, State.CANCELLED)
_exit = os._exit


class Steps:
    """Counts what reaches the disk or the network, and dies at the one that was chosen, if it comes to that."""

    def __init__(self, last: tuple[str, int] | None) -> None:
        self.last = last
        self.taken: Counter[str] = Counter()
        self.lock = threading.Lock()
        for name in ("open", "write", "pwrite", "fsync", "fdatasync"):
            setattr(os, name, self.before(name, getattr(os, name)))
        os.pwritev = self.halves(os.pwritev, lambda descriptor, pieces, at: (descriptor, [b"".join(pieces)[:999]], at))
        connection = http.client.HTTPConnection
        connection.send = self.halves(connection.send, lambda it, data: (it, data[: len(data) // 2]))  # type: ignore[method-assign]
        connection.getresponse = self.before("reply", connection.getresponse)  # type: ignore[method-assign]
        Path.unlink = self.before("unlink", Path.unlink)  # type: ignore[method-assign]
        PaymentSession.take = self.before("answer", PaymentSession.take)  # type: ignore[method-assign]

    def take(self, name: str, dying: Callable[[], object] = lambda: None) -> None:
        with self.lock:
            self.taken[name] += 1
            if (name, self.taken[name]) == self.last:
                dying()
                print(json.dumps({"killed": name}), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    def before(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> Any:
            self.take(name)
            return function(*arguments, **named)

        return stepping

    def halves(self, function: Callable[..., Any], half: Callable[..., Any]) -> Callable[..., Any]:
        """Before, in the middle, after."""
        name = function.__name__

        def stepping(*arguments: Any) -> Any:
            self.take(f"before {name}")
            self.take(f"half of {name}", lambda: function(*half(*arguments)))
            result = function(*arguments)
            self.take(f"after {name}")
            return result

        return stepping


class Forker:
    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.server, self.device = sf.ServerPublic.load(folder / "server.pub"), sf.DeviceKey.load(folder / "pos.key")
        self.clock = CorrectedClock(lambda: START)
        sf.Sealer(to=self.server, device=self.device, counter=sf.MemoryCounter(), workers=0).seal(NO_PICTURE)

    def live(self, last: tuple[str, int] | None = None) -> int:
        """A terminal in a process of its own, killed at the nth step of a name; the signal that ended it, else 0."""
        child = os.fork()
        if child == 0:
            try:
                self._serve(last)
            finally:
                _exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _serve(self, last: tuple[str, int] | None) -> None:
        counter = DrawnCounter(sf.CounterFile(self.folder / "counter"))
        sealer = sf.Sealer(to=self.server, device=self.device, counter=counter, workers=0, clock=self.clock)
        with Journal(self.folder / "journal") as journal, ServerLink(self.address) as link:
            controller = PaymentController(
                sealer=sealer,
                server=self.server,
                counter=counter,
                clock=self.clock,
                source=DrawnCamera(),
                link=link,
                journal=journal,
                pauses=QUICK,
            )
            self._note_sent(link)
            threading.Thread(target=controller.run, daemon=True).start()
            resolve(controller)
            steps = Steps(last)
            controller.start(controller.board.situation.screen, "shop", 10, "EUR", "alice")
            until(controller, *ENDS)
            taken = dict(steps.taken)
            controller.stop()
        print(json.dumps({"unharmed": taken}), flush=True)
        (self.folder / "steps.json").write_text(json.dumps(taken))
        _exit(0)

    def _note_sent(self, link: ServerLink) -> None:
        send = link.send

        def noting(envelope: bytes, *more: Any) -> bytes:
            print(json.dumps({"sent": hashlib.sha256(envelope).hexdigest()}), flush=True)
            return send(envelope, *more)

        link.send = noting  # type: ignore[method-assign]


def until(controller: PaymentController, *states: State) -> State:
    while controller.board.situation.state not in states:
        controller.board.wait_for_change(controller.board.version, 0.02)
    return controller.board.situation.state


def resolve(controller: PaymentController) -> None:
    end = until(controller, State.IDLE, *ENDS)
    print(json.dumps({"resolved": end}), flush=True)
    if end in ENDS:
        controller.choose(controller.board.situation.screen, Choice.DONE)
    until(controller, State.IDLE)


if __name__ == "__main__":
    forker = Forker(Path(sys.argv[1]), sys.argv[2])
    lives = [forker.live()]
    steps = json.loads((forker.folder / "steps.json").read_text())
    lives += [forker.live((name, number)) for name in steps for number in range(1, steps[name] + 1)]
    lives += [forker.live()]
    sys.exit(not set(lives) <= {0, -signal.SIGKILL})
