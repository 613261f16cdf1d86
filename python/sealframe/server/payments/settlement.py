"""The settle path: one verified envelope against the database, in one transaction.

    device counter and message id, else the stored answer -> payment -> what was found of the person -> charge
    -> attempt with its answer

The same bytes get the same answer: they find their counter spent, and then what was said. What is refused by raising
`Refused` leaves nothing behind. Every statement is a way to the database and back, so there are no more than it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, insert, select, update

from sealframe.faces.matchers import TRIES_PER_PAYMENT
from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentState, payment_reference
from sealframe.server.payments.ledger import charge, write_audit
from sealframe.server.storage.compiled_statements import Row, Statement
from sealframe.server.storage.tables import (
    COUNTER_DIGITS,
    attempts,
    credentials,
    devices,
    face_failures,
    password_misses,
    payments,
    templates,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sealframe.payment_protocol import PaymentRequest

DAY_MS = 86_400_000


class Refused(Exception):
    """A request that must leave no trace, and the code it gets."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long. Times in milliseconds."""

    mismatches_per_payment: int = TRIES_PER_PAYMENT
    mismatches_per_day: int = 15
    password_misses: int = 5
    password_lock_ms: int = 15 * 60_000
    payment_lifetime_ms: int = 15 * 60_000


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """What an envelope proved, ready to be settled.

    finding: None when the person is who they claim to be, else why not. template_id and
    password_hash: what face or password was compared with; replaced meanwhile, it no longer pays.
    seal: turns the answer's body into the answer's bytes.
    """

    envelope_id: str
    device: str
    counter: int
    message_id: str
    request: PaymentRequest
    finding: Code | None
    received_at: int
    seal: Callable[[bytes], bytes]
    template_id: str | None = None
    password_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer, and how the request ended."""

    envelope_id: str
    answer: bytes
    code: Code
    stored: bool = False
    """Whether this is the answer given before to the same bytes."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """state: the payment's from now on; None where the terminal must learn nothing of it."""

    code: Code
    state: PaymentState | None
    attempts_left: int | None = None


_STORED = Statement(
    select(attempts.c.answer, attempts.c.code).where(attempts.c.envelope_id == bindparam("envelope_id"))
)
_ADVANCE = Statement(
    update(devices)
    .where(
        devices.c.device == bindparam("which"),
        devices.c.status == "active",
        devices.c.last_counter < bindparam("to"),
        ~exists().where(attempts.c.message_id == bindparam("message_id")),
    )
    .values(last_counter=bindparam("to"))
)
_DEVICE_STATUS = Statement(select(devices.c.status).where(devices.c.device == bindparam("device")))
_PAYMENT = Statement(select(payments).where(payments.c.payment_id == bindparam("payment_id")).with_for_update())
_NEW_PAYMENT = Statement(insert(payments).returning(payments))
_CLOSE = Statement(
    update(payments)
    .where(payments.c.payment_id == bindparam("which"))
    .values(state=bindparam("to"), closed_at=bindparam("at"))
)
_COUNT_MISMATCH = Statement(
    update(payments).where(payments.c.payment_id == bindparam("which")).values(mismatches=payments.c.mismatches + 1)
)
_FACE_DAY = Statement(
    select(face_failures.c.misses)
    .where(face_failures.c.account == bindparam("account"), face_failures.c.day == bindparam("day"))
    .with_for_update()
)
_NEW_FACE_FAILURE = Statement(insert(face_failures))
_COUNT_FACE_DAY = Statement(
    update(face_failures)
    .where(face_failures.c.account == bindparam("whose"), face_failures.c.day == bindparam("when"))
    .values(misses=face_failures.c.misses + 1)
)
_TEMPLATE = Statement(
    select(templates.c.template_id).where(
        templates.c.template_id == bindparam("template_id"), templates.c.revoked_at.is_(None)
    )
)
_CREDENTIAL = Statement(select(credentials.c.password_hash).where(credentials.c.account == bindparam("account")))
_MISSES = Statement(select(password_misses).where(password_misses.c.account == bindparam("account")).with_for_update())
_NEW_MISSES = Statement(insert(password_misses))
_SET_MISSES = Statement(
    update(password_misses)
    .where(password_misses.c.account == bindparam("whose"))
    .values(misses=bindparam("misses"), missed_at=bindparam("missed_at"), locked_until=bindparam("locked_until"))
)
_FORGET_MISSES = Statement(delete(password_misses).where(password_misses.c.account == bindparam("account")))
_NEW_ATTEMPT = Statement(insert(attempts))


