"""Wrong passwords: counted by the account that was claimed, and too many lock it for a while.

They count whether there is such an account or not, so that neither the counts nor the lock tell which there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from sealframe.payment_protocol import Code
from sealframe.server.payments.attempt import Attempt, Verdict
from sealframe.server.payments.ledger import write_audit
from sealframe.server.storage.compiled_statements import ResultRow, Statement
from sealframe.server.storage.tables import credentials, password_misses

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sealframe.server.payments.limits import Limits

_CREDENTIAL = Statement(select(credentials.c.password_hash).where(credentials.c.account == bindparam("account")))
_MISSES = Statement(select(password_misses).where(password_misses.c.account == bindparam("account")).with_for_update())
_NEW_MISSES = Statement(insert(password_misses))
_SET_MISSES = Statement(
    update(password_misses)
    .where(password_misses.c.account == bindparam("whose"))
    .values(misses=bindparam("misses"), missed_at=bindparam("missed_at"), locked_until=bindparam("locked_until"))
)
_FORGET_MISSES = Statement(delete(password_misses).where(password_misses.c.account == bindparam("account")))


def refuse_password(connection: Connection, attempt: Attempt, payment: ResultRow, limits: Limits) -> Verdict | None:
    """Why this password does not pay, or None when it does; a wrong one is counted, the right one forgets them."""
    account = payment.account
    misses = _MISSES.row(connection, {"account": account})
    is_locked = misses is not None and misses.locked_until > attempt.received_at
    if is_locked or attempt.finding is Code.PASSWORD_LOCKED:
        return Verdict.still_open(Code.PASSWORD_LOCKED, 0)
    if attempt.finding is None and _is_current(connection, account, attempt.password_hash):
        if misses is not None:
            _FORGET_MISSES.run(connection, {"account": account})
        return None
    left = _count_miss(connection, attempt, account, misses, limits)
    if left > 0:
        return Verdict.still_open(Code.WRONG_PASSWORD, left)
    write_audit(connection, attempt.received_at, attempt.actor, "password_locked", account)
    return Verdict.still_open(Code.PASSWORD_LOCKED, 0)


def _count_miss(
    connection: Connection, attempt: Attempt, account: str, misses: ResultRow | None, limits: Limits
) -> int:
    """How many more may be tried; none locks the account, and the count begins anew after the lock."""
    now, missed = attempt.received_at, 1 if misses is None else misses.misses + 1
    left = limits.password_misses - missed
    values = {"misses": missed, "missed_at": now, "locked_until": 0}
    if left <= 0:
        values |= {"misses": 0, "locked_until": now + limits.password_lock_ms}
    if misses is None:
        _NEW_MISSES.run(connection, {"account": account, **values})
    else:
        _SET_MISSES.run(connection, {"whose": account, **values})
    return left


def _is_current(connection: Connection, account: str, password_hash: str | None) -> bool:
    """Whether the password was not replaced while it was checked."""
    return _CREDENTIAL.value(connection, {"account": account}) == password_hash
