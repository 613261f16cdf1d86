"""Money: every charge and every refund is two entries that sum to zero, two balances, and an audit row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from sealframe.payment_protocol import Code, PaymentState
from sealframe.server.storage.compiled_statements import ResultRow, Statement
from sealframe.server.storage.tables import accounts, audit, entries, payments

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BOTH_ACCOUNTS = Statement(
    select(accounts)
    .where(accounts.c.account.in_([bindparam("payer"), bindparam("payee")]))
    .order_by(accounts.c.account)
    .with_for_update()
)
_DEBIT = Statement(
    update(accounts)
    .where(
        accounts.c.account == bindparam("payer"),
        accounts.c.balance - bindparam("amount") >= accounts.c.floor,
    )
    .values(balance=accounts.c.balance - bindparam("amount"))
)
_CREDIT = Statement(
    update(accounts)
    .where(accounts.c.account == bindparam("payee"))
    .values(balance=accounts.c.balance + bindparam("amount"))
)
_POST = Statement(
    update(payments)
    .where(payments.c.payment_id == bindparam("posted_id"), payments.c.state == PaymentState.OPEN)
    .values(state=PaymentState.POSTED, method=bindparam("by"), closed_at=bindparam("at"))
)
_ENTRY = Statement(insert(entries))
_AUDIT = Statement(insert(audit))


class LedgerError(RuntimeError):
    """The ledger is not as the code expects it; the transaction must not be committed."""


def charge(connection: Connection, payment: ResultRow, method: str, actor: str, now: int) -> Code:
    """Post an open payment.

    Parameters
    ----------
    connection : Connection
        In the caller's transaction.
    payment : ResultRow
        An open row of the table `payments`.
    method : str
        "face" or "password".
    actor : str
        Who acted, for the audit.
    now : int
        Unix milliseconds.

    Returns
    -------
    Code
        PAID, or why nothing has changed.

    Raises
    ------
    LedgerError
        When the payment was not open: the transaction must not be committed.

    """
    refusal = transfer(
        connection,
        payment_id=payment.payment_id,
        payer=payment.account,
        payee=payment.payee,
        amount=payment.amount,
        currency=payment.currency,
        now=now,
    )
    if refusal is not None:
        return refusal
    posted = _POST.run(connection, {"posted_id": payment.payment_id, "by": method, "at": now})
    if posted != 1:
        raise LedgerError("a payment that was not open was about to be posted")
    write_audit(connection, now, actor, "charge", payment.payment_id, method=method, amount=payment.amount)
    return Code.PAID


def transfer(
    connection: Connection,
    *,
    payment_id: str,
    payer: str,
    payee: str,
    amount: int,
    currency: str,
    now: int,
    limited: bool = True,
    refund_id: str | None = None,
) -> Code | None:
    """Move money between two accounts.

    Parameters
    ----------
    connection : Connection
        In the caller's transaction.
    payment_id : str
        Of the payment that the money belongs to.
    payer, payee : str
        Names of accounts in `currency`.
    amount : int
        Of the currency's smallest unit, positive.
    currency : str
        Three capital letters.
    now : int
        Unix milliseconds.
    limited : bool
        Whether the payer's limit for one payment applies.
    refund_id : str, optional
        For money that goes back.

    Returns
    -------
    Code or None
        None when it moved, else why nothing did.

    """
    found = {row.account: row for row in _BOTH_ACCOUNTS.rows(connection, {"payer": payer, "payee": payee})}
    if len(found) != 2 or any(row.currency != currency for row in found.values()):
        return Code.REJECTED
    if limited and amount > found[payer].payment_limit:
        return Code.LIMIT_EXCEEDED
    if not debit(connection, payer, amount):
        return Code.INSUFFICIENT_FUNDS
    _CREDIT.run(connection, {"payee": payee, "amount": amount})
    write_entries(connection, payment_id, refund_id, ((payer, -amount), (payee, amount)), now)
    return None


def debit(connection: Connection, payer: str, amount: int) -> bool:
    """Take `amount` unless the balance would fall below its minimum."""
    return _DEBIT.run(connection, {"payer": payer, "amount": amount}) == 1


def write_entries(
    connection: Connection, payment_id: str, refund_id: str | None, legs: tuple[tuple[str, int], ...], now: int
) -> None:
    """Write the legs (account, amount) of one charge, or of one refund; they sum to zero."""
    common = {"payment_id": payment_id, "refund_id": refund_id, "created_at": now}
    for account, amount in legs:
        _ENTRY.run(connection, {**common, "account": account, "amount": amount})


def write_audit(connection: Connection, now: int, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Who changed what, of money or of rights."""
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "detail": json.dumps(detail)}
    _AUDIT.run(connection, row)
