"""Answers by the bytes that they were given to, so that the same bytes get the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select

from sealframe.payment_protocol import Code
from sealframe.server.payments.attempt import Attempt, Settled
from sealframe.server.payments.device_counters import counter_text
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.tables import attempts

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STORED = Statement(
    select(attempts.c.answer, attempts.c.code).where(attempts.c.envelope_id == bindparam("message_digest"))
)
_NEW_ATTEMPT = Statement(insert(attempts))


def stored_answer(connection: Connection, message_digest: str) -> Settled | None:
    """The answer given before to the bytes with this SHA-256 (64 hexadecimal digits), or None."""
    row = _STORED.row(connection, {"message_digest": message_digest})
    return None if row is None else Settled(message_digest, row.answer, Code(row.code), stored=True)


def store_attempt(connection: Connection, attempt: Attempt, code: Code, answer: bytes) -> None:
    """Keep the answer for the next time that the same bytes arrive."""
    _NEW_ATTEMPT.run(
        connection,
        {
            "envelope_id": attempt.message_digest,
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
