"""Money that operators move: deposits from outside, refunds of payments. Each leaves an audit row.

Every function runs in its caller's transaction, `connection`; `actor` is who asked, for the audit; `now` is Unix
milliseconds; an amount is an integer of the currency's smallest unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from sealframe.errors import PolicyError
from sealframe.payment_protocol import Code, PaymentState, require_payment_id
from sealframe.server.payments.administration import Conflict, NotFound, account_facts, create_account
from sealframe.server.payments.ledger import transfer, write_audit
from sealframe.server.storage.tables import accounts, payments, refunds

if TYPE_CHECKING:
    from sqlalchemy import Connection

OUTSIDE = "outside"
"""Accounts outside:EUR, outside:USD, ... stand for money that comes from elsewhere; only they go below zero so far."""


def deposit(connection: Connection, actor: str, now: int, *, payment_id: str, account: str, amount: int) -> None:
    """Put money from outside on an account, as a posted payment of the operator's.

    Parameters
    ----------
    connection, actor, now
        See the module.
    payment_id : str
        A UUID of version 7; the same one deposits once.
    account : str
        Who gets it.
    amount : int
        How much.

    Raises
    ------
    ValueError
        When `payment_id` is none.
    NotFound
        When there is no such account.
    Conflict
        When another payment has this id.

    """
    require_payment_id(payment_id)
    currency = account_facts(connection, account)["currency"]
    outside = _outside_account(connection, actor, now, currency)
    before = connection.execute(select(payments).where(payments.c.payment_id == payment_id)).one_or_none()
    if before is not None:
        if (before.account, before.payee, before.amount) == (outside, account, amount):
            return
        raise Conflict("Another payment has this id; use a new id.")
    row = _posted_row(payment_id, outside, account, amount, currency, now)
    connection.execute(insert(payments), row)
    _move(connection, None, payment_id, outside, account, amount, currency, now)
    write_audit(connection, now, actor, "charge", payment_id, method="operator", amount=amount)


def refund(connection: Connection, actor: str, now: int, *, refund_id: str, payment_id: str, amount: int) -> None:
    """Give back all or part of a posted payment, by reverse entries.

    Parameters
    ----------
    connection, actor, now
        See the module.
    refund_id : str
        A UUID of version 7; the same one refunds once.
    payment_id : str
        Which payment.
    amount : int
        How much of it.

    Raises
    ------
    ValueError
        When `refund_id` is none.
    NotFound
        When there is no posted payment of this id.
    Conflict
        When another refund has this id, the payment would be exceeded, or the payee does not hold enough.

    """
    require_payment_id(refund_id)
    payment = connection.execute(
        select(payments).where(payments.c.payment_id == payment_id).with_for_update()
    ).one_or_none()
    if payment is None or payment.state != PaymentState.POSTED:
        raise NotFound("There is no posted payment with this id; check the id.")
    before = connection.execute(select(refunds).where(refunds.c.refund_id == refund_id)).one_or_none()
    if before is not None:
        if (before.payment_id, before.amount) == (payment_id, amount):
            return
        raise Conflict("Another refund has this id; use a new id.")
    if not count_refund(connection, payment_id, amount):
        raise Conflict("The refunds of a payment cannot exceed its amount; refund less.")
    row = {"refund_id": refund_id, "payment_id": payment_id, "amount": amount, "created_at": now}
    connection.execute(insert(refunds), row)
    _move(connection, refund_id, payment_id, payment.payee, payment.account, amount, payment.currency, now)
    write_audit(connection, now, actor, "refund", refund_id, payment_id=payment_id, amount=amount)


def count_refund(connection: Connection, payment_id: str, amount: int) -> bool:
    """Add to what was refunded of a payment; False when that would exceed its amount."""
    within = payments.c.refunded + amount <= payments.c.amount
    counted = update(payments).where(payments.c.payment_id == payment_id, within)
    return connection.execute(counted.values(refunded=payments.c.refunded + amount)).rowcount == 1


def _outside_account(connection: Connection, actor: str, now: int, currency: str) -> str:
    """The account that money of this currency comes from, opened the first time."""
    outside = f"{OUTSIDE}:{currency}"
    if connection.execute(select(accounts).where(accounts.c.account == outside)).one_or_none() is None:
        create_account(
            connection, actor, now, account=outside, name="Outside", currency=currency, minimum_balance=-(10**18)
        )
    return outside


def _posted_row(payment_id: str, payer: str, payee: str, amount: int, currency: str, now: int) -> dict[str, Any]:
    return {
        "payment_id": payment_id,
        "account": payer,
        "payee": payee,
        "amount": amount,
        "currency": currency,
        "state": PaymentState.POSTED,
        "method": "operator",
        "mismatches": 0,
        "refunded": 0,
        "created_at": now,
        "closed_at": now,
    }


def _move(
    connection: Connection,
    refund_id: str | None,
    payment_id: str,
    payer: str,
    payee: str,
    amount: int,
    currency: str,
    now: int,
) -> None:
    refusal = transfer(
        connection,
        refund_id=refund_id,
        payment_id=payment_id,
        payer=payer,
        payee=payee,
        amount=amount,
        currency=currency,
        now=now,
        limited=False,
    )
    if refusal is Code.INSUFFICIENT_FUNDS:
        raise Conflict("The balance of the paying account is too low; deposit money first.")
    if refusal is not None:
        raise PolicyError(refusal.message)
