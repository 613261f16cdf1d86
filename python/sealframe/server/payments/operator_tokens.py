"""Operators' tokens: shown once, stored hashed. Each change leaves an audit row.

Every function runs in its caller's transaction, `connection`; `now` is Unix milliseconds.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sealframe.errors import PolicyError
from sealframe.server.payments.administration import NotFound
from sealframe.server.payments.ledger import write_audit
from sealframe.server.storage.tables import operators

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_OPERATOR_NAME = 64


def create_token(connection: Connection, name: str, now: int) -> str:
    """Make an operator's token, to be shown this once.

    Parameters
    ----------
    connection, now
        See the module.
    name : str
        The operator's, for the audit: 1 to MAX_OPERATOR_NAME printable characters.

    Returns
    -------
    str
        The token, 43 characters.

    Raises
    ------
    PolicyError
        For another name.

    """
    if not 1 <= len(name) <= MAX_OPERATOR_NAME or not name.isprintable():
        raise PolicyError(f"--name must have 1 to {MAX_OPERATOR_NAME} printable characters; give another name.")
    token = secrets.token_urlsafe(32)
    connection.execute(insert(operators), {"token_sha256": _hashed(token), "name": name, "created_at": now})
    write_audit(connection, now, "console", "operator", name)
    return token


def operator_of(connection: Connection, token: str) -> str | None:
    """The operator's name, or None for a token that is not valid."""
    known = select(operators.c.name).where(operators.c.token_sha256 == _hashed(token), operators.c.revoked_at.is_(None))
    return connection.execute(known).scalar_one_or_none()


def revoke_tokens(connection: Connection, name: str, now: int) -> None:
    """Take all tokens of an operator out of use. Raises NotFound when there is none."""
    of_name = update(operators).where(operators.c.name == name, operators.c.revoked_at.is_(None))
    if connection.execute(of_name.values(revoked_at=now)).rowcount == 0:
        raise NotFound("No operator of this name has a token; check --name.")
    write_audit(connection, now, "console", "operator_revoked", name)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
