"""A running terminal for tests: everything real but the camera, whose frames a test chooses, and the waits."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import sealframe as sf
from sealframe.envelope import write_clear_answer
from sealframe.payment_protocol import Code, PaymentAnswer, PaymentState, payment_reference
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.link import NoReply, NotSent, ServerLink
from sealframe.terminal.pauses import Pauses
from sealframe.terminal.payment_controller import PaymentController
from sealframe.terminal.states import Choice, Situation, State
from tests.server.bank import ALICE
from tests.terminal.served_bank import ServedBank

QUICK = Pauses(
    resend=(0.02, 0.02, 0.02, 0.02), cancel_again=0.05, not_ready=0.05, steady=0, no_good_picture=3, next_try=0
)


class DrawnCamera:
    """Gives the chosen person's frames, every one another capture, and knows whether it was released."""

    def __init__(self, person: int | None = ALICE) -> None:
        self.person = person
        self.opened = self.released = self.frames = 0
        self.ends_after: int | None = None

    @contextmanager
    def open(self) -> Iterator[Iterator[Any]]:
        self.opened += 1
        try:
            yield self._shots()
        finally:
            self.released += 1

    def _shots(self) -> Iterator[Any]:
        while self.ends_after is None or self.frames < self.ends_after:
            self.frames += 1
            yield np.zeros((256, 256, 3), np.uint8) if self.person is None else self._shot()
            time.sleep(0.002)

    def _shot(self) -> Any:
        return np.ascontiguousarray(draw_face(self.person or 0, 9 + self.frames)[..., ::-1])


class Wire:
    """The real link, on which a test loses, delays or changes what passes."""

    def __init__(self, address: str, **link: Any) -> None:
        self.link = ServerLink(address, **link)
        self.sent: list[bytes] = []
        self.faults: list[Callable[[bytes], bytes]] = []
        self.is_cut = self.is_unplugged = False

    def send(
        self,
        envelope: bytes,
        sent: Callable[[], object] = lambda: None,
        leaves: Callable[[], object] = lambda: None,
    ) -> bytes:
        if self.is_unplugged:
            raise NotSent
        if not (self.is_cut or self.faults):
            return self.link.send(envelope, sent, lambda: self._note(envelope, leaves))
        self._note(envelope, leaves)
        if self.is_cut:
            raise NoReply
        return self.faults.pop(0)(envelope)

    def _note(self, envelope: bytes, leaves: Callable[[], object]) -> None:
        leaves()
        self.sent.append(envelope)

    def lose_answer(self, envelope: bytes) -> bytes:
        self.link.send(envelope)
        raise NoReply

    def lose_request(self, envelope: bytes) -> bytes:
        raise NoReply

    def is_reachable(self) -> bool:
        return not self.is_cut and self.link.is_reachable()

    def abandon(self) -> None:
        self.link.abandon()

    def close(self) -> None:
        self.link.close()


class RunningTerminal:
    def __init__(
        self, site: ServedBank, folder: Path, pauses: Pauses = QUICK, *, source: Any = None, start: bool = True
    ) -> None:
        self.site, self.folder, self.pauses = site, folder, pauses
        folder.mkdir(exist_ok=True)
        self.device = sf.DeviceKey.generate("POS-TILL")
        self.register(self.device.public)
        self.camera = DrawnCamera()
        self.source = source or self.camera
        self.clock = CorrectedClock(site.bank.clock)
        self.seen: list[Situation] = []
        self.running = False
        if start:
            self.start()
            self.until(State.IDLE)

    def register(self, public: sf.DevicePublic) -> None:
        from sealframe.server.payments import administration
        from sealframe.server.storage.device_records import record_of

        self.site.bank.operate(administration.register_device, device=public, record=record_of(public))

    def start(self, *, is_cut: bool = False, address: str | None = None, **link: Any) -> None:
        self.wire = Wire(address or self.site.address, **link)
        self.wire.is_cut = is_cut
        counter = DrawnCounter(sf.CounterFile(self.folder / "till.counter"))
        server = self.site.bank.key.public
        sealer = sf.Sealer(to=server, device=self.device, counter=counter, workers=0, clock=self.clock)
        self.journal = Journal(self.folder / "journal")
        self.controller = PaymentController(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=self.clock,
            source=self.source,
            link=self.wire,  # type: ignore[arg-type]
            journal=self.journal,
            pauses=self.pauses,
        )
        self._note(self.controller)
        self.worker = threading.Thread(target=self.controller.run)
        self.running = True
        self.worker.start()

    def stop(self) -> None:
        if self.running:
            self.controller.stop()
            self.worker.join(20)
            assert not self.worker.is_alive()
            self.journal.close()
            self.running = False
            self.wire.close()
            assert self.camera.opened == self.camera.released, "the camera is released on every exit"

    def restart(self) -> None:
        self.stop()
        self.start()

    def _note(self, controller: PaymentController) -> None:
        to = controller._session.to

        def noting(event: Any) -> None:
            to(event)
            self.seen.append(controller.board.situation)

        controller._session.to = noting  # type: ignore[method-assign]

    def answering(self, code: Code, **more: Any) -> Callable[[bytes], bytes]:
        """A fault: the server's key signs this code, about the very payment that was asked for."""

        def answer(envelope: bytes) -> bytes:
            fields: dict[str, Any] = {}
            request = self.now.request
            if code in (Code.PAID, Code.ALREADY_PAID) and request is not None:
                fields = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency")}
                fields |= {"state": PaymentState.POSTED, "reference": payment_reference(request.payment_id)}
            message_digest, now = hashlib.sha256(envelope).hexdigest(), int(self.site.bank.clock() * 1000)
            body = PaymentAnswer(code, message_digest, now, **fields, **more).encode()
            return write_clear_answer(self.site.bank.key, envelope, body)

        return answer

    def wait_longer(self, **pauses: Any) -> None:
        """From the next capture on."""
        self.controller._flow.selector.pauses = replace(self.pauses, **pauses)

    # What a person does

    def pay(self, amount: int = 250, account: str = "alice", payee: str = "shop") -> None:
        self.controller.start(self.now.screen, payee, amount, "EUR", account)

    def choose(self, choice: Choice) -> None:
        self.controller.choose(self.now.screen, choice)

    def cancel(self) -> None:
        assert self.now.request is not None
        self.controller.cancel(self.now.request.payment_id)

    @property
    def now(self) -> Situation:
        return self.controller.board.situation

    def until(self, *wanted: State, timeout_s: float = 30) -> Situation:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.now.state in wanted:
                return self.now
            time.sleep(0.002)
        raise AssertionError(f"still {self.now.state} ({self.now.reason}), wanted {wanted}")

    @property
    def states(self) -> list[State]:
        return [situation.state for situation in self.seen]

    def history(self) -> list[dict[str, Any]]:
        path = self.folder / "journal" / "history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def open_files(self) -> list[Path]:
        return list((self.folder / "journal").glob("*.open"))
