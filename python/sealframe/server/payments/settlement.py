"""The settle path: one verified envelope against the database, in one transaction.

    device counter and message id, else the stored answer -> payment -> what was found of the person -> charge
    -> attempt with its answer

The same bytes get the same answer: they find their counter spent, and then what was said. What is refused by raising
`AttemptRefused` leaves nothing behind. Every statement is a way to the database and back, so there are no more than it
takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentState, payment_reference
from sealframe.server.payments.attempt import Attempt, AttemptRefused, Settled, Verdict
from sealframe.server.payments.device_counters import spend_capture, why_not_spent
from sealframe.server.payments.face_lockout import refuse_face
from sealframe.server.payments.ledger import charge, write_audit
from sealframe.server.payments.password_lockout import refuse_password
from sealframe.server.payments.stored_answers import store_attempt, stored_answer
from sealframe.server.storage.compiled_statements import ResultRow, Statement
from sealframe.server.storage.tables import payments

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sealframe.server.payments.limits import Limits

_PAYMENT = Statement(select(payments).where(payments.c.payment_id == bindparam("payment_id")).with_for_update())
_NEW_PAYMENT = Statement(insert(payments).returning(payments))
_CLOSE = Statement(
    update(payments)
    .where(payments.c.payment_id == bindparam("which"))
    .values(state=bindparam("to"), closed_at=bindparam("at"))
)
_CODE_OF_STATE = {
    PaymentState.OPEN: Code.OPEN,
    PaymentState.POSTED: Code.PAID,
    PaymentState.CANCELLED: Code.CANCELLED,
    PaymentState.EXPIRED: Code.EXPIRED,
}


def settle(connection: Connection, attempt: Attempt, limits: Limits) -> Settled:
    """Settle an attempt.

    Parameters
    ----------
    connection : Connection
        In the caller's transaction.
    attempt : Attempt
        What its envelope proved.
    limits : Limits
        How often and how long a payment may be tried.

    Returns
    -------
    Settled
        The answer, to be sent after the commit.

    Raises
    ------
    AttemptRefused
        When the attempt must leave no trace: nothing of it may be committed.

    """
    if not spend_capture(connection, attempt.device, attempt.counter, attempt.message_id):
        before = stored_answer(connection, attempt.message_digest)  # by another delivery, while this one waited
        if before is not None:
            return before
        raise AttemptRefused(why_not_spent(connection, attempt.device))
    payment = _find_payment(connection, attempt, limits)
    verdict = _decide(connection, attempt, payment, limits)
    answer = attempt.seal(_answer_body(attempt, verdict))
    store_attempt(connection, attempt, verdict.code, answer)
    return Settled(attempt.message_digest, answer, verdict.code)


def same_terms(payment: ResultRow, attempt: Attempt) -> bool:
    """Whether the request names the payment as it was first asked for, by the same device."""
    request = attempt.request
    asked = (attempt.device, request.account, request.payee, request.amount, request.currency)
    return asked == (payment.device, payment.account, payment.payee, payment.amount, payment.currency)


def is_open(payment: ResultRow) -> bool:
    """Whether the payment may still be charged or cancelled."""
    return bool(payment.state == PaymentState.OPEN)


def closed_code(state: PaymentState) -> Code:
    """What a request to pay or to cancel gets when the payment is closed already."""
    return Code.ALREADY_PAID if state is PaymentState.POSTED else _CODE_OF_STATE[state]


def _find_payment(connection: Connection, attempt: Attempt, limits: Limits) -> ResultRow | None:
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


def _decide(connection: Connection, attempt: Attempt, payment: ResultRow | None, limits: Limits) -> Verdict:
    action = attempt.request.action
    if payment is None:
        return Verdict(Code.UNKNOWN_PAYMENT, None)
    if not same_terms(payment, attempt):
        return Verdict(Code.REJECTED, None)
    state = PaymentState(payment.state)
    if action is Action.STATUS:
        return Verdict(_CODE_OF_STATE[state], state)
    if not is_open(payment):
        return Verdict(closed_code(state), state)
    if action is Action.CANCEL:
        _close(connection, attempt, PaymentState.CANCELLED)
        return Verdict(Code.CANCELLED, PaymentState.CANCELLED)
    return _pay(connection, attempt, payment, limits)


def _pay(connection: Connection, attempt: Attempt, payment: ResultRow, limits: Limits) -> Verdict:
    by_face = attempt.request.action is Action.PAY
    refusal = (refuse_face if by_face else refuse_password)(connection, attempt, payment, limits)
    if refusal is not None:
        return refusal
    code = charge(connection, payment, "face" if by_face else "password", attempt.actor, attempt.received_at)
    return Verdict(code, PaymentState.POSTED if code is Code.PAID else PaymentState.OPEN)


def _close(connection: Connection, attempt: Attempt, to: PaymentState) -> None:
    payment_id, now = attempt.request.payment_id, attempt.received_at
    _CLOSE.run(connection, {"which": payment_id, "to": to, "at": now})
    write_audit(connection, now, attempt.actor, to, payment_id)


def _answer_body(attempt: Attempt, verdict: Verdict) -> bytes:
    """What the terminal is told of the payment as it stands now."""
    request, about = attempt.request, dict[str, Any]()
    if verdict.state is not None:
        reference = payment_reference(request.payment_id) if verdict.state is PaymentState.POSTED else None
        named = {name: getattr(request, name) for name in ("payment_id", "payee", "amount", "currency")}
        about = {**named, "state": verdict.state, "reference": reference}
    answer = PaymentAnswer(verdict.code, attempt.message_digest, attempt.received_at, verdict.attempts_left, **about)
    return answer.encode()
