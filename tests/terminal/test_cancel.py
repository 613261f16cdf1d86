"""Who cancels waits for nobody: not for a server that hangs, not for a connection, not for the next sending.

The screen changes while the request is still in the air; what became of the money is found out behind it.
Covers A58, M28.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sealframe.terminal import link
from sealframe.terminal.states import Choice, Reason, State
from tests.server.bank import BOB, FUNDS, PASSWORD
from tests.terminal.network import Network
from tests.terminal.running_terminal import QUICK, RunningTerminal
from tests.terminal.served_bank import ServedBank

FOREVER_S = 600.0
"""Longer than any of these tests: what waits so long would be seen."""
PATIENT = replace(QUICK, resend=(FOREVER_S,) * 4)


@pytest.fixture
def till(site: ServedBank, network: Network, tmp_path: Path) -> Iterator[RunningTerminal]:
    """A terminal that would wait for ever: for a reply, and before it sends again."""
    till = RunningTerminal(site, tmp_path / "till", PATIENT, start=False)
    till.start(address=network.address, reply_seconds=FOREVER_S)
    till.until(State.IDLE)
    yield till
    network.release()
    till.stop()


def cancel_while_it_hangs(till: RunningTerminal) -> None:
    """What stands there must not wait for the network, which stays as it is."""
    till.cancel()
    cancelling = till.until(State.UNKNOWN)
    assert (cancelling.reason, cancelling.stopping, cancelling.choices) == (Reason.BY_PERSON, True, ())


def test_the_server_charged_and_its_answer_hangs_the_receipt_comes_after_all(
    site: ServedBank, till: RunningTerminal, network: Network
) -> None:
    network.hold_replies()
    till.pay()
    assert network.has_reply.wait(30)
    cancel_while_it_hangs(till)
    assert site.bank.balance("alice") == FUNDS - 250
    network.release()
    paid = till.until(State.PAID)
    assert paid.reason is Reason.TOO_LATE
    assert till.history()[-1]["reference"] == paid.reference
    assert site.bank.balance("alice") == FUNDS - 250
    assert till.open_files() == []


def test_the_network_swallows_the_capture_the_payment_is_cancelled_and_never_charged(
    site: ServedBank, till: RunningTerminal, network: Network
) -> None:
    network.swallow()
    till.pay()
    assert network.has_request.wait(30)
    cancel_while_it_hangs(till)
    captured = till.wire.sent[0]
    till.stop()  # the request to cancel hangs as well; what is open stays in the journal
    network.release()
    till.start(address=network.address)
    till.until(State.CANCELLED)
    assert captured not in till.wire.sent
    site.bank.service.answer(captured)  # it arrives after all
    assert site.bank.balance("alice") == FUNDS


def test_the_server_answers_just_after_the_cancel(site: ServedBank, till: RunningTerminal, network: Network) -> None:
    for _ in range(5):
        before = site.bank.balance("alice")
        network.hold_replies()
        till.pay(amount=10)
        assert network.has_reply.wait(30)
        releasing = threading.Thread(target=network.release)
        till.cancel()
        releasing.start()
        assert till.until(State.PAID).reference
        releasing.join()
        assert site.bank.balance("alice") == before - 10
        till.choose(Choice.DONE)
        till.until(State.IDLE)


def test_between_two_sendings_nobody_waits(site: ServedBank, till: RunningTerminal, network: Network) -> None:
    till.wire.faults = [till.wire.lose_answer]
    network.has_reply.clear()
    till.pay()
    assert network.has_reply.wait(30)
    till.cancel()
    assert till.until(State.PAID).reason is Reason.TOO_LATE
    assert site.bank.balance("alice") == FUNDS - 250


def test_a_connection_that_never_comes_is_left_and_nothing_leaves_later(
    site: ServedBank, till: RunningTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, goes_on, over, connect = threading.Event(), threading.Event(), threading.Event(), link._connect

    def slow_connect(*arguments: object) -> None:
        connecting.set()
        assert goes_on.wait(60)
        connect(*arguments)  # type: ignore[arg-type]
        over.set()

    monkeypatch.setattr(link, "_connect", slow_connect)
    till.pay()
    assert connecting.wait(30)
    till.cancel()
    assert till.until(State.CANCELLED).reason is Reason.BY_PERSON
    assert till.open_files() == []
    goes_on.set()
    assert over.wait(30)
    till.choose(Choice.DONE)
    till.until(State.IDLE)
    assert till.wire.sent == [], "nothing was sent, so there was nothing to cancel"
    till.pay(amount=10)
    till.until(State.PAID)
    assert site.bank.balance("alice") == FUNDS - 10


def test_a_password_on_its_way_is_left_too(site: ServedBank, till: RunningTerminal, network: Network) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.choose(Choice.PASSWORD)
    till.until(State.PASSWORD)
    network.hold_replies()
    till.controller.give_password(till.now.screen, PASSWORD)
    assert network.has_reply.wait(30)
    cancel_while_it_hangs(till)
    network.release()
    assert till.until(State.PAID).reference
    assert site.bank.balance("alice") == FUNDS - 250


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_the_terminal_ends_while_the_server_hangs_and_finds_out_when_it_starts_again(
    site: ServedBank, till: RunningTerminal, network: Network, is_cancelled: bool
) -> None:
    network.hold_replies()
    till.pay()
    assert network.has_reply.wait(30)
    if is_cancelled:
        cancel_while_it_hangs(till)
    till.stop()
    assert len(till.open_files()) == 1
    network.release()
    till.start(address=network.address)
    assert till.until(State.PAID).reference
    assert till.history()[-1]["state"] == "paid"
    assert site.bank.balance("alice") == FUNDS - 250


def test_a_second_cancel_changes_nothing(site: ServedBank, till: RunningTerminal, network: Network) -> None:
    network.hold_replies()
    till.pay()
    assert network.has_reply.wait(30)
    cancel_while_it_hangs(till)
    for _ in range(3):
        till.cancel()
    network.release()
    till.until(State.PAID)
    till.choose(Choice.DONE)
    till.until(State.IDLE)
    till.pay(amount=10)
    till.until(State.PAID)
    assert site.bank.balance("alice") == FUNDS - 260
