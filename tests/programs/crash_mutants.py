"""Servers that are wrong in one way each. The crash test must catch every one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text, update

from sealframe.payment_protocol import PaymentState
from sealframe.server.payments import ledger, operator_transfers, request_opener, settlement
from sealframe.server.storage import group_commit
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.tables import payments


def no_stored_answer() -> None:
    settlement.stored_answer = request_opener.stored_answer = lambda connection, message_digest: None


def attempt_not_stored() -> None:
    settlement.store_attempt = lambda *arguments: None


def answer_before_commit() -> None:
    attempt = group_commit._attempt

    def answer_too_early(connection: Any, waiting: Any) -> tuple[Any, BaseException | None]:
        result, error = attempt(connection, waiting)
        group_commit._answer(waiting, result, error)
        time.sleep(0.03)
        return result, error

    group_commit._attempt = answer_too_early
    group_commit._answer_all = lambda outcomes: []


def a_leg_missing() -> None:
    write = ledger.write_entries

    def one_leg(connection: Any, payment_id: str, refund_id: str | None, legs: Any, now: int) -> None:
        write(connection, payment_id, refund_id, legs[:1], now)

    ledger.write_entries = one_leg


def payee_not_credited() -> None:
    credit: Any = ledger._CREDIT._clause
    ledger._CREDIT = Statement(credit.where(text("1 = 0")))


def counter_not_advanced() -> None:
    settlement.spend_capture = lambda connection, device, counter, message_id: True


def charged_again() -> None:
    settlement.is_open = lambda payment: True
    ledger._POST = Statement(
        update(payments)
        .where(payments.c.payment_id == ledger.bindparam("posted_id"))
        .values(state=PaymentState.POSTED, method=ledger.bindparam("by"), closed_at=ledger.bindparam("at"))
    )


def cancelled_after_the_charge() -> None:
    from sealframe.payment_protocol import Action

    decide = settlement._decide

    def cancel_anything(connection: Any, attempt: Any, payment: Any, limits: Any) -> Any:
        if payment is not None and attempt.request.action is Action.CANCEL:
            settlement._close(connection, attempt, PaymentState.CANCELLED)
            return settlement.Verdict(settlement.Code.CANCELLED, PaymentState.CANCELLED)
        return decide(connection, attempt, payment, limits)

    settlement._decide = cancel_anything


def no_audit() -> None:
    ledger.write_audit = lambda *arguments, **detail: None


def refunds_not_counted() -> None:
    operator_transfers.count_refund = lambda connection, payment_id, amount: True


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        no_stored_answer,
        attempt_not_stored,
        answer_before_commit,
        a_leg_missing,
        payee_not_credited,
        counter_not_advanced,
        charged_again,
        cancelled_after_the_charge,
        no_audit,
        refunds_not_counted,
    )
}