def settle(connection: Connection, attempt: Attempt, limits: Limits) -> Settled:
    """Settle an attempt in the caller's transaction. Raises Refused; then nothing may be committed."""
    if not spend_capture(connection, attempt.device, attempt.counter, attempt.message_id):
        before = stored_answer(connection, attempt.envelope_id)  # by another delivery, while this one waited
        if before is not None:
            return before
        raise Refused(_why_not_spent(connection, attempt.device))
    payment = _find_payment(connection, attempt, limits)
    verdict = _decide(connection, attempt, payment, limits)
    answer = attempt.seal(_answer_body(attempt, verdict))
    store_attempt(connection, attempt, verdict.code, answer)
    return Settled(attempt.envelope_id, answer, verdict.code)


def stored_answer(connection: Connection, envelope_id: str) -> Settled | None:
    """The answer given before to the same bytes."""
    row = _STORED.row(connection, {"envelope_id": envelope_id})
    return None if row is None else Settled(envelope_id, row.answer, Code(row.code), stored=True)


def spend_capture(connection: Connection, device: str, counter: int, message_id: str) -> bool:
    """Use up the device's counter and the message id; False when either was used before, or the device may not."""
    capture = {"which": device, "to": counter_text(counter), "message_id": message_id}
    return _ADVANCE.run(connection, capture) == 1


def counter_text(counter: int) -> str:
    """A counter as the tables hold it."""
    return f"{counter:0{COUNTER_DIGITS}}"


def store_attempt(connection: Connection, attempt: Attempt, code: Code, answer: bytes) -> None:
    """Keep the answer for the next time that the same bytes arrive."""
    _NEW_ATTEMPT.run(
        connection,
        {
            "envelope_id": attempt.envelope_id,
            "device": attempt.device,
            "counter": counter_text(attempt.counter),
            "message_id": attempt.message_id,
            "payment_id": attempt.request.payment_id,
            "action": attempt.request.action,
            "code": code,
            "answer": answer,
            "received_at": attempt.received_at,
        },
    )


def _answer_body(attempt: Attempt, verdict: _Verdict) -> bytes:
    """What the terminal is told of the payment as it stands now."""
    request, about = attempt.request, dict[str, Any]()
    if verdict.state is not None:
        reference = payment_reference(request.payment_id) if verdict.state is PaymentState.POSTED else None
        named = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency")}
        about = {**named, "state": verdict.state, "reference": reference}
    answer = PaymentAnswer(verdict.code, attempt.envelope_id, attempt.received_at, verdict.attempts_left, **about)
    return answer.encode()


def same_terms(payment: Row, attempt: Attempt) -> bool:
    """Whether the request names the payment as it was first asked for, by the same device (A54)."""
    request = attempt.request
    asked = (attempt.device, request.account, request.payee, request.amount, request.currency)
    return asked == (payment.device, payment.account, payment.payee, payment.amount, payment.currency)


def _why_not_spent(connection: Connection, device: str) -> Code:
    status = _DEVICE_STATUS.value(connection, {"device": device})
    if status is None:
        return Code.UNKNOWN_DEVICE
    return Code.STALE_COUNTER if status == "active" else Code.DEVICE_REVOKED


def _find_payment(connection: Connection, attempt: Attempt, limits: Limits) -> Row | None:
    """The payment, opened by the first request about it, expired when it is too old; None if there is none."""
    request, now = attempt.request, attempt.received_at
    payment = _PAYMENT.row(connection, {"payment_id": request.payment_id})
    if payment is None:
        asks = request.action is Action.STATUS
        return None if asks else _NEW_PAYMENT.row(connection, _as_opened(attempt))
    if not is_open(payment) or payment.created_at + limits.payment_lifetime_ms > now:
        return payment
    _close(connection, attempt, PaymentState.EXPIRED)
    return _PAYMENT.row(connection, {"payment_id": request.payment_id})


def _as_opened(attempt: Attempt) -> dict[str, Any]:
    request = attempt.request
    return {
        "payment_id": request.payment_id,
        "account": request.account,
        "payee": request.payee,
        "amount": request.amount,
        "currency": request.currency,
        "device": attempt.device,
        "state": PaymentState.OPEN,
        "mismatches": 0,
        "refunded": 0,
        "created_at": attempt.received_at,
    }


def _decide(connection: Connection, attempt: Attempt, payment: Row | None, limits: Limits) -> _Verdict:
    action = attempt.request.action
    if payment is None:
        return _Verdict(Code.UNKNOWN_PAYMENT, None)
    if not same_terms(payment, attempt):
        return _Verdict(Code.REJECTED, None)
    state = PaymentState(payment.state)
    if action is Action.STATUS:
        return _Verdict(_CODE_OF_STATE[state], state)
    if not is_open(payment):
        return _Verdict(closed_code(state), state)
    if action is Action.CANCEL:
        _close(connection, attempt, PaymentState.CANCELLED)
        return _Verdict(Code.CANCELLED, PaymentState.CANCELLED)
    by_face = action is Action.PAY
    refusal = (_refuse_face if by_face else _refuse_password)(connection, attempt, payment, limits)
    if refusal is not None:
        return refusal
    method = "face" if by_face else "password"
    code = charge(connection, payment, method, _actor(attempt), attempt.received_at)
    return _Verdict(code, PaymentState.POSTED if code is Code.PAID else PaymentState.OPEN)


