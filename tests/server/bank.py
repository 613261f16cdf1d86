"""The sandbox's bank for tests: a clock that tests move, cheap password hashes, and who takes part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

import sealframe as sf
from sealframe import sandbox
from sealframe.keys import Suite
from sealframe.payment_protocol import Action, Code, EnrolmentRequest, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments.attempt import Attempt
from sealframe.server.payments.envelope_start import EnvelopeStart
from sealframe.server.payments.passwords import PasswordVerifier
from sealframe.server.payments.request_opener import OpenedRequest

START = 1_790_000_000.0
FUNDS = 10_000
PASSWORD = "correct horse"
ALICE, BOB = 2, 1
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
TERMS = {"payee": "shop", "amount": 250, "currency": "EUR", "account": "alice"}
X25519 = sf.Policy(suites=frozenset({Suite.X25519}))


class Terminal(sandbox.Terminal):
    """A terminal with a drawn person before its camera."""

    def seal(self, request: Any, person: int = ALICE, capture: int = 0) -> tuple[bytes, sf.AnswerKey]:
        return super().seal(request, draw_face(person, capture))


class TestBank(sandbox.Bank):
    """Cheap and without post-quantum keys, so that a test takes little time."""

    __test__ = False

    def __init__(self, folder: Path, url: str | None = None, *, clock: Callable[[], float], **options: Any) -> None:
        passwords = PasswordVerifier(CHEAP, clock=clock)
        super().__init__(folder, url, passwords=passwords, policy=X25519, clock=clock, **options)


def reopen_bank(folder: Path, url: str | None = None) -> TestBank:
    """A bank whose keys were saved, in another process, at the bank's first moment."""
    return TestBank.reopen(folder, url, clock=lambda: START)


class Bank(TestBank):
    """A shop, two customers of whom one is enrolled, one terminal, at a moment that tests move."""

    def __init__(self, folder: Path, url: str | None = None, **options: Any) -> None:
        self.now_s = START
        super().__init__(folder, url, key=sf.ServerKey.generate(Suite.X25519), clock=lambda: self.moment(), **options)
        self.terminal = self.new_terminal("POS-0001")
        for account in ("shop", "bob"):
            self.open_account(account)
        self.open_account("alice", funds=FUNDS, password=PASSWORD)
        self.template = self.enrol_drawn("alice", ALICE)

    def moment(self) -> float:
        return self.now_s

    def new_terminal(self, serial: str, *, register: bool = True) -> Terminal:
        terminal = Terminal(sf.DeviceKey.generate(serial), self.key.public, clock=self.clock)
        if register:
            self.register(terminal.device.public)
        return terminal

    def enrol_drawn(self, account: str, person: int) -> str:
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

    def close(self) -> None:
        """Every test leaves a sound ledger behind."""
        broken = self.broken_invariants()
        super().close()
        assert not broken
