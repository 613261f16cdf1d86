"""A small bank for tests: everything real, drawn faces, a clock that tests move, cheap password hashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

import sealframe as sf
from sealframe.faces.detection import CentreOval, NoLiveness
from sealframe.faces.matchers import DemoMatcher
from sealframe.keys import Suite
from sealframe.payment_protocol import Action, Code, EnrolmentRequest, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.drawn_faces import DRAWN_THRESHOLDS, draw_face
from sealframe.server.payments import administration, operator_transfers
from sealframe.server.payments.attempt import Attempt
from sealframe.server.payments.envelope_start import EnvelopeStart
from sealframe.server.payments.invariants import broken_invariants
from sealframe.server.payments.passwords import PasswordVerifier
from sealframe.server.payments.request_opener import OpenedRequest
from sealframe.server.payments.service import PaymentService
from sealframe.server.storage.database import Database
from sealframe.server.storage.device_records import record_of
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.verifier import FaceVerifier

START = 1_790_000_000.0
FUNDS = 10_000
PASSWORD = "correct horse"
ALICE, BOB = 2, 1
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
TERMS = {"payee": "shop", "amount": 250, "currency": "EUR", "account": "alice"}
X25519 = sf.Policy(suites=frozenset({Suite.X25519}))


class Terminal:
    """A device with its sealer; it reads the server's answers as a real one does."""

    def __init__(self, serial: str, server: sf.ServerPublic, clock: Callable[[], float]) -> None:
        self.device = sf.DeviceKey.generate(serial)
        self.server = server
        self.counter = sf.MemoryCounter(1)
        self._clock = clock

    def seal(self, request: Any, person: int = ALICE, capture: int = 0) -> tuple[bytes, sf.AnswerKey]:
        data = request if isinstance(request, bytes) else request.encode()
        sealer = sf.Sealer(
            to=self.server, device=self.device, counter=self.counter, workers=0, clock=lambda: self._clock()
        )
        return sealer.seal_request(draw_face(person, capture), data)

    def read(self, answer: bytes, key: sf.AnswerKey) -> PaymentAnswer:
        return PaymentAnswer.decode(key.read(answer, self.server).body)


def build_service(
    url: str, key: sf.ServerKey, vault: Vault, clock: Callable[[], float], **options: Any
) -> PaymentService:
    """The real service, with drawn faces in mind."""
    database = Database(url)
    database.migrate()
    faces = FaceVerifier(
        vault=vault,
        matcher=DemoMatcher(),
        thresholds=DRAWN_THRESHOLDS,
        detector=CentreOval(),
        liveness=NoLiveness(),
    )
    passwords = PasswordVerifier(CHEAP, clock=clock)
    return PaymentService([key], database, faces, passwords, policy=X25519, clock=clock, **options)


def open_bank(folder: Path, url: str | None = None) -> PaymentService:
    """The service of a bank whose keys were saved, in another process, at the bank's first moment."""
    key, vault = sf.ServerKey.load(folder / "server.key"), Vault([VaultKey.load(folder / "vault.key")])
    return build_service(url or f"sqlite:///{folder / 'bank.db'}", key, vault, lambda: START)


class Bank:
    def __init__(self, folder: Path, url: str | None = None, **options: Any) -> None:
        self.now_s = START
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'bank.db'}"
        self.key = sf.ServerKey.generate(Suite.X25519)
        self.vault = Vault([VaultKey.generate()])
        self.options = options
        self.service = self.start()
        self.terminal = self.new_terminal("POS-0001")
        self._open_accounts()

    def start(self) -> PaymentService:
        """A service on this bank's database, as another process would start it."""
        return build_service(self.url, self.key, self.vault, self.clock, **self.options)

    def save_keys(self) -> None:
        """So that another process can `open_bank`."""
        self.key.save(self.folder / "server.key")
        self.vault._newest.save(self.folder / "vault.key")

    def clock(self) -> float:
        return self.now_s

    def new_terminal(self, serial: str, *, register: bool = True) -> Terminal:
        terminal = Terminal(serial, self.key.public, self.clock)
        if register:
            public = terminal.device.public
            self.operate(administration.register_device, device=public, record=record_of(public))
        return terminal

    def operate(self, call: Callable[..., Any], **fields: Any) -> Any:
        """An operator's call, in a transaction of its own."""
        return self.service.writer.submit(
            lambda connection: call(connection, "operator:test", self.service.now(), **fields)
        ).result()

    def enrol(self, account: str, person: int) -> str:
        frames = [self.terminal.seal(EnrolmentRequest(account), person, capture)[0] for capture in range(3)]
        return self.service.enrol(account, frames, "operator:test")

    def request(self, action: Action = Action.PAY, **changes: Any) -> PaymentRequest:
        fields = {**TERMS, "payment_id": new_payment_id(int(self.now_s * 1000)), **changes}
        return PaymentRequest(action, **fields)

    def ask(
        self, request: Any, person: int = ALICE, capture: int = 9, terminal: Terminal | None = None
    ) -> PaymentAnswer:
        """Seal, send, read."""
        terminal = terminal or self.terminal
        envelope, key = terminal.seal(request, person, capture)
        return terminal.read(self.service.answer(envelope).answer, key)

    def opened(self, request: PaymentRequest) -> OpenedRequest:
        """Seal, and open without verifying the person."""
        envelope, _ = self.terminal.seal(request)
        opened = self.service.attempts.open(envelope, EnvelopeStart.parse(envelope))
        assert isinstance(opened, OpenedRequest)
        return opened

    def verified(self, request: PaymentRequest) -> Attempt:
        """Seal, open and verify the person without settling."""
        return self.service.attempts.verify_person(self.opened(request))

    def code(self, request: Any, person: int = ALICE, **options: Any) -> Code:
        return self.ask(request, person, **options).code

    def again(self, request: PaymentRequest, action: Action, **changes: Any) -> PaymentRequest:
        return replace(request, action=action, **changes)

    def balance(self, account: str) -> int:
        with self.service.database.reading() as connection:
            return int(administration.account_facts(connection, account)["balance"])

    def broken(self) -> list[str]:
        with self.service.database.reading() as connection:
            return broken_invariants(connection)

    def close(self) -> None:
        """Every test leaves a sound ledger behind."""
        broken = self.broken()
        self.service.close()
        assert not broken

    def _open_accounts(self) -> None:
        for account in ("shop", "alice", "bob"):
            self.operate(administration.create_account, account=account, name=account.title(), currency="EUR")
        self.operate(operator_transfers.deposit, payment_id=new_payment_id(), account="alice", amount=FUNDS)
        hashed = self.service.passwords.hash(PASSWORD)
        self.operate(administration.set_password, account="alice", password_hash=hashed)
        self.template = self.enrol("alice", ALICE)
