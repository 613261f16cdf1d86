"""Faces that do not match: counted by payment and by account and day, and too many lock the face.

Only mismatches count: a picture that is too dark, or shows nobody, says nothing about who stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from sealframe.payment_protocol import Code
from sealframe.server.payments.attempt import Attempt, Verdict
from sealframe.server.payments.ledger import write_audit
from sealframe.server.payments.limits import DAY_MS, Limits
from sealframe.server.storage.compiled_statements import ResultRow, Statement
from sealframe.server.storage.tables import face_failures, payments, templates

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COUNT_MISMATCH = Statement(
    update(payments).where(payments.c.payment_id == bindparam("which")).values(mismatches=payments.c.mismatches + 1)
)
_FACE_DAY = Statement(
    select(face_failures.c.misses)
    .where(face_failures.c.account == bindparam("account"), face_failures.c.day == bindparam("day"))
    .with_for_update()
)
_NEW_FACE_FAILURE = Statement(insert(face_failures))
_COUNT_FACE_DAY = Statement(
    update(face_failures)
    .where(face_failures.c.account == bindparam("whose"), face_failures.c.day == bindparam("when"))
    .values(misses=face_failures.c.misses + 1)
)
_TEMPLATE = Statement(
    select(templates.c.template_id).where(
        templates.c.template_id == bindparam("template_id"), templates.c.revoked_at.is_(None)
    )
)


def refuse_face(connection: Connection, attempt: Attempt, payment: ResultRow, limits: Limits) -> Verdict | None:
    """Why this face does not pay, or None when it does; a mismatch is counted."""
    account, day = payment.account, attempt.received_at // DAY_MS
    that_day = _FACE_DAY.value(connection, {"account": account, "day": day})
    left = min(limits.mismatches_per_payment - payment.mismatches, limits.mismatches_per_day - (that_day or 0))
    if left <= 0:
        return Verdict.still_open(Code.FACE_LOCKED, 0)
    finding = attempt.finding
    if finding is None and not _is_current(connection, attempt.template_id):
        finding = Code.FACE_MISMATCH
    if finding is not Code.FACE_MISMATCH:
        return None if finding is None else Verdict.still_open(finding, left)
    _COUNT_MISMATCH.run(connection, {"which": payment.payment_id})
    if that_day is None:
        _NEW_FACE_FAILURE.run(connection, {"account": account, "day": day, "misses": 1})
    else:
        _COUNT_FACE_DAY.run(connection, {"whose": account, "when": day})
    if left > 1:
        return Verdict.still_open(Code.FACE_MISMATCH, left - 1)
    write_audit(connection, attempt.received_at, attempt.actor, "face_locked", payment.payment_id)
    return Verdict.still_open(Code.FACE_LOCKED, 0)


def _is_current(connection: Connection, template_id: str | None) -> bool:
    """Whether the template was not revoked while the face was compared with it."""
    return _TEMPLATE.row(connection, {"template_id": template_id}) is not None
