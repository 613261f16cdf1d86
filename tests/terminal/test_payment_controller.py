"""The terminal against the real server: paying, failing, losing answers, restarts, wrong clocks.

Covers A41, A58, A63, M24, M27, M28, M29.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sealframe as sf
from sealframe.envelope import write_clear_answer
from sealframe.envelope.layout import split_envelope
from sealframe.payment_protocol import Code, PaymentAnswer, PaymentState, new_payment_id
from sealframe.server.payments import administration
from sealframe.terminal.states import Choice, Reason, State
from tests.server.bank import ALICE, BOB, FUNDS, PASSWORD
from tests.terminal.running_terminal import RunningTerminal
from tests.terminal.served_bank import ServedBank


def test_m24_m27_a_face_pays_and_the_receipt_names_payee_and_amount(site: ServedBank, till: RunningTerminal) -> None:
    till.pay(amount=250)
    paid = till.until(State.PAID)
    assert paid.request is not None
    assert (paid.request.payee, paid.request.amount, paid.reason) == ("shop", 250, Code.PAID)
    assert paid.reference == paid.request.payment_id[-12:].upper()
    assert till.states[-5:] == [State.IDLE, State.READY, State.CAPTURED, State.VERIFYING, State.PAID]
    assert site.bank.balance("alice") == FUNDS - 250
    assert till.open_files() == []
    (end,) = till.history()
    assert (end["state"], end["reference"], end["amount"]) == ("paid", paid.reference, 250)
    till.choose(Choice.DONE)
    till.until(State.IDLE)


def test_m28_another_face_fails_with_three_choices_and_the_password_pays(
    site: ServedBank, till: RunningTerminal
) -> None:
    till.camera.person = BOB
    till.pay()
    failed = till.until(State.FAILED)
    assert (failed.reason, failed.attempts_left) == (Code.FACE_MISMATCH, 4)
    assert failed.choices == (Choice.FACE, Choice.PASSWORD, Choice.CANCEL)
    till.choose(Choice.PASSWORD)
    till.controller.give_password(till.until(State.PASSWORD).screen, "wrong")
    assert till.until(State.FAILED).reason is Code.WRONG_PASSWORD
    till.choose(Choice.PASSWORD)
    till.controller.give_password(till.until(State.PASSWORD).screen, PASSWORD)
    till.until(State.PAID)
    assert site.bank.balance("alice") == FUNDS - 250
    assert PASSWORD not in (till.folder / "journal" / "history.jsonl").read_text()


def test_m28_face_again_pays(site: ServedBank, till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.camera.person = ALICE
    till.choose(Choice.FACE)
    till.until(State.PAID)
    assert site.bank.balance("alice") == FUNDS - 250
    assert till.camera.opened == till.camera.released == 2


def test_m28_cancel_charges_nothing(site: ServedBank, till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.cancel()
    assert till.until(State.CANCELLED).reason is Code.CANCELLED
    assert site.bank.balance("alice") == FUNDS
    assert till.history()[-1]["state"] == "cancelled"


def test_five_faces_that_do_not_match_close_that_way(site: ServedBank, till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    for _ in range(4):
        assert till.until(State.FAILED).reason is Code.FACE_MISMATCH
        till.choose(Choice.FACE)
        till.until(State.READY, State.CAPTURED, State.VERIFYING)
    locked = till.until(State.FAILED)
    assert locked.reason is Code.FACE_LOCKED
    assert locked.choices == (Choice.PASSWORD, Choice.CANCEL)


def test_m29_every_try_is_a_fresh_envelope_and_there_are_five(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.faults = [till.answering(Code.SERVER_BUSY)] * 5
    till.pay()
    failed = till.until(State.FAILED)
    assert (failed.reason, failed.tries) == (Code.SERVER_BUSY, 5)
    assert till.states.count(State.RETRYING) == 4
    assert len({split_envelope(envelope).header.message_id for envelope in till.wire.sent}) == 5


def test_no_good_picture_asks_the_person_and_sends_nothing(till: RunningTerminal) -> None:
    till.camera.person = None
    till.wait_longer(no_good_picture=0.2)
    till.pay()
    failed = till.until(State.FAILED)
    assert failed.reason is Reason.NO_GOOD_PICTURE
    assert till.wire.sent == []
    till.cancel()
    assert till.until(State.CANCELLED).reason is Reason.BY_PERSON
    assert till.wire.sent == [], "nothing was sent, so there is nothing to cancel"


def test_a_camera_that_is_pulled_out_is_a_choice_not_an_end(till: RunningTerminal) -> None:
    till.camera.person, till.camera.ends_after = None, 3
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_CAMERA


def test_cancel_takes_effect_within_one_frame(till: RunningTerminal) -> None:
    till.camera.person = None
    till.pay()
    till.until(State.READY)
    time.sleep(0.05)
    till.cancel()
    before = till.camera.frames
    till.until(State.CANCELLED)
    assert till.camera.frames <= before + 1
    assert till.camera.released == till.camera.opened


def test_a_lost_answer_is_fetched_with_the_same_bytes(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.faults = [till.wire.lose_answer, till.wire.lose_answer, till.wire.lose_request]
    till.pay()
    till.until(State.PAID)
    assert len(till.wire.sent) == 4
    assert len(set(till.wire.sent)) == 1
    assert site.bank.balance("alice") == FUNDS - 250


def test_after_five_lost_answers_the_terminal_asks(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.faults = [till.wire.lose_answer] * 5
    till.pay()
    paid = till.until(State.PAID)
    assert State.UNKNOWN in till.states
    assert paid.reference
    assert site.bank.balance("alice") == FUNDS - 250


def test_a_request_that_never_arrived_is_not_charged_later(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.faults = [till.wire.lose_request] * 5
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_ANSWER
    late = till.wire.sent[0]
    site.bank.service.answer(late)  # it arrives after all
    assert site.bank.balance("alice") == FUNDS
    till.choose(Choice.FACE)
    till.until(State.PAID)
    assert site.bank.balance("alice") == FUNDS - 250


def test_without_any_answer_the_payment_is_cancelled_until_that_is_answered(
    site: ServedBank, till: RunningTerminal
) -> None:
    till.wire.faults = [till.wire.lose_answer] * 5 + [till.wire.lose_request] * 15
    till.pay()
    paid = till.until(State.PAID)
    assert paid.reason is Code.ALREADY_PAID
    assert paid.reference
    assert site.bank.balance("alice") == FUNDS - 250


def test_whoever_is_too_busy_to_say_is_told_to_cancel(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.faults = [till.wire.lose_request] * 5 + [till.answering(Code.SERVER_BUSY)] * 3
    till.pay()
    assert till.until(State.CANCELLED).reason is Code.CANCELLED
    assert len(set(till.wire.sent)) == 5, "the capture, the question, two requests to cancel, and one that is heard"
    site.bank.service.answer(till.wire.sent[0])
    assert site.bank.balance("alice") == FUNDS


def test_what_only_the_operator_can_mend_is_out_of_service_and_stays_open(till: RunningTerminal) -> None:
    till.wire.faults = [till.wire.lose_request] * 5 + [till.answering(Code.REJECTED)]
    till.pay()
    unclear = till.until(State.OUT_OF_SERVICE)
    assert (unclear.reason, unclear.choices) == (Reason.UNRESOLVED, ())
    assert len(till.open_files()) == 1
    till.restart()
    till.until(State.CANCELLED)


@pytest.mark.parametrize("code", [Code.CANCELLED, Code.FACE_MISMATCH, Code.UNKNOWN_PAYMENT])
def test_an_answer_that_contradicts_itself_is_none(site: ServedBank, till: RunningTerminal, code: Code) -> None:
    """Not charged, says the code; charged, says the state. The terminal asks, and the server knows."""

    def contradict(envelope: bytes) -> bytes:
        till.wire.link.send(envelope)
        request = till.now.request
        assert request is not None
        terms = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency")}
        return till.answering(code, state=PaymentState.POSTED, **terms)(envelope)

    till.wire.faults = [contradict] * 5
    till.pay()
    assert till.until(State.PAID).reference
    assert site.bank.balance("alice") == FUNDS - 250


def test_without_a_connection_nothing_was_sent_and_the_person_is_told(site: ServedBank, till: RunningTerminal) -> None:
    till.wire.is_unplugged = True
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_SERVER
    till.cancel()
    assert till.until(State.CANCELLED).reason is Reason.BY_PERSON
    assert till.open_files() == []


def test_what_the_person_was_told_was_not_charged_is_not_sent_after_a_restart(
    site: ServedBank, till: RunningTerminal
) -> None:
    till.wire.is_unplugged = True
    till.pay()
    assert till.until(State.FAILED).reason is Reason.NO_SERVER
    till.restart()
    till.until(State.CANCELLED)
    assert site.bank.balance("alice") == FUNDS


def stop_while_sending(till: RunningTerminal) -> None:
    """A capture is lost on its way, and the terminal ends."""

    def stop(envelope: bytes) -> bytes:
        till.controller.stop()
        return till.wire.lose_request(envelope)

    till.wire.faults = [stop]
    till.pay()
    till.worker.join(20)
    till.stop()


def test_an_old_capture_is_not_sent_again_after_a_restart(site: ServedBank, till: RunningTerminal) -> None:
    """The person may have left; the server is asked instead."""
    stop_while_sending(till)
    long_ago = time.time() - till.pauses.still_there
    os.utime(till.folder / "journal" / "sent", (long_ago, long_ago))
    till.start()
    till.until(State.CANCELLED)
    assert site.bank.balance("alice") == FUNDS


def test_a_young_capture_is_sent_again_after_a_restart(site: ServedBank, till: RunningTerminal) -> None:
    stop_while_sending(till)
    captured = till.wire.sent[0]
    till.start()
    till.until(State.PAID)
    assert till.wire.sent == [captured]
    assert site.bank.balance("alice") == FUNDS - 250


@pytest.mark.mortal
def test_the_server_is_killed_in_the_middle_and_comes_back(site: ServedBank, till: RunningTerminal) -> None:
    def power_cut(envelope: bytes) -> bytes:
        try:
            return till.wire.lose_answer(envelope)
        finally:
            site.stop()

    till.wire.faults = [power_cut]
    till.pay()
    till.until(State.UNKNOWN)
    site.start()
    assert till.until(State.PAID).reference
    assert site.bank.balance("alice") == FUNDS - 250


@pytest.mark.parametrize("charged", [True, False])
def test_unknown_is_resolved_after_a_restart(site: ServedBank, till: RunningTerminal, charged: bool) -> None:
    fault = till.wire.lose_answer if charged else till.wire.lose_request
    till.wire.faults = [fault] * 5 + [till.wire.lose_request] * 100
    till.pay()
    till.until(State.UNKNOWN)
    till.stop()
    (open_file,) = till.open_files()
    assert open_file.stat().st_mode & 0o777 == 0o600
    till.wire.faults = []
    till.start()
    resolved = till.until(State.PAID, State.CANCELLED)
    assert resolved.state is (State.PAID if charged else State.CANCELLED)
    assert resolved.request is not None
    assert resolved.request.amount == 250
    assert site.bank.balance("alice") == FUNDS - 250 * charged
    assert till.open_files() == []


def test_a58_double_clicks_start_one_payment_and_answer_one_question(site: ServedBank, till: RunningTerminal) -> None:
    screen = till.now.screen
    for _ in range(2):
        till.controller.start(screen, "shop", 250, "EUR", "alice")
    till.until(State.PAID)
    screen = till.now.screen
    for _ in range(2):
        till.controller.choose(screen, Choice.DONE)
    till.until(State.IDLE)
    time.sleep(0.05)
    assert till.now.state is State.IDLE
    assert site.bank.balance("alice") == FUNDS - 250


def test_a58_a_late_click_finds_another_screen(till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    old = till.until(State.FAILED).screen
    till.controller.choose(old, Choice.FACE)
    till.until(State.READY, State.CAPTURED, State.VERIFYING)
    till.until(State.FAILED)
    till.controller.choose(old, Choice.FACE)
    time.sleep(0.1)
    assert till.now.state is State.FAILED


def test_a41_a_terminal_restored_from_a_backup_goes_on_beyond_every_used_counter(
    site: ServedBank, till: RunningTerminal
) -> None:
    backup = (till.folder / "till.counter").read_bytes() if (till.folder / "till.counter").exists() else b""
    till.pay()
    till.until(State.PAID)
    till.stop()
    (till.folder / "till.counter").write_bytes(b"sealframe-counter 1\nnext 0\n")
    assert backup is not None
    till.start()
    till.until(State.IDLE)
    till.pay()
    till.until(State.PAID)
    assert [situation.reason for situation in till.seen].count(Code.STALE_COUNTER) == 1
    assert site.bank.balance("alice") == FUNDS - 500


def test_a63_a_signed_answer_sets_the_clock(site: ServedBank, till: RunningTerminal) -> None:
    till.clock._shift = -4000.0
    till.pay()
    till.until(State.PAID)
    assert abs(till.clock() - site.bank.clock()) < 5
    assert Code.CLOCK_SKEW in [situation.reason for situation in till.seen]


def test_a63_an_unsigned_a_foreign_or_a_replayed_answer_changes_nothing(
    site: ServedBank, till: RunningTerminal
) -> None:
    till.pay()
    till.until(State.PAID)
    old = till.wire.link.send(till.wire.sent[-1])
    till.choose(Choice.DONE)
    till.until(State.IDLE)
    lie = PaymentAnswer(Code.CLOCK_SKEW, "0" * 64, 1).encode()
    stranger = sf.ServerKey.generate()
    till.wire.faults = [
        lambda _: b"",
        lambda _: lie,
        lambda _: old,
        lambda envelope: write_clear_answer(stranger, envelope, lie),
        lambda envelope: write_clear_answer(site.bank.key, envelope, lie),  # signed, but about other bytes
    ]
    before = till.clock._shift
    till.pay()
    till.until(State.FAILED)
    assert till.now.reason is Reason.NO_ANSWER
    assert till.clock._shift == before


def test_a_revoked_terminal_is_out_of_service(site: ServedBank, till: RunningTerminal) -> None:
    site.bank.operate(administration.revoke_device, device=till.device.key_id.hex())
    till.pay()
    assert till.until(State.OUT_OF_SERVICE).reason is Code.DEVICE_REVOKED


def test_too_little_money_ends_with_cancel_alone(site: ServedBank, till: RunningTerminal) -> None:
    till.pay(amount=FUNDS + 1)
    failed = till.until(State.FAILED)
    assert (failed.reason, failed.choices) == (Code.INSUFFICIENT_FUNDS, (Choice.CANCEL,))
    till.cancel()
    till.until(State.CANCELLED)


def test_a_rejected_payment_can_be_left(till: RunningTerminal) -> None:
    till.pay(payee="nobody")
    assert till.until(State.FAILED).reason is Code.REJECTED
    till.cancel()
    till.until(State.CANCELLED)


def test_rejected_is_no_end_of_a_payment_so_the_terminal_asks(site: ServedBank, till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.wire.faults = [till.answering(Code.REJECTED)]
    till.cancel()
    assert till.until(State.CANCELLED).reason is Code.CANCELLED
    assert len(till.wire.sent) == 4, "pay, a cancel that is rejected, status: still open, cancel"
    assert till.wire.sent[1] != till.wire.sent[3]


def test_a_rejected_payment_resolves_by_itself_after_a_restart(till: RunningTerminal) -> None:
    till.pay(payee="nobody")
    assert till.until(State.FAILED).reason is Code.REJECTED
    till.restart()
    till.until(State.CANCELLED)
    assert till.open_files() == []
    till.choose(Choice.DONE)
    till.until(State.IDLE)


def test_an_open_payment_of_an_earlier_run_is_cancelled(site: ServedBank, till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    assert till.until(State.FAILED).reason is Code.FACE_MISMATCH
    till.restart()
    assert till.until(State.CANCELLED).reason is Code.CANCELLED
    assert site.bank.balance("alice") == FUNDS


def test_a_question_nobody_answers_cancels(site: ServedBank, tmp_path, till: RunningTerminal) -> None:
    from dataclasses import replace

    till.stop()
    till.pauses = replace(till.pauses, abandoned=0.1)
    till.start()
    till.until(State.IDLE)
    till.camera.person = BOB
    till.pay()
    till.until(State.CANCELLED)
    till.until(State.IDLE)
    assert till.history()[-1]["state"] == "cancelled"


def test_neither_password_nor_picture_can_be_read_in_the_journal(till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.choose(Choice.PASSWORD)
    till.until(State.PASSWORD)
    seen: list[dict[str, bytes]] = []

    def look(envelope: bytes) -> bytes:
        seen.append({file.name: file.read_bytes() for file in (till.folder / "journal").iterdir()})
        return till.wire.link.send(envelope)

    till.wire.faults = [look]
    till.controller.give_password(till.now.screen, PASSWORD)
    till.until(State.PAID)
    (files,) = seen
    (opened,) = [content for name, content in files.items() if name.endswith(".open")]
    terms, *captures = [json.loads(line) for line in opened.splitlines()]
    assert set(terms) == {"v", "payment_id", "payee", "amount", "currency", "account"}
    assert [capture["action"] for capture in captures] == ["pay", "password"]
    assert captures[0]["counter"] < captures[1]["counter"]
    assert till.wire.sent[-1] in files["sent"], "sealed to the server"
    assert not any(PASSWORD.encode() in content for content in files.values())
    assert all(file.stat().st_mode & 0o077 == 0 for file in (till.folder / "journal").iterdir())


def test_the_answers_key_is_kept_until_the_answer_has_come(
    till: RunningTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, kept, seal = [], [], till.controller._exchange.seal
    sent = till.folder / "journal" / "sent"

    def noting_seal(*arguments: Any) -> Any:
        sealed = seal(*arguments)
        keys.append(sealed.answer_key.to_bytes())
        return sealed

    def look(envelope: bytes) -> bytes:
        kept.append(sent.read_bytes())
        return till.wire.lose_answer(envelope)

    monkeypatch.setattr(till.controller._exchange, "seal", noting_seal)
    till.wire.faults = [look, look]
    till.pay()
    till.until(State.PAID)
    assert [content.count(keys[0]) for content in kept] == [1, 1]
    assert keys[0] not in sent.read_bytes()


def test_a_payment_is_on_the_disk_before_anything_of_it_leaves(
    till: RunningTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, send = os.fsync, till.wire.send

    def noting_sync(descriptor: int) -> None:
        sync(descriptor)
        order.append(Path(f"/proc/self/fd/{descriptor}").readlink().suffix)

    def noting_send(*arguments: Any) -> bytes:
        order.append("sent")
        return send(*arguments)

    monkeypatch.setattr(os, "fsync", noting_sync)
    monkeypatch.setattr(till.wire, "send", noting_send)
    till.pay()
    till.until(State.PAID)
    assert ".open" in order[: order.index("sent")], order
    assert "" in order[order.index(".open") : order.index("sent")], "the folder, too"


@pytest.mark.parametrize("content", [b"{}\n", b"nonsense\n", b'{"v":2}\n'])
def test_a_damaged_journal_says_so_and_keeps_the_file(till: RunningTerminal, content: bytes) -> None:
    till.stop()
    path = till.folder / "journal" / f"{new_payment_id()}.open"
    path.write_bytes(content)
    path.chmod(0o600)
    till.start()
    assert till.until(State.OUT_OF_SERVICE).reason is Reason.FAULT
    assert path.exists()


def test_a_journal_cut_before_anything_left_is_forgotten(till: RunningTerminal) -> None:
    till.stop()
    path = till.folder / "journal" / f"{new_payment_id()}.open"
    path.write_bytes(b'{"v":1,"payment')
    path.chmod(0o600)
    till.start()
    till.until(State.IDLE)
    assert till.open_files() == []


def test_two_terminals_do_not_share_a_journal(till: RunningTerminal) -> None:
    from sealframe.errors import PolicyError
    from sealframe.terminal.journal import Journal

    with pytest.raises(PolicyError, match="Another terminal"):
        Journal(till.folder / "journal")


def test_cancel_races_with_paying_and_the_server_decides(site: ServedBank, till: RunningTerminal) -> None:
    for _ in range(5):
        till.until(State.IDLE)
        before = site.bank.balance("alice")
        till.pay(amount=10)
        till.until(State.READY, State.CAPTURED, State.VERIFYING, State.PAID)
        if till.now.request is not None:
            till.cancel()
        end = till.until(State.PAID, State.CANCELLED)
        assert site.bank.balance("alice") == before - 10 * (end.state is State.PAID)
        till.choose(Choice.DONE)


def test_the_quality_gate_names_what_is_wrong() -> None:
    from sealframe.sandbox.drawn_faces import draw_face
    from sealframe.terminal.camera.quality import Hint, centre_square, rate_frame

    face = centre_square(np.ascontiguousarray(draw_face(ALICE, 0)))
    assert rate_frame(face) is Hint.GOOD
    assert rate_frame((face * 0.1).astype(np.uint8)) is Hint.TOO_DARK
    assert rate_frame((255 - face * 0.05).astype(np.uint8)) is Hint.TOO_BRIGHT
    assert rate_frame((face * 0.05 + 120).astype(np.uint8)) is Hint.TOO_FLAT
    wide = np.zeros((48, 64, 3), np.uint8)
    assert centre_square(wide).shape == (48, 48, 3)


def test_a_fault_of_the_program_is_out_of_service_and_the_payment_resolves_later(till: RunningTerminal) -> None:
    till.camera.person = BOB
    till.pay()
    till.until(State.FAILED)
    till.camera._shot = lambda: np.zeros((8, 8, 7, 2), np.float64)  # type: ignore[method-assign]
    till.choose(Choice.FACE)
    assert till.until(State.OUT_OF_SERVICE).reason is Reason.FAULT
    assert till.camera.opened == till.camera.released
    till.restart()
    till.until(State.CANCELLED)


def test_stopping_while_the_camera_is_on_releases_it(till: RunningTerminal) -> None:
    till.camera.person = None
    till.pay()
    till.until(State.READY)
    till.stop()
    assert till.camera.released == 1
