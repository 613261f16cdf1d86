"""What operators do: accounts, devices, enrolment, passwords, deposits, refunds. Each leaves an audit row.

Every function runs in its caller's transaction, `actor` being who asked. Tokens are stored hashed.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from sealframe.errors import PolicyError, SealframeError
from sealframe.money import require_currency
from sealframe.payment_protocol import Code, PaymentState, require_account_name, require_payment_id
from sealframe.server.payments.ledger import transfer, write_audit
from sealframe.server.storage.tables import (
    BEFORE_THE_FIRST,
    accounts,
    attempts,
    credentials,
    devices,
    face_failures,
    keys,
    operators,
    password_misses,
    payments,
    refunds,
    templates,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sealframe.keys import DevicePublic
    from sealframe.server.verification.template_vault import SealedTemplate

DAY_MS = 86_400_000
UNLIMITED = 10**15
MAX_OPERATOR_NAME = 64
OUTSIDE = "outside"
"""Accounts outside:EUR, outside:USD, ... stand for money that comes from elsewhere; only they go below zero so far."""


class NotFound(SealframeError):
    """What an operator named is not there."""


class Conflict(SealframeError):
    """What an operator asked for contradicts what is there."""


def create_token(connection: Connection, name: str, now: int) -> str:
    """A new operator's token; it is shown this once. Raises PolicyError for a name that cannot stand in the audit."""
    if not 1 <= len(name) <= MAX_OPERATOR_NAME or not name.isprintable():
        raise PolicyError(f"An operator's name has 1 to {MAX_OPERATOR_NAME} printable characters; give another.")
    token = secrets.token_urlsafe(32)
    connection.execute(insert(operators), {"token_sha256": _hashed(token), "name": name, "created_at": now})
    write_audit(connection, now, "console", "operator", name)
    return token


def operator_of(connection: Connection, token: str) -> str | None:
    """The operator's name, or None for a token that is not valid."""
    known = select(operators.c.name).where(operators.c.token_sha256 == _hashed(token), operators.c.revoked_at.is_(None))
    return connection.execute(known).scalar_one_or_none()


def revoke_tokens(connection: Connection, name: str, now: int) -> None:
    """Take all tokens of an operator out of use."""
    of_name = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_(None))
    if connection.execute(of_name.values(revoked_at=now)).rowcount == 0:
        raise NotFound("No operator of this name has a token.")
    write_audit(connection, now, "console", "operator_revoked", name)


def create_account(
    connection: Connection,
    actor: str,
    now: int,
    *,
    account: str,
    name: str,
    currency: str,
    floor: int = 0,
    payment_limit: int = UNLIMITED,
) -> None:
    """A new account with nothing on it. Raises Conflict when the name is taken."""
    require_account_name(account)
    require_currency(currency)
    taken = select(accounts.c.account).where(accounts.c.account == account)
    if connection.execute(taken).one_or_none() is not None:
        raise Conflict("An account of this name exists already.")
    row = {"account": account, "name": name, "currency": currency, "floor": floor, "payment_limit": payment_limit}
    connection.execute(insert(accounts), {**row, "balance": 0, "created_at": now})
    write_audit(connection, now, actor, "account", account, currency=currency, floor=floor, limit=payment_limit)


def account_facts(connection: Connection, account: str) -> dict[str, Any]:
    """An account as JSON values. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.account == account)).one_or_none()
    if row is None:
        raise NotFound("There is no account of this name.")
    current = select(templates.c.template_id).where(templates.c.account == account, templates.c.revoked_at.is_(None))
    return {**row._mapping, "templates": list(connection.execute(current.order_by(templates.c.created_at)).scalars())}


def deposit(connection: Connection, actor: str, now: int, *, payment_id: str, account: str, amount: int) -> None:
    """Money from outside, as a posted payment of the operator's. The same payment_id deposits once."""
    require_payment_id(payment_id)
    currency = account_facts(connection, account)["currency"]
    outside = f"{OUTSIDE}:{currency}"
    if connection.execute(select(accounts).where(accounts.c.account == outside)).one_or_none() is None:
        create_account(connection, actor, now, account=outside, name="Outside", currency=currency, floor=-(10**18))
    before = connection.execute(select(payments).where(payments.c.payment_id == payment_id)).one_or_none()
    if before is not None:
        if (before.account, before.payee, before.amount) == (outside, account, amount):
            return
        raise Conflict("Another payment has this id.")
    connection.execute(
        insert(payments),
        {
            "payment_id": payment_id,
            "account": outside,
            "payee": account,
            "amount": amount,
            "currency": currency,
            "state": PaymentState.POSTED,
            "method": "operator",
            "mismatches": 0,
            "refunded": 0,
            "created_at": now,
            "closed_at": now,
        },
    )
    _move(connection, None, payment_id, outside, account, amount, currency, now)
    write_audit(connection, now, actor, "charge", payment_id, method="operator", amount=amount)


def refund(connection: Connection, actor: str, now: int, *, refund_id: str, payment_id: str, amount: int) -> None:
    """Give back all or part of a posted payment, by reverse entries. The same refund_id refunds once."""
    require_payment_id(refund_id)
    payment = connection.execute(
        select(payments).where(payments.c.payment_id == payment_id).with_for_update()
    ).one_or_none()
    if payment is None or payment.state != PaymentState.POSTED:
        raise NotFound("There is no posted payment of this id.")
    before = connection.execute(select(refunds).where(refunds.c.refund_id == refund_id)).one_or_none()
    if before is not None:
        if (before.payment_id, before.amount) == (payment_id, amount):
            return
        raise Conflict("Another refund has this id.")
    if not count_refund(connection, payment_id, amount):
        raise Conflict("The refunds of a payment cannot exceed its amount.")
    row = {"refund_id": refund_id, "payment_id": payment_id, "amount": amount, "created_at": now}
    connection.execute(insert(refunds), row)
    _move(connection, refund_id, payment_id, payment.payee, payment.account, amount, payment.currency, now)
    write_audit(connection, now, actor, "refund", refund_id, payment_id=payment_id, amount=amount)