_CODE_OF_STATE = {
    PaymentState.OPEN: Code.OPEN,
    PaymentState.POSTED: Code.PAID,
    PaymentState.CANCELLED: Code.CANCELLED,
    PaymentState.EXPIRED: Code.EXPIRED,
}


def is_open(payment: Row) -> bool:
    """Whether the payment may still be charged or cancelled."""
    return bool(payment.state == PaymentState.OPEN)


def closed_code(state: PaymentState) -> Code:
    """What a request to pay or to cancel gets when the payment is closed already."""
    return Code.ALREADY_PAID if state is PaymentState.POSTED else _CODE_OF_STATE[state]


def _close(connection: Connection, attempt: Attempt, to: PaymentState) -> None:
    payment_id, now = attempt.request.payment_id, attempt.received_at
    _CLOSE.run(connection, {"which": payment_id, "to": to, "at": now})
    write_audit(connection, now, _actor(attempt), to, payment_id)


def _refuse_face(connection: Connection, attempt: Attempt, payment: Row, limits: Limits) -> _Verdict | None:
    """Why this face does not pay; None when it does. Only mismatches count, and too many lock (A56)."""
    account, day = payment.account, attempt.received_at // DAY_MS
    that_day = _FACE_DAY.value(connection, {"account": account, "day": day})
    left = min(limits.mismatches_per_payment - payment.mismatches, limits.mismatches_per_day - (that_day or 0))
    if left <= 0:
        return _still_open(Code.FACE_LOCKED, 0)
    finding = attempt.finding
    if finding is None and not _is_current(connection, attempt.template_id):
        finding = Code.FACE_MISMATCH
    if finding is not Code.FACE_MISMATCH:
        return None if finding is None else _still_open(finding, left)
    _COUNT_MISMATCH.run(connection, {"which": payment.payment_id})
    if that_day is None:
        _NEW_FACE_FAILURE.run(connection, {"account": account, "day": day, "misses": 1})
    else:
        _COUNT_FACE_DAY.run(connection, {"whose": account, "when": day})
    if left > 1:
        return _still_open(Code.FACE_MISMATCH, left - 1)
    write_audit(connection, attempt.received_at, _actor(attempt), "face_locked", payment.payment_id)
    return _still_open(Code.FACE_LOCKED, 0)


def _is_current(connection: Connection, template_id: str | None) -> bool:
    """Whether the template was not revoked while the face was compared with it."""
    return _TEMPLATE.row(connection, {"template_id": template_id}) is not None


def _refuse_password(connection: Connection, attempt: Attempt, payment: Row, limits: Limits) -> _Verdict | None:
    """Why this password does not pay; None when it does. Too many wrong ones lock for a while.

    Misses count for whatever account was claimed, so that neither they nor the lock tell which accounts there are.
    """
    now, account = attempt.received_at, payment.account
    misses = _MISSES.row(connection, {"account": account})
    if attempt.finding is Code.PASSWORD_LOCKED or (misses is not None and misses.locked_until > now):
        return _still_open(Code.PASSWORD_LOCKED, 0)
    if attempt.finding is None and _is_password(connection, account, attempt.password_hash):
        if misses is not None:
            _FORGET_MISSES.run(connection, {"account": account})
        return None
    missed = 1 if misses is None else misses.misses + 1
    left = limits.password_misses - missed
    values = {"misses": missed if left > 0 else 0, "missed_at": now, "locked_until": 0}
    if left <= 0:
        values["locked_until"] = now + limits.password_lock_ms
    if misses is None:
        _NEW_MISSES.run(connection, {"account": account, **values})
    else:
        _SET_MISSES.run(connection, {"whose": account, **values})
    if left > 0:
        return _still_open(Code.WRONG_PASSWORD, left)
    write_audit(connection, now, _actor(attempt), "password_locked", account)
    return _still_open(Code.PASSWORD_LOCKED, 0)


def _is_password(connection: Connection, account: str, password_hash: str | None) -> bool:
    """Whether the password was not replaced while it was checked."""
    return _CREDENTIAL.value(connection, {"account": account}) == password_hash


def _still_open(code: Code, attempts_left: int) -> _Verdict:
    return _Verdict(code, PaymentState.OPEN, attempts_left)


def _actor(attempt: Attempt) -> str:
    return f"device:{attempt.device}"
