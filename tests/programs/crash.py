"""The crash test: terminals pay while their server is killed around its commits; the books are checked every time.

    python -m tests.programs.crash                      2,000 attempts, 8 clients, 50 kills, SQLite
    python -m tests.programs.crash --postgres           the same on a PostgreSQL cluster of its own
    python -m tests.programs.crash --mutant NAME        a server with a fault; exit 0 means that the fault was found
    python -m tests.programs.crash --mutant all         every faulty server in turn

The server is the real one behind HTTP. It dies by SIGKILL within a few milliseconds of a commit, every few commits.
A client repeats the same bytes until it has an answer, delivers a fifth of them twice, and keeps every answer.
After every kill, and at the end, the ledger must be sound and must agree with what was told; the first fault ends it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, PaymentState, new_payment_id
from sealframe.server.payments import operator_tokens, operator_transfers
from sealframe.server.payments.invariants import broken_invariants, changes_let_through
from sealframe.server.payments.limits import Limits
from sealframe.server.storage.tables import payments
from tests.programs.crash_mutants import MUTANTS
from tests.server.bank import ALICE, BOB, FUNDS, Bank, Terminal

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
LIMITS = Limits(mismatches_per_day=10**6)
DUPLICATES, WRONG_FACES, CANCELS, RACES, REFUNDS = 0.2, 0.1, 0.1, 0.1, 0.2


@dataclass(frozen=True)
class Plan:
    attempts: int = 2000
    clients: int = 8
    kills: int = 50
    commits_per_life: int = 12
    mutant: str | None = None
    seed: int = 1


@dataclass
class Findings:
    """What went wrong, and what was seen on the way. A fault that is caught breaks an invariant, by its number."""

    faults: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    duplicates: int = 0

    @property
    def broken(self) -> list[str]:
        return [fault for fault in self.faults if re.match(r"I\d", fault)]


class CrashBank(Bank):
    def moment(self) -> float:
        return time.time()


class Nursery:
    """A process that has imported everything and forks servers from itself, so that a restart costs little."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.programs.crash_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, settings: dict[str, Any]) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Server:
    """Keeps a server running; each life ends by SIGKILL around a commit until the planned kills are used up.

    `examine` is called after each kill.
    """

    def __init__(self, nursery: Nursery, bank: Bank, plan: Plan, examine: Callable[[], None]) -> None:
        self.port = free_port()
        self._examine = examine
        self.kills = 0
        self._nursery, self._plan, self._random = nursery, plan, random.Random(plan.seed)
        self._settings = {"folder": str(bank.folder), "url": bank.url, "port": self.port, "mutant": plan.mutant}
        self._stopping = threading.Event()
        self._pid = self._start()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        os.kill(self._pid, signal.SIGTERM)
        _wait_until(lambda: not _alive(self._pid))

    def _start(self) -> int:
        more = self.kills < self._plan.kills
        life = self._random.randint(1, self._plan.commits_per_life) if more else None
        return self._nursery.fork({**self._settings, "commits": life, "seed": self._random.random()})

    def _watch(self) -> None:
        while not self._stopping.wait(0.005):
            if not _alive(self._pid):
                self.kills += 1
                self._pid = self._start()
                self._examine()


