"""Payments from sealed envelope to sealed answer (M25-M29, A36, A37, A42, A54-A58).

Covers A38, A40, A53, A55, A56, A57, A63, M26, M28.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, func, select

import sealframe as sf
from sealframe.envelope import MAX_START_BYTES, AnswerKey, answer, reader
from sealframe.envelope.layout import FIXED_BYTES, Parts, split_start
from sealframe.errors import BadSignature, ReplayedCapture, StoreUnavailable
from sealframe.payment_protocol import Action, Code, EnrolmentRequest, PaymentState, Retry, new_payment_id
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments import administration, envelope_start, operator_transfers
from sealframe.server.payments.attempt import Settled
from sealframe.server.payments.attempt_runner import run_inline
from sealframe.server.payments.limits import DAY_MS
from sealframe.server.storage.tables import face_failures, password_misses
from tests.server.bank import ALICE, BOB, FUNDS, PASSWORD, Bank


def test_m26_m27_the_right_face_pays_once_and_gets_a_receipt(bank: Bank) -> None:
    request = bank.request()
    answer = bank.ask(request)
    assert (answer.code, answer.state) == (Code.PAID, PaymentState.POSTED)
    assert (answer.payee, answer.amount, answer.currency) == ("shop", 250, "EUR")
    assert answer.reference == request.payment_id[-12:].upper()
    assert (bank.balance("alice"), bank.balance("shop")) == (FUNDS - 250, 250)
    assert bank.ask(request).code is Code.ALREADY_PAID
    assert bank.code(bank.again(request, Action.STATUS)) is Code.PAID
    assert bank.balance("shop") == 250


def test_a36_a42_the_same_bytes_get_the_same_answer_also_after_a_restart(bank: Bank) -> None:
    envelope, key = bank.terminal.seal(bank.request())
    first = bank.service.answer(envelope)
    assert bank.service.answer(envelope).answer == first.answer
    bank.service.close()
    bank.service = bank.start()
    again = bank.service.answer(envelope)
    assert again.stored
    assert again.answer == first.answer
    assert bank.terminal.read(again.answer, key).code is Code.PAID
    assert bank.balance("shop") == 250


def test_a42_an_answer_outlives_its_device_and_the_clock_window(bank: Bank) -> None:
    envelope, _ = bank.terminal.seal(bank.request())
    first = bank.service.answer(envelope).answer
    bank.operate(administration.revoke_device, device=bank.terminal.device.key_id.hex())
    bank.now_s += 86_400
    assert bank.service.answer(envelope).answer == first


def test_a37_an_older_capture_is_stale_and_leaves_no_trace(bank: Bank) -> None:
    request = bank.request()
    older, key = bank.terminal.seal(request)
    assert bank.code(bank.request()) is Code.PAID
    answer = bank.service.answer(older)
    assert bank.terminal.read(answer.answer, key).code is Code.STALE_COUNTER
    assert not bank.service.answer(older).stored
    assert bank.balance("shop") == 250


def test_a41_a_terminal_restored_from_a_backup_is_stale_until_its_counter_is_past(bank: Bank) -> None:
    for _ in range(3):
        assert bank.code(bank.request()) is Code.PAID
    bank.terminal.counter = sf.MemoryCounter(4)  # three enrolled frames used 1 to 3, the payments 4 to 6
    codes = [bank.code(bank.request()) for _ in range(4)]
    assert codes == [Code.STALE_COUNTER] * 3 + [Code.PAID]
    assert bank.balance("shop") == 4 * 250


def test_a37_the_last_counter_there_is_pays_and_nothing_after_it(bank: Bank) -> None:
    bank.terminal.counter = sf.MemoryCounter(2**64 - 1)
    assert bank.code(bank.request()) is Code.PAID
    for counter in (2**64 - 1, 2**63, 7):
        bank.terminal.counter = sf.MemoryCounter(counter)
        assert bank.code(bank.request()) is Code.STALE_COUNTER
    assert bank.balance("shop") == 250


@pytest.mark.parametrize("clock_s", [1_000_000_000.0, 9_999_999_999.0])
def test_a38_captures_of_2001_and_2286_are_told_the_servers_time(bank: Bank, clock_s: float) -> None:
    """The ends of what 13 digits of milliseconds can say."""
    bank.terminal._clock = lambda: clock_s
    answer = bank.ask(bank.request())
    assert (answer.code, answer.server_time) == (Code.CLOCK_SKEW, bank.service.now())


@pytest.mark.parametrize(
    ("late", "code"), [(300, Code.PAID), (301, Code.CLOCK_SKEW), (-300, Code.PAID), (-301, Code.CLOCK_SKEW)]
)
def test_a38_clock_skew_is_told_with_the_servers_time(bank: Bank, late: int, code: Code) -> None:
    envelope, key = bank.terminal.seal(bank.request())
    bank.now_s += late
    answer = bank.terminal.read(bank.service.answer(envelope).answer, key)
    assert answer.code is code
    assert answer.server_time == int(bank.now_s * 1000)


def test_replay_after_pruning_is_refused(bank: Bank) -> None:
    envelope, key = bank.terminal.seal(bank.request())
    bank.service.answer(envelope)
    bank.operate(administration.prune_attempts, older_than=bank.service.now() + 1)
    assert bank.terminal.read(bank.service.answer(envelope).answer, key).code is Code.STALE_COUNTER
    assert bank.balance("shop") == 250


@pytest.mark.parametrize("change", [{"amount": 251}, {"payee": "bob"}, {"account": "bob"}])
def test_a54_terms_changed_after_capture_are_rejected(bank: Bank, change: dict[str, object]) -> None:
    request = bank.request()
    bank.code(request, BOB)
    answer = bank.ask(bank.again(request, Action.PAY, **change))
    assert answer.code is Code.REJECTED
    assert answer.payment_id is None
    assert bank.balance("shop") == bank.balance("bob") == 0


def test_a54_another_terminal_cannot_touch_the_payment(bank: Bank) -> None:
    request = bank.request()
    bank.code(request, BOB)
    other = bank.new_terminal("POS-0002")
    for action in (Action.PAY, Action.CANCEL, Action.STATUS):
        assert bank.code(bank.again(request, action), terminal=other) is Code.REJECTED


def test_a55_a_wrong_face_and_no_such_account_are_one_answer(bank: Bank) -> None:
    wrong, nobody = bank.ask(bank.request(), BOB), bank.ask(bank.request(account="nobody"))
    assert wrong.code is nobody.code is Code.FACE_MISMATCH
    assert wrong.attempts_left == nobody.attempts_left == 4


def test_a56_m28_five_misses_lock_the_face_and_the_password_still_pays(bank: Bank) -> None:
    request = bank.request()
    answers = [bank.ask(request, BOB) for _ in range(5)]
    assert [answer.code for answer in answers] == [Code.FACE_MISMATCH] * 4 + [Code.FACE_LOCKED]
    assert [answer.attempts_left for answer in answers] == [4, 3, 2, 1, 0]
    assert bank.code(request, ALICE) is Code.FACE_LOCKED
    assert bank.code(bank.again(request, Action.PASSWORD, password=PASSWORD)) is Code.PAID


def test_a56_misses_of_a_day_lock_the_account_until_tomorrow(bank: Bank) -> None:
    for _ in range(3):
        request = bank.request()
        for _ in range(5):
            bank.code(request, BOB)
    assert bank.code(bank.request(), ALICE) is Code.FACE_LOCKED
    bank.now_s += DAY_MS / 1000
    assert bank.code(bank.request(), ALICE) is Code.PAID


def test_wrong_passwords_lock_for_a_while(bank: Bank) -> None:
    request = bank.request(Action.PASSWORD, password="wrong")
    codes = [bank.code(request) for _ in range(5)]
    assert codes == [Code.WRONG_PASSWORD] * 4 + [Code.PASSWORD_LOCKED]
    right = bank.again(request, Action.PASSWORD, password=PASSWORD)
    assert bank.code(right) is Code.PASSWORD_LOCKED
    bank.now_s += 901
    assert bank.code(bank.request(Action.PASSWORD, password=PASSWORD)) is Code.PAID


def test_a60_a_password_lock_does_not_tell_which_accounts_there_are(bank: Bank) -> None:
    """alice has a password, bob has none, nobody is not there: they are alike answer by answer and hash by hash."""
    hashed: list[str] = []
    verify = bank.service.passwords._hasher.verify
    bank.service.passwords._hasher = CountedHasher(verify, hashed)  # type: ignore[assignment]
    told = {}
    for account in ("alice", "bob", "nobody"):
        request = bank.request(Action.PASSWORD, account=account, password="wrong")
        answers = [bank.ask(request) for _ in range(6)]
        told[account] = [(answer.code, answer.attempts_left, len(hashed)) for answer in answers]
        hashed.clear()
        assert bank.code(bank.request(Action.PASSWORD, account=account, password="x")) is Code.PASSWORD_LOCKED
        assert not hashed
    assert told["alice"] == told["bob"] == told["nobody"]
    assert [(code, left) for code, left, _ in told["alice"]] == [
        *((Code.WRONG_PASSWORD, left) for left in (4, 3, 2, 1)),
        *[(Code.PASSWORD_LOCKED, 0)] * 2,
    ]


class CountedHasher:
    def __init__(self, verify: Callable[[str, str], bool], seen: list[str]) -> None:
        self._verify, self._seen = verify, seen

    def verify(self, password_hash: str, password: str) -> bool:
        self._seen.append(password_hash)
        return self._verify(password_hash, password)


def test_a_password_for_nobody_is_wrong(bank: Bank) -> None:
    assert bank.code(bank.request(Action.PASSWORD, account="nobody", password=PASSWORD)) is Code.WRONG_PASSWORD


def test_misses_are_forgotten_with_the_attempts(bank: Bank) -> None:
    bank.code(bank.request(), BOB)
    bank.code(bank.request(Action.PASSWORD, account="nobody", password="wrong"))
    for days, left in ((1, 1), (-2, 0)):
        bank.operate(administration.prune_attempts, older_than=bank.service.now() - days * DAY_MS)
        with bank.service.database.reading() as connection:
            for table in (face_failures, password_misses):
                assert connection.execute(select(func.count()).select_from(table)).scalar_one() == left


def test_a_new_password_unlocks(bank: Bank) -> None:
    request = bank.request(Action.PASSWORD, password="wrong")
    assert [bank.code(request) for _ in range(5)][-1] is Code.PASSWORD_LOCKED
    bank.operate(administration.set_password, account="alice", password_hash=bank.service.passwords.hash("another one"))
    assert bank.code(bank.again(request, Action.PASSWORD, password="another one")) is Code.PAID


def test_a55_whether_a_payee_exists_is_told_only_to_who_could_pay(bank: Bank) -> None:
    told = [bank.ask(bank.request(payee=payee), BOB) for payee in ("shop", "nobody")]
    assert [(answer.code, answer.state, answer.attempts_left) for answer in told] == [
        (Code.FACE_MISMATCH, PaymentState.OPEN, 4)
    ] * 2
    assert bank.code(bank.request(payee="nobody")) is Code.REJECTED


def test_funds_and_limits(bank: Bank) -> None:
    assert bank.code(bank.request(amount=FUNDS + 1)) is Code.INSUFFICIENT_FUNDS
    assert bank.code(bank.request(amount=10**15)) is Code.INSUFFICIENT_FUNDS
    assert bank.code(bank.request(currency="USD")) is Code.REJECTED
    assert bank.code(bank.request(payee="nobody")) is Code.REJECTED
    assert bank.balance("alice") == FUNDS


def test_cancel_before_and_after(bank: Bank) -> None:
    request = bank.request()
    assert bank.code(bank.again(request, Action.STATUS)) is Code.UNKNOWN_PAYMENT
    assert bank.code(bank.again(request, Action.CANCEL)) is Code.CANCELLED
    assert bank.code(request) is Code.CANCELLED
    paid = bank.request()
    assert bank.code(paid) is Code.PAID
    assert bank.code(bank.again(paid, Action.CANCEL)) is Code.ALREADY_PAID


def test_an_open_payment_expires(bank: Bank) -> None:
    request = bank.request()
    assert bank.code(request, BOB) is Code.FACE_MISMATCH
    bank.now_s += 15 * 60
    assert bank.code(request) is Code.EXPIRED
    assert bank.code(bank.again(request, Action.STATUS)) is Code.EXPIRED


def test_a57_cancel_and_charge_race_and_exactly_one_wins(bank: Bank) -> None:
    for _ in range(6):
        request = bank.request()
        canceller = bank.terminal
        charge, charge_key = canceller.seal(request)
        cancel, cancel_key = canceller.seal(bank.again(request, Action.CANCEL))
        answers: dict[bytes, bytes] = {}

        def send(envelope: bytes, answers: dict[bytes, bytes] = answers) -> None:
            answers[envelope] = bank.service.answer(envelope).answer

        threads = [threading.Thread(target=send, args=(envelope,)) for envelope in (charge, cancel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = (canceller.read(answers[charge], charge_key).code, canceller.read(answers[cancel], cancel_key).code)
        assert codes in {
            (Code.PAID, Code.ALREADY_PAID),
            (Code.CANCELLED, Code.CANCELLED),
            (Code.STALE_COUNTER, Code.CANCELLED),
        }


def test_a58_a_double_tap_charges_once(bank: Bank) -> None:
    request = bank.request()
    envelopes = [bank.terminal.seal(request)[0] for _ in range(4)]
    threads = [threading.Thread(target=bank.service.answer, args=(envelope,)) for envelope in envelopes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bank.balance("shop") == 250


def test_devices_unknown_and_revoked(bank: Bank) -> None:
    stranger = bank.new_terminal("POS-0666", register=False)
    assert bank.code(bank.request(), terminal=stranger) is Code.UNKNOWN_DEVICE
    bank.operate(administration.revoke_device, device=bank.terminal.device.key_id.hex())
    assert bank.code(bank.request()) is Code.DEVICE_REVOKED


def flipped(envelope: bytes, position: int) -> bytes:
    changed = bytearray(envelope)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("met", [False, True])
def test_a_flipped_bit_is_rejected_signed_where_the_device_did(bank: Bank, *, met: bool) -> None:
    envelope, key = bank.terminal.seal(bank.request())
    content = len(envelope) - split_start(envelope).header.content_len
    if met:
        assert bank.code(bank.request()) is Code.PAID
        envelope, key = bank.terminal.seal(bank.request())
    for position in (content, len(envelope) // 2, len(envelope) - 1):
        assert bank.service.answer(flipped(envelope, position)).code is Code.REJECTED
    for position in (60, FIXED_BYTES + 20, content - 1):
        with pytest.raises(BadSignature):
            bank.service.answer(flipped(envelope, position))
    assert bank.terminal.read(bank.service.answer(envelope).answer, key).code is Code.PAID


def test_what_was_recognised_is_forgotten_when_the_device_changed_meanwhile(bank: Bank) -> None:
    assert bank.code(bank.request()) is Code.PAID
    envelope, key = bank.terminal.seal(bank.request())
    start = bank.service.attempts.recognise(envelope[:MAX_START_BYTES])
    assert start.signed is not None
    other = replace(start.signed.signer, device_info="POS-0000")
    opened = bank.service.attempts.open(envelope, replace(start, signed=replace(start.signed, signer=other)))
    assert not isinstance(opened, Settled)
    assert opened.verified.device == bank.terminal.device.public
    bank.operate(administration.revoke_device, device=bank.terminal.device.key_id.hex())
    refused = bank.service.attempts.open(envelope, start)
    assert isinstance(refused, Settled)
    assert bank.terminal.read(refused.answer, key).code is Code.DEVICE_REVOKED


def test_the_header_of_an_attempt_is_parsed_once(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []

    def counted(split: Callable[..., Parts]) -> Callable[..., Parts]:
        def count(*arguments: Any) -> Parts:
            parsed.append(1)
            return split(*arguments)

        return count

    for module in (envelope_start, reader, answer):
        for name in {"split_start", "split_envelope"} & set(vars(module)):
            monkeypatch.setattr(module, name, counted(getattr(module, name)))
    seen = []
    stranger = bank.new_terminal("POS-0666", register=False)
    first, second = (bank.terminal.seal(bank.request())[0] for _ in range(2))
    for envelope in (first, second, second, stranger.seal(bank.request())[0], flipped(second, len(second) - 1)):
        parsed.clear()
        seen.append((bank.service.answer(envelope).code, len(parsed)))
    assert seen == [(code, 1) for code in (Code.PAID, Code.PAID, Code.PAID, Code.UNKNOWN_DEVICE, Code.REJECTED)]


def test_an_inline_step_must_not_wait() -> None:
    with pytest.raises(RuntimeError, match="waited"):
        run_inline(asyncio.sleep(0))


def test_frames_that_enrolled_once_do_not_enrol_again(bank: Bank) -> None:
    frames = [bank.terminal.seal(EnrolmentRequest("bob"), BOB, capture)[0] for capture in range(3)]
    bank.service.enrol("bob", frames, "operator:test")
    with pytest.raises(ReplayedCapture):
        bank.service.enrol("bob", frames, "operator:test")


def test_no_more_devices_are_remembered_than_there_is_room_for(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope_start, "_MOST_KEPT", 2)
    starts = bank.service.attempts._starts
    for number in range(2, 6):
        assert bank.code(bank.request(), terminal=bank.new_terminal(f"POS-{number:04}")) is Code.PAID
        assert 1 <= len(starts._verified) <= 2
        assert 1 <= len(starts._opened) <= 2


def test_a_repeat_is_answered_without_its_signature_and_nothing_else_is(bank: Bank) -> None:
    envelope, _ = bank.terminal.seal(bank.request())
    paid = bank.service.answer(envelope)
    assert bank.service.attempts.recognise(envelope[:MAX_START_BYTES]).signed is None
    again = bank.service.answer(envelope)
    assert (paid.code, again.stored, again.answer) == (Code.PAID, True, paid.answer)
    altered = bank.service.answer(flipped(envelope, len(envelope) - 1))
    assert (altered.code, altered.stored) == (Code.REJECTED, False)
    content = len(envelope) - split_start(envelope).header.content_len
    with pytest.raises(BadSignature):
        bank.service.attempts.recognise(flipped(envelope, content - 1)[:MAX_START_BYTES])


def test_a_device_revoked_or_a_template_deleted_while_it_was_judged_does_not_pay(bank: Bank) -> None:
    attempt = bank.verified(bank.request())
    bank.operate(administration.revoke_template, template_id=bank.template)
    assert bank.service.attempts.settle(attempt).result().code is Code.FACE_MISMATCH


def test_a_password_replaced_while_it_was_checked_does_not_pay(bank: Bank) -> None:
    attempt = bank.verified(bank.request(Action.PASSWORD, password=PASSWORD))
    bank.operate(administration.set_password, account="alice", password_hash=bank.service.passwords.hash("another one"))
    assert bank.service.attempts.settle(attempt).result().code is Code.WRONG_PASSWORD
    assert bank.balance("shop") == 0
    assert bank.code(bank.request(Action.PASSWORD, password="another one")) is Code.PAID


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"v":1,"v":1}', b"[" * 2000, b"\xff", b'{"v":1,"action":"pay"}', b"x" * 9000]
)
def test_a53_data_that_is_no_request_is_rejected(bank: Bank, data: bytes) -> None:
    assert bank.code(data) is Code.REJECTED


def test_another_version_of_the_request_is_told(bank: Bank) -> None:
    assert bank.code(bank.request().encode().replace(b'"v":1', b'"v":2')) is Code.VERSION_UNSUPPORTED


@pytest.mark.parametrize(("frame", "code"), [(0, Code.LOW_QUALITY), (255, Code.LOW_QUALITY)])
def test_m29_a_bad_picture_asks_for_another_and_does_not_count(bank: Bank, frame: int, code: Code) -> None:
    request = bank.request()
    sealer = sf.Sealer(to=bank.key.public, device=bank.terminal.device, counter=bank.terminal.counter, clock=bank.clock)
    dark = draw_face(ALICE) * 0 + frame
    envelope, key = sealer.seal_request(dark, request.encode())
    answer = bank.terminal.read(bank.service.answer(envelope).answer, key)
    assert (answer.code, answer.code.retry, answer.attempts_left) == (code, Retry.AUTO, 5)
    assert bank.code(request) is Code.PAID


def test_refunds_are_reverse_entries_within_the_amount(bank: Bank) -> None:
    request = bank.request()
    bank.code(request)
    part = {"refund_id": new_payment_id(), "payment_id": request.payment_id, "amount": 100}
    for _ in range(2):
        bank.operate(operator_transfers.refund, **part)
    assert (bank.balance("alice"), bank.balance("shop")) == (FUNDS - 150, 150)
    with pytest.raises(administration.Conflict):
        bank.operate(operator_transfers.refund, **{**part, "refund_id": new_payment_id(), "amount": 151})
    with pytest.raises(administration.NotFound):
        bank.operate(operator_transfers.refund, **{**part, "payment_id": new_payment_id()})


def test_a40_a_closed_store_takes_nothing(bank: Bank) -> None:
    envelope, _ = bank.terminal.seal(bank.request())
    bank.service.writer.close()
    with pytest.raises(StoreUnavailable):
        bank.service.answer(envelope)
    bank.service.close()
    bank.service = bank.start()
    assert bank.service.answer(envelope).code is Code.PAID


def test_a40_a_full_disk_charges_nothing_and_the_same_bytes_pay_when_there_is_room(bank: Bank) -> None:
    engine = bank.service.database.engine
    with engine.connect() as connection:
        limit = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    @event.listens_for(engine, "begin")
    def fill(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")

    paid = 0
    while True:
        envelope, key = bank.terminal.seal(bank.request(amount=1))
        try:
            assert bank.service.answer(envelope).code is Code.PAID
        except StoreUnavailable:
            break
        paid += 1
    assert bank.balance("shop") == paid
    event.remove(engine, "begin", fill)
    with bank.service.database.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert bank.terminal.read(bank.service.answer(envelope).answer, key).code is Code.PAID
    assert bank.balance("shop") == paid + 1


def test_a63_an_answer_belongs_to_one_envelope(bank: Bank) -> None:
    envelope, _ = bank.terminal.seal(bank.request())
    _, other_key = bank.terminal.seal(bank.request())
    assert isinstance(other_key, AnswerKey)
    with pytest.raises(Exception, match="another request"):
        bank.terminal.read(bank.service.answer(envelope).answer, other_key)


def test_a_refund_may_share_its_payments_id_and_the_books_still_balance(bank: Bank) -> None:
    request = bank.request()
    bank.code(request)
    bank.operate(operator_transfers.refund, refund_id=request.payment_id, payment_id=request.payment_id, amount=250)
    assert (bank.balance("alice"), bank.balance("shop")) == (FUNDS, 0)
    assert not bank.broken_invariants()
