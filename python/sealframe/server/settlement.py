"""The settle path: one verified envelope against the database, in one transaction.

    stored answer -> device counter and message id -> payment -> what was found of the person -> charge
    -> attempt with its answer

The same bytes get the same answer. What is refused by raising `Refused` leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from sealframe.payment import Action, Code, PaymentAnswer, PaymentState, payment_reference
from sealframe.server.ledger import charge, write_audit
from sealframe.server.tables import (
    COUNTER_DIGITS,
    accounts,
    attempts,
    credentials,
    devices,
    face_days,
    payments,
    templates,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from sealframe.payment import PaymentRequest

DAY_MS = 86_400_000


class Refused(Exception):
    """A request that must leave no trace, and the code it gets."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long. Times in milliseconds."""

    mismatches_per_payment: int = 5
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

    answer: bytes
    code: Code
    stored: bool = False
    """Whether this is the answer given before to the same bytes."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    code: Code
    attempts_left: int | None = None


_STORED = select(attempts.c.answer, attempts.c.code).where(attempts.c.envelope_id == bindparam("envelope_id"))
_ADVANCE = (
    update(devices)
    .where(
        devices.c.device == bindparam("which"),
        devices.c.status == "active",
        devices.c.last_counter < bindparam("to"),
    )
    .values(last_counter=bindparam("to"))
)
_DEVICE_STATUS = select(devices.c.status).where(devices.c.device == bindparam("device"))
_MESSAGE = select(attempts.c.envelope_id).where(attempts.c.message_id == bindparam("message_id"))
_PAYMENT = select(payments).where(payments.c.payment_id == bindparam("payment_id")).with_for_update()
_NEW_PAYMENT = insert(payments)
_CLOSE = (
    update(payments)
    .where(payments.c.payment_id == bindparam("which"))
    .values(state=bindparam("to"), closed_at=bindparam("at"))
)
_PAYEE = select(accounts.c.currency).where(accounts.c.account == bindparam("payee"))
_COUNT_MISMATCH = (
    update(payments).where(payments.c.payment_id == bindparam("which")).values(mismatches=payments.c.mismatches + 1)
)
_FACE_DAY = (
    select(face_days.c.misses)
    .where(face_days.c.account == bindparam("account"), face_days.c.day == bindparam("day"))
    .with_for_update()
)
_NEW_FACE_DAY = insert(face_days)
_COUNT_FACE_DAY = (
    update(face_days)
    .where(face_days.c.account == bindparam("whose"), face_days.c.day == bindparam("when"))
    .values(misses=face_days.c.misses + 1)
)
_TEMPLATE = select(templates.c.template_id).where(
    templates.c.template_id == bindparam("template_id"), templates.c.revoked_at.is_(None)
)
_CREDENTIAL = select(credentials).where(credentials.c.account == bindparam("account")).with_for_update()
_SET_MISSES = (
    update(credentials)
    .where(credentials.c.account == bindparam("whose"))
    .values(misses=bindparam("to"), locked_until=bindparam("until"))
)
_NEW_ATTEMPT = insert(attempts)


def settle(connection: Connection, attempt: Attempt, limits: Limits) -> Settled:
    """Settle an attempt in the caller's transaction. Raises Refused; then nothing may be committed."""
    before = stored_answer(connection, attempt.envelope_id)
    if before is not None:
        return before
    if not spend_capture(connection, attempt.device, attempt.counter, attempt.message_id):
        before = stored_answer(connection, attempt.envelope_id)  # by another process, while this one waited
        if before is not None:
            return before
        raise Refused(_why_not_spent(connection, attempt.device))
    payment = _find_payment(connection, attempt, limits)
    verdict = _decide(connection, attempt, payment, limits)
    answer = attempt.seal(answer_body(connection, attempt, verdict.code, verdict.attempts_left))
    store_attempt(connection, attempt, verdict.code, answer)
    return Settled(answer, verdict.code)


def stored_answer(connection: Connection, envelope_id: str) -> Settled | None:
    """The answer given before to the same bytes."""
    row = connection.execute(_STORED, {"envelope_id": envelope_id}).one_or_none()
    return None if row is None else Settled(row.answer, Code(row.code), stored=True)


