"""Storage: migrations, group commit and its failures, append-only tables, a full disk (A39, A40, I12)."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import bindparam, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from sealframe.errors import PolicyError, StoreUnavailable
from sealframe.payment_protocol import Code
from sealframe.server.payments import administration, operator_tokens
from sealframe.server.payments.invariants import broken_invariants, changes_let_through
from sealframe.server.storage import tables
from sealframe.server.storage.compiled_statements import Statement
from sealframe.server.storage.database import Database
from sealframe.server.storage.group_commit import MAX_BATCH, GroupCommit
from sealframe.server.storage.tables import accounts, password_misses
from tests.server.bank import Bank, reopen_bank
from tests.server.postgres import Cluster

PROCESSES = 8
STARTED_AT_ONCE = 3


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("url"))
    return str(request.getfixturevalue("cluster").new_database())


@pytest.fixture
def either_database(either_url: str) -> Iterator[Database]:
    database = Database(either_url)
    database.migrate()
    yield database
    database.close()


def open_account(connection: Any, name: str) -> str:
    administration.create_account(connection, "operator:test", 1, account=name, name=name, currency="EUR")
    return name


def names_in(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(select(accounts.c.account)).scalars())


class Held:
    """A writer that is kept busy while a batch queues up behind it."""

    def __init__(self, database: Database) -> None:
        self.writer = GroupCommit(database)
        self._go = threading.Event()
        started = threading.Event()
        self.writer.submit(lambda _: (started.set(), self._go.wait(10)))
        assert started.wait(10)

    def go_on(self) -> None:
        self._go.set()

    def release(self, futures: list[Future[Any]]) -> list[BaseException | None]:
        self.go_on()
        errors = [future.exception(10) for future in futures]
        self.writer.close()
        return errors


def commits_of(database: Database) -> list[object]:
    seen: list[object] = []
    event.listen(database.engine, "commit", seen.append)
    return seen


def test_the_tables_are_those_that_the_migrations_make(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)
    database.migrate()


def test_migrations_go_back_and_forth(either_database: Database) -> None:
    downgrade(either_database, "base")
    either_database.migrate()
    assert names_in(either_database) == set()


def downgrade(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)


def test_password_locks_survive_the_migration_that_moves_them(either_database: Database) -> None:
    locked = {"account": "locked", "misses": 0, "missed_at": 5, "locked_until": 5}
    with either_database.transaction() as connection:
        for name in ("locked", "free"):
            open_account(connection, name)
            administration.set_password(connection, "operator:test", 1, name, "x")
        connection.execute(insert(password_misses), locked)
    for _ in range(2):
        with either_database.reading() as connection:
            assert [dict(row) for row in connection.execute(select(password_misses)).mappings()] == [locked]
        downgrade(either_database, "0001")
        either_database.migrate()


def test_servers_that_are_started_at_once_bring_the_tables_forward_once(either_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(STARTED_AT_ONCE), context.Queue()
    processes = [context.Process(target=start_at, args=(together, either_url, results)) for _ in range(STARTED_AT_ONCE)]
    for process in processes:
        process.start()
    assert [results.get(timeout=60) for _ in processes] == [None] * STARTED_AT_ONCE
    for process in processes:
        process.join(60)


def start_at(together: Any, url: str, results: Any) -> None:
    database = Database(url)
    together.wait(60)
    try:
        database.migrate()
        results.put(None)
    except Exception as error:
        results.put(repr(error))
    finally:
        database.close()


@pytest.mark.parametrize("url", ["", "nothing", "mysql://localhost/x", "sqlite:////no/such/folder/x.db"])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(PolicyError, match="database"):
        Database(url).migrate()


def test_a_batch_is_one_commit(database: Database) -> None:
    held = Held(database)
    commits = commits_of(database)
    futures = [held.writer.submit(lambda c, n=f"a{n}": open_account(c, n)) for n in range(MAX_BATCH)]
    assert held.release(futures) == [None] * MAX_BATCH
    assert len(commits) == 2  # the held one, then all others
    assert len(names_in(database)) == MAX_BATCH


def test_one_failing_attempt_takes_nothing_of_its_batch_with_it(either_database: Database) -> None:
    def fail_halfway(connection: Any) -> None:
        open_account(connection, "half")
        raise LookupError("on purpose")

    held = Held(either_database)
    futures: list[Future[Any]] = [
        held.writer.submit(fail_halfway if n == 17 else lambda c, n=f"a{n}": open_account(c, n))
        for n in range(MAX_BATCH)
    ]
    errors = held.release(futures)
    assert [type(error) for error in errors if error] == [LookupError]
    assert isinstance(errors[17], LookupError)
    assert names_in(either_database) == {f"a{n}" for n in range(MAX_BATCH) if n != 17}


def test_a_failed_commit_fails_the_whole_batch(either_database: Database) -> None:
    held = Held(either_database)
    futures: list[Future[Any]] = [
        held.writer.submit(break_at_commit if n == 5 else lambda c, n=f"a{n}": open_account(c, n))
        for n in range(MAX_BATCH)
    ]
    errors = held.release(futures)
    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert names_in(either_database) == set()


def break_at_commit(connection: Any) -> None:
    """A row that breaks a rule which the database checks at the commit."""
    at_commit = {
        "sqlite": "PRAGMA defer_foreign_keys = ON",
        "postgresql": "ALTER TABLE credentials ALTER CONSTRAINT fk_credentials_account DEFERRABLE INITIALLY DEFERRED",
    }
    connection.execute(text(at_commit[connection.dialect.name]))
    connection.execute(text("INSERT INTO credentials VALUES ('nobody', 'x')"))


def test_a40_a_full_disk_takes_nothing_and_the_next_transaction_works(database: Database) -> None:
    writer = GroupCommit(database)
    pages = database.engine.connect()
    limit = pages.exec_driver_sql("PRAGMA page_count").scalar_one()
    pages.close()

    @event.listens_for(database.engine, "begin")
    def shrink(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")

    long = "x" * 128
    futures = [
        writer.submit(
            lambda c, n=n: administration.create_account(c, "o", 1, account=f"full{n}", name=long, currency="EUR")
        )
        for n in range(400)
    ]
    errors = [future.exception(10) for future in futures]
    assert any(errors)
    written = {f"full{n}" for n, error in enumerate(errors) if error is None}
    assert names_in(database) == written
    event.remove(database.engine, "begin", shrink)
    with database.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert writer.submit(lambda c: open_account(c, "after")).result(10) == "after"
    writer.close()
    with database.reading() as connection:
        assert not broken_invariants(connection)


def test_too_much_waiting_is_told_at_once(database: Database) -> None:
    held = Held(database)
    futures = [held.writer.submit(lambda _: None) for _ in range(1024)]
    with pytest.raises(StoreUnavailable):
        held.writer.submit(lambda _: None)
    assert held.release(futures) == [None] * len(futures)


def test_who_no_longer_waits_is_not_written_and_the_writer_goes_on(database: Database) -> None:
    """A stop that cannot wait cancels requests; the others of their batch must not notice."""
    held = Held(database)
    futures = [held.writer.submit(lambda c, n=f"a{n}": open_account(c, n)) for n in range(3)]
    assert futures[1].cancel()
    assert held.release([futures[0], futures[2]]) == [None, None]
    assert names_in(database) == {"a0", "a2"}


def test_what_is_being_written_cannot_be_cancelled(database: Database) -> None:
    writer, begun, go_on = GroupCommit(database), threading.Event(), threading.Event()

    def slowly(connection: Any) -> str:
        begun.set()
        go_on.wait(10)
        return open_account(connection, "slow")

    future = writer.submit(slowly)
    assert begun.wait(10)
    assert not future.cancel()
    go_on.set()
    assert future.result(10) == "slow"
    writer.close()


@pytest.mark.parametrize("named", [False, True])
def test_batches_of_two_processes_that_name_what_they_work_on_never_wait_in_a_circle(
    cluster: Cluster, *, named: bool
) -> None:
    """Each holds rows that the other wants next; without names PostgreSQL notices after a second and ends one."""
    url = cluster.new_database()
    databases = [Database(url), Database(url)]
    databases[0].migrate()
    with databases[0].transaction() as connection:
        for name in ("a", "b"):
            open_account(connection, name)
    tries: list[str] = []

    def rename(name: str) -> Callable[[Any], None]:
        def work(connection: Any) -> None:
            tries.append(name)
            connection.execute(update(accounts).where(accounts.c.account == name).values(name=f"{name}!"))
            time.sleep(0.2)  # the other batch meanwhile takes its first row

        return work

    both = [Held(database) for database in databases]
    futures = [
        held.writer.submit(rename(name), [f"account {name}"] if named else [])
        for held, names in zip(both, ("ab", "ba"), strict=True)
        for name in names
    ]
    for held in both:
        held.go_on()
    assert [held.release(futures) for held in both] == [[None] * 4] * 2
    assert (len(tries) == 4) is named
    for database in databases:
        database.close()


def test_nothing_queues_up_behind_a_stop(database: Database) -> None:
    """Every future of a writer that stops meanwhile comes to its end."""
    for _ in range(20):
        writer, futures = GroupCommit(database), []

        def keep_submitting(writer: GroupCommit = writer, futures: list[Future[Any]] = futures) -> None:
            try:
                while True:
                    futures.append(writer.submit(lambda _: None))
            except StoreUnavailable:
                return

        thread = threading.Thread(target=keep_submitting)
        thread.start()
        writer.close()
        thread.join()
        assert all(future.result(10) is None for future in futures)
        with pytest.raises(StoreUnavailable, match="stopping"):
            writer.submit(lambda _: None)


def test_i12_entries_and_audit_cannot_be_changed(bank: Bank) -> None:
    bank.code(bank.request())
    with bank.service.database.transaction() as connection:
        assert changes_let_through(connection) == []


@pytest.mark.parametrize(
    "unwritten",
    [
        "INSERT INTO operators VALUES ('00', 'olga', 1, NULL)",
        "INSERT INTO keys VALUES ('00', 1, NULL)",
        "UPDATE operators SET revoked_at = 2",
    ],
)
def test_i11_a_right_that_changed_without_its_audit_row_is_found(database: Database, unwritten: str) -> None:
    with database.transaction() as connection:
        operator_tokens.create_token(connection, "otto", 1)
        assert broken_invariants(connection) == []
        connection.execute(text(unwritten))
        (found,) = broken_invariants(connection)
    assert found.startswith("I11")


def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    with database.transaction() as connection:
        open_account(connection, "unseen")
        assert names_in(database) == set()
    assert names_in(database) == {"unseen"}


def answer_in_another_process(folder: Path, url: str, envelope: bytes, results: Any) -> None:
    with reopen_bank(folder, url) as bank:
        results.put(bank.answer(envelope))


def test_a39_eight_processes_that_spend_one_envelope_spend_it_once_and_say_the_same(
    tmp_path: Path, either_url: str
) -> None:
    bank = Bank(tmp_path, either_url)
    bank.save_keys()
    envelope, key = bank.terminal.seal(bank.request())
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=answer_in_another_process, args=(bank.folder, bank.url, envelope, results))
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    answers = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(answers) == 1
    assert bank.terminal.read(answers.pop(), key).code is Code.PAID
    assert bank.balance("shop") == 250
    bank.close()


def test_a_prepared_statement_finds_changes_and_fails_like_any_other(either_database: Database) -> None:
    name = "nobody's business"
    insertion = Statement(insert(password_misses))
    found = Statement(select(password_misses).where(password_misses.c.account == bindparam("account")))
    once_missed = update(password_misses).where(password_misses.c.misses == 1)
    locking = Statement(once_missed.values(locked_until=bindparam("to")))
    row = {"account": name, "misses": 1, "missed_at": 2, "locked_until": 0}
    with either_database.transaction() as connection:
        assert found.row(connection, {"account": name}) is None
        assert found.value(connection, {"account": name}) is None
        assert insertion.run(connection, row) == 1
        assert locking.run(connection, {"to": 5}) == 1
    with either_database.reading() as connection:
        assert vars(found.row(connection, {"account": name})) == {**row, "locked_until": 5}
        assert found.value(connection, {"account": name}) == name
        assert [each.misses for each in found.rows(connection, {"account": name})] == [1]
    with pytest.raises(IntegrityError) as failure, either_database.transaction() as connection:
        insertion.run(connection, row)
    assert name not in f"{failure.value} {failure.value!r}".replace(str(failure.value.orig), "")
