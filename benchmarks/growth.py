"""How the settle path grows with what is stored: `python benchmarks/growth.py [--database URL] [--most 100]`.

A bank of 100 accounts with a face each, 100 devices, 2,000 payments with their attempts, entries and audit rows; then
10 and 100 times as much of all. Each time payments are made through the real settle path and the stored answers of
attempts are asked for; times are ratios to the smallest bank. At the end every statement of a payment is explained by
the database itself, and a table that is read from end to end is named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, insert, select, text

from sealframe.loadtest.site import CURRENCY, SHOP, Site, open_site
from sealframe.payment_protocol import Action, Code, PaymentRequest, new_payment_id
from sealframe.server.payments.attempt import Attempt
from sealframe.server.payments.device_counters import counter_text
from sealframe.server.payments.limits import Limits
from sealframe.server.payments.settlement import settle
from sealframe.server.payments.stored_answers import stored_answer
from sealframe.server.storage.compiled_statements import Prepared
from sealframe.server.storage.database import Database
from sealframe.server.storage.tables import (
    accounts,
    attempts,
    audit,
    devices,
    entries,
    face_failures,
    payments,
    templates,
)

ACCOUNTS, PAYMENTS = 100, 2000
TURNS, WARM = 300, 20
ANSWER_BYTES = 600
CHUNK = 5000


def grow(database: Database, start: int, times: int) -> None:
    """Fill the tables up to `times` the smallest bank."""
    with database.transaction() as connection:
        vault_key = connection.execute(select(templates.c.vault_key)).scalars().first()
        for kind, make, first, end in (
            ((accounts, devices, templates, face_failures), _account_of(vault_key), ACCOUNTS * start, ACCOUNTS * times),
            ((payments, attempts, entries, audit), _payment, PAYMENTS * start, PAYMENTS * times),
        ):
            for begin in range(first, end, CHUNK):
                made = [make(number) for number in range(begin, min(end, begin + CHUNK))]
                for column, table in enumerate(kind):
                    rows = [row for each in made for row in each[column]]
                    connection.execute(insert(table), rows)
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _account_of(vault_key: str | None) -> Callable[[int], tuple[list[dict[str, Any]], ...]]:
    return lambda number: _account(number, vault_key)


def _account(number: int, vault_key: str | None) -> tuple[list[dict[str, Any]], ...]:
    """An account, its terminal, an enrolled face, a day on which the face did not match."""
    account = {"account": f"old{number}", "name": "Old", "currency": CURRENCY, "balance": 0, "floor": 0}
    device = {"device": f"{number:032x}", "serial": f"OLD-{number}", "record": "x" * 400, "sign_version": 1}
    common = {"created_at": 1}
    face = {"template_id": f"{number:032x}", "account": f"old{number}", "matcher": "old", "model_sha256": "0" * 64}
    sealed = {"vault_key": vault_key, "wrapped_key": bytes(40), "sealed": bytes(420)}
    return (
        [{**account, "payment_limit": 1, **common}],
        [{**device, "status": "active", "last_counter": counter_text(1 << 40), **common}],
        [{**face, **sealed, **common}],
        [{"account": f"old{number}", "day": 1, "misses": 1}],
    )


def _payment(number: int) -> tuple[list[dict[str, Any]], ...]:
    payment_id, account = f"00000000-0000-7000-8000-{number:012x}", f"old{number % ACCOUNTS}"
    payment = {"payment_id": payment_id, "account": account, "payee": account, "amount": 1, "currency": CURRENCY}
    state = {"device": None, "state": "posted", "method": "pay", "mismatches": 0, "refunded": 0}
    attempt = {"envelope_id": f"{number:064x}", "device": f"{number % ACCOUNTS:032x}", "counter": counter_text(number)}
    said = {"message_id": f"{number:032x}", "payment_id": payment_id, "action": "pay", "code": "paid"}
    entry = {"payment_id": payment_id, "refund_id": None, "account": account, "created_at": 1}
    noted = {"at": 1, "actor": "device:old", "action": "charge", "subject": payment_id, "detail": "{}"}
    return (
        [{**payment, **state, "created_at": 1, "closed_at": 1}],
        [{**attempt, **said, "answer": bytes(ANSWER_BYTES), "received_at": number}],
        [{**entry, "amount": -1}, {**entry, "amount": 1}],
        [noted],
    )


class Payer:
    """Pays through the settle path, one payment a transaction, without HTTP and faces."""

    def __init__(self, site: Site, database: Database) -> None:
        self._tills, self._database, self._counter = site.tills, database, 1 << 40

    def pay(self) -> float:
        """Processor seconds of one payment: what grows with the tables, the disk's wait left out."""
        self._counter += 1
        till = self._tills[self._counter % len(self._tills)]
        attempt = Attempt(
            message_digest=os.urandom(32).hex(),
            device=till.device.public.key_id.hex(),
            counter=self._counter,
            message_id=os.urandom(16).hex(),
            request=PaymentRequest(Action.PAY, new_payment_id(), SHOP, 1, CURRENCY, till.account),
            finding=None,
            received_at=int(time.time() * 1000),
            seal=lambda _: bytes(ANSWER_BYTES),
            template_id=till.template_id,
        )
        with self._database.transaction() as connection:
            begun = time.perf_counter()
            settled = settle(connection, attempt, Limits())
            seconds = time.perf_counter() - begun
        assert settled.code is Code.PAID
        return seconds