def count_refund(connection: Connection, payment_id: str, amount: int) -> bool:
    """Add to what was refunded of a payment, unless that exceeded its amount."""
    within = payments.c.refunded + amount <= payments.c.amount
    counted = update(payments).where(payments.c.payment_id == payment_id, within)
    return connection.execute(counted.values(refunded=payments.c.refunded + amount)).rowcount == 1


def register_device(connection: Connection, actor: str, now: int, device: DevicePublic, record: str) -> str:
    """Let a device in; returns its key id. Raises Conflict when its key is registered already."""
    key_id = device.key_id.hex()
    known = select(devices.c.device).where(devices.c.device == key_id)
    if connection.execute(known).one_or_none() is not None:
        raise Conflict("This device's key is registered already; a revoked device needs a new key.")
    connection.execute(
        insert(devices),
        {
            "device": key_id,
            "serial": device.device_info,
            "record": record,
            "sign_version": int(device.sign_version),
            "status": "active",
            "last_counter": BEFORE_THE_FIRST,
            "created_at": now,
        },
    )
    write_audit(connection, now, actor, "device", key_id)
    return key_id


def device_facts(connection: Connection, device: str) -> dict[str, Any]:
    """A device as JSON values. Raises NotFound."""
    row = connection.execute(select(devices).where(devices.c.device == device)).one_or_none()
    if row is None:
        raise NotFound("There is no device of this key id.")
    used = None if row.last_counter == BEFORE_THE_FIRST else row.last_counter
    return {**row._mapping, "last_counter": used}


def revoke_device(connection: Connection, actor: str, now: int, device: str) -> None:
    """Take a device out of service for good."""
    revoked = update(devices).where(devices.c.device == device, devices.c.status == "active")
    if connection.execute(revoked.values(status="revoked")).rowcount != 1:
        raise NotFound("There is no active device of this key id.")
    write_audit(connection, now, actor, "device_revoked", device)


def set_password(connection: Connection, actor: str, now: int, account: str, password_hash: str) -> None:
    """Set, or replace, an account's password; wrong ones before no longer count."""
    account_facts(connection, account)
    of_account = update(credentials).where(credentials.c.account == account)
    if connection.execute(of_account.values(password_hash=password_hash)).rowcount == 0:
        connection.execute(insert(credentials), {"account": account, "password_hash": password_hash})
    connection.execute(delete(password_misses).where(password_misses.c.account == account))
    write_audit(connection, now, actor, "password", account)


def enrol(
    connection: Connection, actor: str, now: int, account: str, sealed: SealedTemplate, matcher: str, model_sha256: str
) -> str:
    """Store an account's verification information; returns its id."""
    account_facts(connection, account)
    know_vault_key(connection, now, sealed.vault_key)
    template_id = uuid.uuid4().hex
    row = {"template_id": template_id, "account": account, "matcher": matcher, "model_sha256": model_sha256}
    connection.execute(insert(templates), {**row, **sealed._asdict(), "created_at": now})
    write_audit(connection, now, actor, "enrol", template_id, account=account, matcher=matcher)
    return template_id


def know_vault_key(connection: Connection, now: int, key_id: str) -> None:
    """Note a vault key the first time that it is used."""
    if connection.execute(select(keys.c.key_id).where(keys.c.key_id == key_id)).one_or_none() is None:
        connection.execute(insert(keys), {"key_id": key_id, "created_at": now})
        write_audit(connection, now, "console", "vault_key", key_id)


def revoke_template(connection: Connection, actor: str, now: int, template_id: str) -> None:
    """Take a template out of use and delete what it held."""
    revoked = update(templates).where(templates.c.template_id == template_id, templates.c.revoked_at.is_(None))
    if connection.execute(revoked.values(revoked_at=now, sealed=b"", wrapped_key=b"")).rowcount != 1:
        raise NotFound("There is no current template of this id.")
    write_audit(connection, now, actor, "template_revoked", template_id)


def payment_facts(connection: Connection, payment_id: str) -> dict[str, Any]:
    """A payment as JSON values. Raises NotFound."""
    row = connection.execute(select(payments).where(payments.c.payment_id == payment_id)).one_or_none()
    if row is None:
        raise NotFound("There is no payment of this id.")
    return dict(row._mapping)


def prune_attempts(connection: Connection, actor: str, now: int, older_than: int) -> int:
    """Forget attempts received before a time (Unix milliseconds) and their stored answers; returns how many.

    Replays stay refused by the devices' counters, and a payment's state stays known; only the same bytes no longer
    get the same answer. Misses of faces and passwords before it are forgotten too.
    """
    forgotten = connection.execute(delete(attempts).where(attempts.c.received_at < older_than)).rowcount
    connection.execute(delete(face_failures).where(face_failures.c.day < older_than // DAY_MS))
    connection.execute(delete(password_misses).where(password_misses.c.missed_at < older_than))
    write_audit(connection, now, actor, "prune", "attempts", older_than=older_than, forgotten=forgotten)
    return forgotten


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
        raise Conflict("The account that pays does not hold enough.")
    if refusal is not None:
        raise PolicyError(refusal.message)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