def spend_capture(connection: Connection, device: str, counter: int, message_id: str) -> bool:
    """Use up the device's counter and the message id; False when either was used before, or the device may not."""
    advanced = connection.execute(_ADVANCE, {"which": device, "to": counter_text(counter)}).rowcount == 1
    return advanced and connection.execute(_MESSAGE, {"message_id": message_id}).one_or_none() is None


def counter_text(counter: int) -> str:
    """A counter as the tables hold it."""
    return f"{counter:0{COUNTER_DIGITS}}"


def store_attempt(connection: Connection, attempt: Attempt, code: Code, answer: bytes) -> None:
    """Keep the answer for the next time that the same bytes arrive."""
    connection.execute(
        _NEW_ATTEMPT,
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


def answer_body(connection: Connection, attempt: Attempt, code: Code, attempts_left: int | None) -> bytes:
    """What the terminal is told of the payment as it stands now."""
    payment = connection.execute(_PAYMENT, {"payment_id": attempt.request.payment_id}).one_or_none()
    about: dict[str, Any] = {}
    if payment is not None and same_terms(payment, attempt):
        state = PaymentState(payment.state)
        reference = payment_reference(payment.payment_id) if state is PaymentState.POSTED else None
        named = {name: getattr(payment, name) for name in ("payment_id", "payee", "amount", "currency")}
        about = {**named, "state": state, "reference": reference}
    return PaymentAnswer(code, attempt.envelope_id, attempt.received_at, attempts_left, **about).encode()


def same_terms(payment: Row[Any], attempt: Attempt) -> bool:
    """Whether the request names the payment as it was first asked for, by the same device (A54)."""
    request = attempt.request
    asked = (attempt.device, request.account, request.payee, request.amount, request.currency)
    return asked == (payment.device, payment.account, payment.payee, payment.amount, payment.currency)


def _why_not_spent(connection: Connection, device: str) -> Code:
    status = connection.execute(_DEVICE_STATUS, {"device": device}).scalar_one_or_none()
    if status is None:
        return Code.UNKNOWN_DEVICE
    return Code.STALE_COUNTER if status == "active" else Code.DEVICE_REVOKED


def _find_payment(connection: Connection, attempt: Attempt, limits: Limits) -> Row[Any] | None:
    """The payment, opened by the first request about it, expired when it is too old; None if there is none."""
    request, now = attempt.request, attempt.received_at
    payment = connection.execute(_PAYMENT, {"payment_id": request.payment_id}).one_or_none()
    if payment is None and request.action is not Action.STATUS:
        if connection.execute(_PAYEE, {"payee": request.payee}).scalar_one_or_none() != request.currency:
            return None
        connection.execute(_NEW_PAYMENT, _as_opened(attempt))
    elif payment is not None and payment.state == PaymentState.OPEN:
        if payment.created_at + limits.payment_lifetime_ms > now:
            return payment
        _close(connection, attempt, PaymentState.EXPIRED)
    else:
        return payment
    return connection.execute(_PAYMENT, {"payment_id": request.payment_id}).one()


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


def _decide(connection: Connection, attempt: Attempt, payment: Row[Any] | None, limits: Limits) -> _Verdict:
    action = attempt.request.action
    if payment is None:
        return _Verdict(Code.UNKNOWN_PAYMENT if action is Action.STATUS else Code.REJECTED)
    if not same_terms(payment, attempt):
        return _Verdict(Code.REJECTED)
    if action is Action.STATUS:
        return _Verdict(_CODE_OF_STATE[PaymentState(payment.state)])
    if not is_open(payment):
        return _Verdict(closed_code(PaymentState(payment.state)))
    if action is Action.CANCEL:
        _close(connection, attempt, PaymentState.CANCELLED)
        return _Verdict(Code.CANCELLED)
    by_face = action is Action.PAY
    refusal = (_refuse_face if by_face else _refuse_password)(connection, attempt, payment, limits)
    if refusal is not None:
        return refusal
    method = "face" if by_face else "password"
    return _Verdict(charge(connection, payment, method, _actor(attempt), attempt.received_at))


_CODE_OF_STATE = {
    PaymentState.OPEN: Code.OPEN,
    PaymentState.POSTED: Code.PAID,
    PaymentState.CANCELLED: Code.CANCELLED,
    PaymentState.EXPIRED: Code.EXPIRED,
}


def is_open(payment: Row[Any]) -> bool:
    """Whether the payment may still be charged or cancelled."""
    return bool(payment.state == PaymentState.OPEN)


def closed_code(state: PaymentState) -> Code:
    """What a request to pay or to cancel gets when the payment is closed already."""
    return Code.ALREADY_PAID if state is PaymentState.POSTED else _CODE_OF_STATE[state]


def _close(connection: Connection, attempt: Attempt, to: PaymentState) -> None:
    payment_id, now = attempt.request.payment_id, attempt.received_at
    connection.execute(_CLOSE, {"which": payment_id, "to": to, "at": now})
    write_audit(connection, now, _actor(attempt), to, payment_id)


def _refuse_face(connection: Connection, attempt: Attempt, payment: Row[Any], limits: Limits) -> _Verdict | None:
    """Why this face does not pay; None when it does. Only mismatches count, and too many lock (A56)."""
    account, day = payment.account, attempt.received_at // DAY_MS
    that_day = connection.execute(_FACE_DAY, {"account": account, "day": day}).scalar_one_or_none()
    left = min(limits.mismatches_per_payment - payment.mismatches, limits.mismatches_per_day - (that_day or 0))
    if left <= 0:
        return _Verdict(Code.FACE_LOCKED, 0)
    finding = attempt.finding
    if finding is None and not _is_current(connection, attempt.template_id):
        finding = Code.FACE_MISMATCH
    if finding is not Code.FACE_MISMATCH:
        return None if finding is None else _Verdict(finding, left)
    connection.execute(_COUNT_MISMATCH, {"which": payment.payment_id})
    if that_day is None:
        connection.execute(_NEW_FACE_DAY, {"account": account, "day": day, "misses": 1})
    else:
        connection.execute(_COUNT_FACE_DAY, {"whose": account, "when": day})
    if left > 1:
        return _Verdict(Code.FACE_MISMATCH, left - 1)
    write_audit(connection, attempt.received_at, _actor(attempt), "face_locked", payment.payment_id)
    return _Verdict(Code.FACE_LOCKED, 0)


def _is_current(connection: Connection, template_id: str | None) -> bool:
    """Whether the template was not revoked while the face was compared with it."""
    return connection.execute(_TEMPLATE, {"template_id": template_id}).one_or_none() is not None


def _refuse_password(connection: Connection, attempt: Attempt, payment: Row[Any], limits: Limits) -> _Verdict | None:
    """Why this password does not pay; None when it does. Too many wrong ones lock for a while."""
    now, account = attempt.received_at, payment.account
    credential = connection.execute(_CREDENTIAL, {"account": account}).one_or_none()
    if credential is None:
        return _Verdict(attempt.finding or Code.WRONG_PASSWORD)
    if credential.locked_until > now:
        return _Verdict(Code.PASSWORD_LOCKED)
    finding = attempt.finding
    if finding is None and credential.password_hash != attempt.password_hash:
        finding = Code.WRONG_PASSWORD
    if finding is None:
        connection.execute(_SET_MISSES, {"whose": account, "to": 0, "until": 0})
        return None
    if finding is not Code.WRONG_PASSWORD:
        return _Verdict(finding)
    if credential.misses + 1 < limits.password_misses:
        connection.execute(_SET_MISSES, {"whose": account, "to": credential.misses + 1, "until": 0})
        return _Verdict(Code.WRONG_PASSWORD)
    connection.execute(_SET_MISSES, {"whose": account, "to": 0, "until": now + limits.password_lock_ms})
    write_audit(connection, now, _actor(attempt), "password_locked", account)
    return _Verdict(Code.PASSWORD_LOCKED)


def _actor(attempt: Attempt) -> str:
    return f"device:{attempt.device}"