def ask_again(database: Database, times: int, turn: int) -> float:
    """Seconds to find a stored answer."""
    message_digest = f"{(turn * 7919) % (PAYMENTS * times):064x}"
    with database.reading() as connection:
        begun = time.perf_counter()
        found = stored_answer(connection, message_digest)
        seconds = time.perf_counter() - begun
    assert found is not None
    return seconds


def explained(database: Database, payer: Payer) -> Iterator[tuple[str, str]]:
    """Every statement of one payment, and how the database means to run it."""
    seen: dict[str, Any] = {}

    arrange = Prepared.arrange

    def note(prepared: Prepared, values: Mapping[str, Any]) -> Any:
        given = arrange(prepared, values)
        seen.setdefault(prepared.sql, tuple(given) if isinstance(given, list) else given)
        return given

    with patch.object(Prepared, "arrange", autospec=True, side_effect=note):
        payer.pay()
    word = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        for statement, parameters in seen.items():
            yield statement, _plan(connection, f"{word} {statement}", parameters)
        connection.rollback()


def _plan(connection: Connection, statement: str, parameters: Any) -> str:
    rows = connection.exec_driver_sql(statement, parameters).all()
    return "; ".join(str(row[-1]).strip() for row in rows if "(cost=" not in str(row[-1]) or "on " in str(row[-1]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", metavar="URL", help="an empty one (default: SQLite in a folder of its own)")
    parser.add_argument("--most", type=int, default=100, choices=(10, 100), help="the largest bank (default: 100)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = open_site(Path(folder), arguments.database, 16)
        database = Database(site.url)
        payer, smallest, before = Payer(site, database), (0.0, 0.0), 0
        print(f"{'bank':>8}{'accounts':>10}{'payments':>10}{'a payment':>12}{'same bytes':>12}   (smallest bank = 1)")
        for times in (each for each in (1, 10, 100) if each <= arguments.most):
            grow(database, before, times)
            before = times
            paid = statistics.median([payer.pay() for _ in range(TURNS)][WARM:])
            again = statistics.median([ask_again(database, times, turn) for turn in range(TURNS)][WARM:])
            smallest = smallest if smallest[0] else (paid, again)
            print(
                f"{times:>7}x{ACCOUNTS * times:>10}{PAYMENTS * times:>10}"
                f"{paid / smallest[0]:>12.2f}{again / smallest[1]:>12.2f}"
            )
        print("\nhow the largest bank runs the statements of a payment:")
        scans = 0
        for statement, plan in explained(database, payer):
            whole = "SCAN " in plan or "Seq Scan" in plan
            scans += whole
            print(f"  {'WHOLE TABLE ' if whole else ''}{' '.join(statement.split())[:70]}\n      {plan}")
        print(f"{scans} statements read a whole table")
        database.close()


if __name__ == "__main__":
    main()
