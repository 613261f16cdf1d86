"""A walk through every state of the terminal, each held still for as long as it is looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from sealframe.payment_protocol import Code
from sealframe.server.payments import administration
from sealframe.terminal.camera.quality import centre_square, rate_frame
from sealframe.terminal.payment_controller import PaymentController
from sealframe.terminal.states import State
from tests.server.bank import ALICE, BOB
from tests.terminal.browser import Person
from tests.terminal.running_terminal import RunningTerminal


def walk(till: RunningTerminal, person: Person) -> Iterator[State]:
    """Gives every state while it stands on the person's screen. The till is made, not yet started."""
    yield from _begin(till, person)
    yield from _one_capture(till, person)
    yield from _fail_and_cancel(till, person)
    yield from _lose_the_answer(till, person)
    yield from _revoked(till, person)


def shown(person: Person, state: State) -> State:
    person.until(state)
    return state


def _begin(till: RunningTerminal, person: Person) -> Iterator[State]:
    yield shown(person, State.NOT_READY)
    till.wire.is_cut = False
    yield shown(person, State.IDLE)


def _one_capture(till: RunningTerminal, person: Person) -> Iterator[State]:
    """Ready, captured, verifying, retrying, and at last paid."""
    controller = till.controller
    taking, again = _HeldCamera(controller), _HeldCamera(controller)
    sealing, verifying = _Gate(controller._exchange.seal), _Gate(till.answering(Code.LOW_QUALITY))
    with patch.object(controller._flow.selector, "select", side_effect=_each_once(taking, again)):
        with patch.object(controller._exchange, "seal", sealing):
            till.wire.faults = [verifying]
            person.pay("12.50")
            person.tab.wait_for_selector(".camera img:visible")
            yield shown(person, State.READY)
            taking.open.set()
            yield shown(person, State.CAPTURED)
            sealing.open.set()
            yield shown(person, State.VERIFYING)
            verifying.open.set()
            yield shown(person, State.RETRYING)
            again.open.set()
        yield shown(person, State.PAID)
    person.choose("done")


def _fail_and_cancel(till: RunningTerminal, person: Person) -> Iterator[State]:
    till.camera.person = BOB
    person.pay("12.50")
    yield shown(person, State.FAILED)
    person.choose("password")
    person.until(State.PASSWORD)
    person.press("2468")
    yield shown(person, State.PASSWORD)
    person.choose("cancel")
    yield shown(person, State.CANCELLED)
    person.choose("done")


def _lose_the_answer(till: RunningTerminal, person: Person) -> Iterator[State]:
    till.camera.person = ALICE
    till.wire.is_cut = True
    person.pay("12.50")
    yield shown(person, State.UNKNOWN)
    till.wire.is_cut = False
    if person.until(State.CANCELLED, State.FAILED) == State.FAILED:
        person.choose("cancel")
        person.until(State.CANCELLED)
    person.choose("done")


def _revoked(till: RunningTerminal, person: Person) -> Iterator[State]:
    till.site.bank.operate(administration.revoke_device, device=till.device.key_id.hex())
    person.pay("12.50")
    yield shown(person, State.OUT_OF_SERVICE)


def _each_once(*functions: Callable[..., Any]) -> Callable[..., Any]:
    left = iter(functions)
    return lambda *arguments: next(left)(*arguments)


class _Gate:
    """A function that waits before it is called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.open = threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        assert self.open.wait(60)
        return self.function(*arguments)


class _HeldCamera(_Gate):
    """Shows frames, and takes none before the gate is open."""

    def __init__(self, controller: PaymentController) -> None:
        super().__init__(controller._flow.selector.select)
        self.board = controller.board

    def __call__(self, *arguments: Any) -> Any:
        (frames,) = arguments
        while not self.open.wait(0.1):
            square = centre_square(next(frames))
            self.board.show_frame(square, rate_frame(square))
        return self.function(frames)
