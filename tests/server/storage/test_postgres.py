"""The same on PostgreSQL: tables, payments, two writers at once, the crash test in short.

Covers A39.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from sealframe.cli import main
from sealframe.errors import StoreUnavailable
from sealframe.payment_protocol import Action, Code
from sealframe.server.payments.invariants import changes_let_through
from tests.programs.crash import LIMITS, CrashBank, Nursery, Plan, run
from tests.server.bank import ALICE, FUNDS, Bank
from tests.server.postgres import Cluster


@pytest.fixture
def bank(cluster: Cluster, tmp_path: Path) -> Iterator[Bank]:
    bank = Bank(tmp_path, cluster.new_database())
    yield bank
    bank.close()


def test_payments_lockout_and_append_only_tables(bank: Bank) -> None:
    request = bank.request()
    assert bank.code(request, person=1) is Code.FACE_MISMATCH
    assert bank.code(request) is Code.PAID
    assert bank.code(bank.again(request, Action.CANCEL)) is Code.ALREADY_PAID
    with bank.service.database.transaction() as connection:
        assert changes_let_through(connection) == []


def test_a40_a_full_disk_takes_nothing_of_a_payment_and_the_same_bytes_pay_later(bank: Bank) -> None:
    """The entries' trigger says what PostgreSQL says when it cannot make a file longer (SQLSTATE 53100)."""
    full = "BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END"
    with bank.service.database.transaction() as connection:
        connection.execute(text(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${full}$$"))
        connection.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON entries EXECUTE FUNCTION full_disk()"))
    before, (envelope, key) = rows_of(bank), bank.terminal.seal(bank.request())
    with pytest.raises(StoreUnavailable):
        bank.service.answer(envelope)
    assert rows_of(bank) == before
    with bank.service.database.transaction() as connection:
        connection.execute(text("DROP TRIGGER full_disk ON entries"))
    assert bank.terminal.read(bank.service.answer(envelope).answer, key).code is Code.PAID


def rows_of(bank: Bank) -> list[int]:
    with bank.service.database.reading() as connection:
        tables = ("attempts", "audit", "entries", "payments")
        return [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]


def test_a39_two_servers_race_for_one_payment_and_one_account(bank: Bank) -> None:
    """Every envelope goes to both servers at once; payments are all the account can bear, and one more."""
    other = bank.start()
    terminals = [bank.new_terminal(f"POS-1{n}") for n in range(5)]
    sealed = [terminal.seal(bank.request(amount=FUNDS // 4), ALICE, 5) for terminal in terminals]
    answers: dict[tuple[int, int], bytes] = {}

    def send(number: int, which: int) -> None:
        service = (bank.service, other)[which]
        while (number, which) not in answers:
            try:
                answers[number, which] = service.answer(sealed[number][0]).answer
            except StoreUnavailable:
                continue

    threads = [threading.Thread(target=send, args=(n, which)) for n in range(5) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert all(answers[n, 0] == answers[n, 1] for n in range(5))
    codes = [terminal.read(answers[n, 0], sealed[n][1]).code for n, terminal in enumerate(terminals)]
    assert sorted(codes) == [Code.INSUFFICIENT_FUNDS] + [Code.PAID] * 4
    assert bank.balance("alice") == 0


def test_several_servers_on_one_database_keep_every_invariant(cluster: Cluster, tmp_path: Path) -> None:
    """Payments spread over two processes, then every envelope delivered to both at once: one answer, one charge."""
    out = tmp_path / "load.json"
    scenarios = ["--only", "together", "--only", "twice", "--payments", "20", "--clients", "4"]
    asked = ["loadtest", "--workers", "2", "--database", cluster.new_database(), *scenarios, "--out", str(out)]
    assert main(asked) == 0
    report = json.loads(out.read_text())
    assert report["faults"] == []
    assert report["scenarios"]["twice"]["requests"] == 40


def test_a_database_that_goes_away_is_waited_for(bank: Bank) -> None:
    with bank.service.database.engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    assert bank.code(bank.request()) is Code.PAID


def test_kills_around_commits_leave_a_sound_ledger(cluster: Cluster, tmp_path: Path) -> None:
    nursery = Nursery()
    bank = CrashBank(tmp_path, cluster.new_database(), limits=LIMITS)
    findings = run(Plan(attempts=60, clients=4, kills=3, commits_per_life=6), bank, nursery)
    bank.close()
    nursery.close()
    assert findings.faults == []
    assert findings.kills == 3