class Client:
    """One terminal at work, with a seed of its own."""

    def __init__(self, bank: Bank, terminal: Terminal, port: int, seed: int, findings: Findings, token: str) -> None:
        self._bank, self._terminal, self._port = bank, terminal, port
        self._random = random.Random(seed)
        self._findings, self._token = findings, token
        self.told: dict[str, list[PaymentAnswer]] = {}
        self._requests: list[PaymentRequest] = []

    def work(self, attempts: int) -> None:
        try:
            done = 0
            while done < attempts and not self._findings.faults:
                done += self._one_payment()
        except Exception as error:  # whatever goes wrong in a client is a finding
            self._findings.faults.append(f"a client failed: {error!r}")

    def ask_all_states(self) -> None:
        """I5, I9: what was paid stays paid, and is said so."""
        for request in self._requests:
            if not self._findings.faults:
                self._send(_as(request, Action.STATUS), ALICE)

    def _one_payment(self) -> int:
        request = self._bank.request(amount=self._random.randint(1, 4 * FUNDS // 100))
        self._requests.append(request)
        if self._random.random() < RACES:
            self._race(request)
            return 2
        person = BOB if self._random.random() < WRONG_FACES else ALICE
        answer = self._send(request, person)
        if answer.code is Code.PAID and self._random.random() < REFUNDS:
            self._refund(request)
        if self._random.random() < CANCELS:
            self._send(_as(request, Action.CANCEL), ALICE)
            return 2
        return 1

    def _race(self, request: PaymentRequest) -> None:
        sealed = [(each, *self._terminal.seal(each)) for each in (request, _as(request, Action.CANCEL))]
        with ThreadPoolExecutor(len(sealed)) as both:
            for delivery in [both.submit(self._deliver, *each) for each in sealed]:
                delivery.result()

    def _send(self, request: PaymentRequest, person: int) -> PaymentAnswer:
        return self._deliver(request, *self._terminal.seal(request, person))

    def _deliver(self, request: PaymentRequest, envelope: bytes, key: Any) -> PaymentAnswer:
        raw = self._post("/v1/attempts", envelope, "application/octet-stream", (200,))
        answer = self._terminal.read(raw, key)
        self.told.setdefault(request.payment_id, []).append(answer)
        self._findings.codes[answer.code] += 1
        if self._random.random() < DUPLICATES and answer.code is not Code.STALE_COUNTER:
            self._findings.duplicates += 1
            if self._post("/v1/attempts", envelope, "application/octet-stream", (200,)) != raw:
                self._findings.faults.append(f"I6 the same bytes got another answer than {answer.code}")
        return answer

    def _refund(self, request: PaymentRequest) -> None:
        """Twice more than half: the second must be refused."""
        path = f"/v1/payments/{request.payment_id}/refunds"
        for _ in range(2):
            body = {"refund_id": new_payment_id(), "amount": request.amount // 2 + 1}
            self._post(path, json.dumps(body).encode(), "application/json", (204, 409))

    def _post(self, path: str, body: bytes, content_type: str, expected: tuple[int, ...]) -> bytes:
        """Send until there is an answer. A server that is down, or busy, is asked again."""
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self._token}"}
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                connection.request("POST", path, body, headers)
                reply = connection.getresponse()
                content = reply.read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            finally:
                connection.close()
            if reply.status in expected:
                return content
            if reply.status != 503:
                raise RuntimeError(f"HTTP {reply.status} {content[:200]!r}")
            time.sleep(0.05)
        raise RuntimeError("no answer in time")


def run(plan: Plan, bank: Bank, nursery: Nursery) -> Findings:
    """One crash test on a fresh bank."""
    findings = Findings()
    bank.save_keys()
    token = bank.service.writer.submit(lambda c: operator_tokens.create_token(c, "crash", bank.service.now())).result()
    # Money for about half of what will be asked for: amounts average 2 % of FUNDS.
    wanted = plan.attempts * FUNDS // 50
    bank.operate(
        operator_transfers.deposit, payment_id=new_payment_id(), account="alice", amount=max(1, wanted // 2 - FUNDS)
    )
    terminals = [bank.new_terminal(f"CRASH-{n}") for n in range(plan.clients)]
    clients: list[Client] = []

    def examine() -> None:
        for client in clients:
            _check_what_was_told(bank, client.told, findings)
        with bank.service.database.reading() as connection:
            findings.faults += broken_invariants(connection)

    server = Server(nursery, bank, plan, examine)
    try:
        clients += [
            Client(bank, terminal, server.port, plan.seed * 1000 + n, findings, token)
            for n, terminal in enumerate(terminals)
        ]
        _in_threads([lambda c=c: c.work(plan.attempts // plan.clients) for c in clients])
        _in_threads([client.ask_all_states for client in clients])
    finally:
        server.stop()
    findings.kills = server.kills
    if not findings.faults:
        examine()
        _check_the_last_words(bank, clients, findings)
    return findings


def _check_what_was_told(bank: Bank, told: dict[str, list[PaymentAnswer]], findings: Findings) -> None:
    """What was told by now holds in the books, at any time."""
    told_by_now = {payment_id: {answer.code for answer in answers} for payment_id, answers in list(told.items())}
    states = _states(bank)
    for payment_id, codes in told_by_now.items():
        if states.get(payment_id) != PaymentState.POSTED and {Code.PAID, Code.ALREADY_PAID} & codes:
            findings.faults.append(f"I5 I9 {payment_id} was told paid and is not posted")
        if {Code.PAID, Code.CANCELLED} <= codes:
            findings.faults.append(f"I8 {payment_id} was told paid and cancelled")


def _check_the_last_words(bank: Bank, clients: list[Client], findings: Findings) -> None:
    """Everybody has asked once more: whatever is posted was told so. What is append-only cannot be changed."""
    states = _states(bank)
    for client in clients:
        for payment_id, answers in client.told.items():
            if states.get(payment_id) == PaymentState.POSTED and answers[-1].code is not Code.PAID:
                findings.faults.append(f"I5 {payment_id} is posted, and its state was told {answers[-1].code}")
    with bank.service.database.transaction() as connection:
        findings.faults += changes_let_through(connection)


def _states(bank: Bank) -> dict[str, str]:
    with bank.service.database.reading() as connection:
        rows = connection.execute(select(payments.c.payment_id, payments.c.state)).all()
    return {row.payment_id: row.state for row in rows}


def _as(request: PaymentRequest, action: Action) -> PaymentRequest:
    return replace(request, action=action)


def _in_threads(works: list[Any]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the server does not stop")
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("attempts", "clients", "kills", "commits_per_life", "seed"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(Plan, name))
    parser.add_argument("--mutant", choices=("all", *MUTANTS))
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    settings = {name: getattr(arguments, name) for name in Plan.__dataclass_fields__}
    plan = Plan(**settings)
    plans = [replace(plan, mutant=mutant) for mutant in MUTANTS] if arguments.mutant == "all" else [plan]
    with _databases(postgres=arguments.postgres) as new_database:
        ended_well = [_run_and_print(each, new_database()) for each in plans]
    return 0 if all(ended_well) else 1


def _run_and_print(plan: Plan, url: str | None) -> bool:
    """Whether a sound server showed no fault, or a faulty one did."""
    started = time.monotonic()
    nursery = Nursery()
    try:
        with tempfile.TemporaryDirectory() as folder:
            bank = CrashBank(Path(folder), url, limits=LIMITS)
            findings = run(plan, bank, nursery)
            bank.service.close()
    finally:
        nursery.close()
    answers, seconds = sum(findings.codes.values()), time.monotonic() - started
    print(
        f"{plan.mutant or 'the server'}: {findings.kills} kills, {findings.duplicates} duplicates, {answers} answers, ",
        end="",
    )
    print(f"{seconds:.0f} s, {dict(findings.codes)}")
    print("    " + (findings.faults[0] if findings.faults else "every invariant holds"), flush=True)
    return bool(findings.broken) if plan.mutant else not findings.faults


@contextmanager
def _databases(*, postgres: bool) -> Iterator[Callable[[], str | None]]:
    """Makes an empty database for each run: none of its own for SQLite, which lies in the run's folder."""
    if not postgres:
        yield lambda: None
        return
    from tests.server.postgres import Cluster

    cluster = Cluster()
    try:
        yield cluster.new_database
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
