"""What operators administer: accounts, devices, templates, passwords. Each change leaves an audit row.

Every function runs in its caller's transaction, `connection`; `actor` is who asked, for the audit; `now` is Unix
milliseconds.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from sealframe.errors import SealframeError
from sealframe.money import require_currency
from sealframe.payment_protocol import require_account_name
from sealframe.server.payments.ledger import write_audit
from sealframe.server.payments.limits import DAY_MS
from sealframe.server.storage.tables import (
    BEFORE_THE_FIRST,
    accounts,
    attempts,
    credentials,
    devices,
    face_failures,
    keys,
    password_misses,
    payments,
    templates,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sealframe.keys import DevicePublic
    from sealframe.server.verification.template_vault import SealedTemplate

UNLIMITED = 10**15


class NotFound(SealframeError):
    """What an operator named is not there."""


class Conflict(SealframeError):
    """What an operator asked for contradicts what is there."""


def create_account(
    connection: Connection,
    actor: str,
    now: int,
    *,
    account: str,
    name: str,
    currency: str,
    minimum_balance: int = 0,
    payment_limit: int = UNLIMITED,
) -> None:
    """Open an account with nothing on it.

    Parameters
    ----------
    connection, actor, now
        See the module.
    account : str
        Its name: 1 to 64 letters, digits and ._:-
    name : str
        Of its owner.
    currency : str
        Three capital letters.
    minimum_balance : int
        How low the balance may go, of the currency's smallest unit; zero or less.
    payment_limit : int
        The most that one payment may take.

    Raises
    ------
    ValueError
        When `account` cannot name an account.
    Conflict
        When the name is taken.

    """
    require_account_name(account)
    require_currency(currency)
    taken = select(accounts.c.account).where(accounts.c.account == account)
    if connection.execute(taken).one_or_none() is not None:
        raise Conflict("An account of this name exists already; choose another name.")
    row = {
        "account": account,
        "name": name,
        "currency": currency,
        "floor": minimum_balance,
        "payment_limit": payment_limit,
    }
    connection.execute(insert(accounts), {**row, "balance": 0, "created_at": now})
    write_audit(
        connection,
        now,
        actor,
        "account",
        account,
        currency=currency,
        minimum_balance=minimum_balance,
        limit=payment_limit,
    )


def account_facts(connection: Connection, account: str) -> dict[str, Any]:
    """An account as JSON values. Raises NotFound."""
    row = connection.execute(select(accounts).where(accounts.c.account == account)).one_or_none()
    if row is None:
        raise NotFound("There is no account of this name; check the name.")
    current = select(templates.c.template_id).where(templates.c.account == account, templates.c.revoked_at.is_(None))
    facts = dict(row._mapping)
    facts["minimum_balance"] = facts.pop("floor")
    return {**facts, "templates": list(connection.execute(current.order_by(templates.c.created_at)).scalars())}


def register_device(connection: Connection, actor: str, now: int, device: DevicePublic, record: str) -> str:
    """Let a device in.

    Parameters
    ----------
    connection, actor, now
        See the module.
    device : DevicePublic
        Its public key.
    record : str
        The same as text, as its .pub file holds it.

    Returns
    -------
    str
        Its key id, 32 hexadecimal digits.

    Raises
    ------
    Conflict
        When its key is registered already.

    """
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
        raise NotFound("There is no device with this key id; check the id.")
    used = None if row.last_counter == BEFORE_THE_FIRST else row.last_counter
    return {**row._mapping, "last_counter": used}


def revoke_device(connection: Connection, actor: str, now: int, device: str) -> None:
    """Take a device, named by its key id, out of service for good. Raises NotFound."""
    revoked = update(devices).where(devices.c.device == device, devices.c.status == "active")
    if connection.execute(revoked.values(status="revoked")).rowcount != 1:
        raise NotFound("There is no active device with this key id; check the id.")
    write_audit(connection, now, actor, "device_revoked", device)


def set_password(connection: Connection, actor: str, now: int, account: str, password_hash: str) -> None:
    """Set, or replace, an account's password, and lift its lock. Raises NotFound."""
    account_facts(connection, account)
    of_account = update(credentials).where(credentials.c.account == account)
    if connection.execute(of_account.values(password_hash=password_hash)).rowcount == 0:
        connection.execute(insert(credentials), {"account": account, "password_hash": password_hash})
    connection.execute(delete(password_misses).where(password_misses.c.account == account))
    write_audit(connection, now, actor, "password", account)


def enrol(
    connection: Connection, actor: str, now: int, account: str, sealed: SealedTemplate, matcher: str, model_sha256: str
) -> str:
    """Store an account's verification information.

    Parameters
    ----------
    connection, actor, now
        See the module.
    account : str
        Name of the account.
    sealed : SealedTemplate
        The information, encrypted.
    matcher, model_sha256 : str
        Name of the matcher that made it, and SHA-256 of its model in hexadecimal digits.

    Returns
    -------
    str
        The template's id, 32 hexadecimal digits.

    Raises
    ------
    NotFound
        When there is no such account.

    """
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
    """Take a template out of use and delete what it held. Raises NotFound."""
    revoked = update(templates).where(templates.c.template_id == template_id, templates.c.revoked_at.is_(None))
    if connection.execute(revoked.values(revoked_at=now, sealed=b"", wrapped_key=b"")).rowcount != 1:
        raise NotFound("There is no current template with this id; check the id.")
    write_audit(connection, now, actor, "template_revoked", template_id)


def payment_facts(connection: Connection, payment_id: str) -> dict[str, Any]:
    """A payment as JSON values. Raises NotFound."""
    row = connection.execute(select(payments).where(payments.c.payment_id == payment_id)).one_or_none()
    if row is None:
        raise NotFound("There is no payment with this id; check the id.")
    return dict(row._mapping)


def prune_attempts(connection: Connection, actor: str, now: int, older_than: int) -> int:
    """Forget old attempts with their stored answers, and old misses of faces and passwords.

    Replays stay refused by the devices' counters, and a payment's state stays known; only the same bytes no longer
    get the same answer.

    Parameters
    ----------
    connection, actor, now
        See the module.
    older_than : int
        Unix milliseconds; what was received earlier is forgotten.

    Returns
    -------
    int
        How many attempts.

    """
    forgotten = connection.execute(delete(attempts).where(attempts.c.received_at < older_than)).rowcount
    connection.execute(delete(face_failures).where(face_failures.c.day < older_than // DAY_MS))
    connection.execute(delete(password_misses).where(password_misses.c.missed_at < older_than))
    write_audit(connection, now, actor, "prune", "attempts", older_than=older_than, forgotten=forgotten)
    return forgotten
