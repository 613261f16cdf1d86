"""The ledger's invariants that a database shows by itself; each query finds what breaks one.

`broken_invariants` is empty for a sound ledger. I5, I6, I8 and I9 also speak of what terminals were told: a program
that keeps the answers checks them against `payments` and `attempts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_QUERIES = {
    "I1 the entries of every payment, and all entries, sum to zero": """
        SELECT payment_id FROM entries GROUP BY payment_id HAVING SUM(amount) <> 0
        UNION ALL SELECT 'all' WHERE (SELECT SUM(amount) FROM entries) <> 0""",
    "I2 a balance is the sum of its entries": """
        SELECT a.account FROM accounts a LEFT JOIN entries e ON e.account = a.account
        GROUP BY a.account, a.balance HAVING a.balance <> COALESCE(SUM(e.amount), 0)""",
    "I3 no balance is below its floor": "SELECT account FROM accounts WHERE balance < floor",
    "I4 every charge has exactly two entries": """
        SELECT p.payment_id FROM payments p
        LEFT JOIN entries e ON e.payment_id = p.payment_id AND e.refund_id IS NULL
        WHERE p.state = 'posted' GROUP BY p.payment_id HAVING COUNT(e.entry) <> 2""",
    "I4 every refund has exactly two entries": """
        SELECT r.refund_id FROM refunds r
        LEFT JOIN entries e ON e.refund_id = r.refund_id AND e.payment_id = r.payment_id
        GROUP BY r.refund_id HAVING COUNT(e.entry) <> 2""",
    "I4 no other entries": """
        SELECT e.entry FROM entries e
        LEFT JOIN payments p ON p.payment_id = e.payment_id AND p.state = 'posted'
        LEFT JOIN refunds r ON r.refund_id = e.refund_id AND r.payment_id = e.payment_id
        WHERE p.payment_id IS NULL OR (e.refund_id IS NOT NULL AND r.refund_id IS NULL)""",
    "I4 the entries of a charge are of its amount and accounts": """
        SELECT p.payment_id FROM payments p WHERE p.state = 'posted' AND NOT (
          EXISTS (SELECT 1 FROM entries e WHERE e.payment_id = p.payment_id AND e.refund_id IS NULL
                  AND e.account = p.account AND e.amount = -p.amount)
          AND EXISTS (SELECT 1 FROM entries e WHERE e.payment_id = p.payment_id AND e.refund_id IS NULL
                      AND e.account = p.payee AND e.amount = p.amount))""",
    "I4 the entries of a refund are of its amount, the other way": """
        SELECT r.refund_id FROM refunds r JOIN payments p ON p.payment_id = r.payment_id WHERE NOT (
          EXISTS (SELECT 1 FROM entries e WHERE e.refund_id = r.refund_id
                  AND e.account = p.payee AND e.amount = -r.amount)
          AND EXISTS (SELECT 1 FROM entries e WHERE e.refund_id = r.refund_id
                      AND e.account = p.account AND e.amount = r.amount))""",
    "I5 every attempt answered paid has a posted payment": """
        SELECT a.envelope_id FROM attempts a LEFT JOIN payments p ON p.payment_id = a.payment_id
        WHERE a.code IN ('paid', 'already_paid') AND (p.state IS NULL OR p.state <> 'posted')""",
    "I7 no device used a counter twice": """
        SELECT device || ' ' || counter FROM attempts GROUP BY device, counter HAVING COUNT(*) > 1""",
    "I7 no attempt is ahead of its device's counter": """
        SELECT a.envelope_id FROM attempts a JOIN devices d ON d.device = a.device WHERE a.counter > d.last_counter""",
    "I8 no cancelled payment was charged": """
        SELECT p.payment_id FROM payments p WHERE p.state <> 'posted'
        AND EXISTS (SELECT 1 FROM entries e WHERE e.payment_id = p.payment_id)""",
    "I8 every attempt answered cancelled has a cancelled payment": """
        SELECT a.envelope_id FROM attempts a LEFT JOIN payments p ON p.payment_id = a.payment_id
        WHERE a.code = 'cancelled' AND (p.state IS NULL OR p.state <> 'cancelled')""",
    "I10 refunds do not exceed their payment": """
        SELECT p.payment_id FROM payments p LEFT JOIN refunds r ON r.payment_id = p.payment_id
        GROUP BY p.payment_id, p.amount, p.refunded
        HAVING COALESCE(SUM(r.amount), 0) > p.amount OR COALESCE(SUM(r.amount), 0) <> p.refunded""",
    "I11 every change of money or rights has its audit row": """
        SELECT c.subject FROM (
          SELECT payment_id AS subject, 'charge' AS action FROM payments WHERE state = 'posted'
          UNION ALL SELECT payment_id, 'cancelled' FROM payments WHERE state = 'cancelled'
          UNION ALL SELECT payment_id, 'expired' FROM payments WHERE state = 'expired'
          UNION ALL SELECT refund_id, 'refund' FROM refunds
          UNION ALL SELECT name, 'operator' FROM operators
          UNION ALL SELECT name, 'operator_revoked' FROM operators WHERE revoked_at IS NOT NULL
          UNION ALL SELECT key_id, 'vault_key' FROM keys
          UNION ALL SELECT account, 'account' FROM accounts
          UNION ALL SELECT account, 'password' FROM credentials
          UNION ALL SELECT template_id, 'enrol' FROM templates
          UNION ALL SELECT template_id, 'template_revoked' FROM templates WHERE revoked_at IS NOT NULL
          UNION ALL SELECT device, 'device' FROM devices
          UNION ALL SELECT device, 'device_revoked' FROM devices WHERE status = 'revoked') c
        LEFT JOIN audit u ON u.subject = c.subject AND u.action = c.action WHERE u.audit_id IS NULL""",
}

_CHANGES = (
    "UPDATE entries SET amount = amount",
    "DELETE FROM entries",
    "UPDATE audit SET actor = actor",
    "DELETE FROM audit",
)


def broken_invariants(connection: Connection) -> list[str]:
    """One line for every invariant that does not hold, with the first rows that break it."""
    broken = []
    for name, query in _QUERIES.items():
        rows = connection.execute(text(query)).scalars().fetchmany(5)
        if rows:
            broken.append(f"{name}: {', '.join(str(row) for row in rows)}")
    return broken


def changes_let_through(connection: Connection) -> list[str]:
    """I12: the statements that could change what is append-only. Needs at least one row in either table.

    Everything is rolled back.
    """
    let_through = []
    for statement in _CHANGES:
        savepoint = connection.begin_nested()
        try:
            connection.execute(text(statement))
        except Exception:
            savepoint.rollback()
        else:
            let_through.append(f"I12 {statement}")
            savepoint.rollback()
    return let_through
