"""The bank of the demonstrations: a shop, two customers, a terminal; in a folder, and all of it TEST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

import sealframe as sf
from sealframe.faces.detection import Cascade, CentreOval, NoLiveness
from sealframe.faces.matchers import DEMO_THRESHOLDS, DemoMatcher
from sealframe.payment_protocol import EnrolmentRequest, PaymentAnswer, new_payment_id
from sealframe.sandbox.customers import customers_in, drawn_customers
from sealframe.sandbox.drawn_faces import DRAWN_THRESHOLDS
from sealframe.server.payments import administration, operator_transfers
from sealframe.server.payments.invariants import broken_invariants
from sealframe.server.payments.passwords import PasswordVerifier
from sealframe.server.payments.service import PaymentService
from sealframe.server.storage.database import Database
from sealframe.server.storage.device_records import record_of
from sealframe.server.storage.tables import entries
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.verifier import FaceVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from sealframe.sandbox.customers import Customer

    Say = Callable[[str], None]

ACTOR = "operator:TEST"
FUNDS = 10_000
PASSWORD = "246810"  # noqa: S105  (of invented accounts)


@dataclass(frozen=True, slots=True)
class Bank:
    """A terminal and its server, and who pays there."""

    device: sf.DeviceKey
    server: sf.ServerPublic
    sealer: sf.Sealer
    service: PaymentService
    customers: dict[str, Customer]
    say: Say

    def send(self, envelope: bytes, key: sf.AnswerKey) -> PaymentAnswer:
        """Give the bytes to the server and read its signed answer."""
        return PaymentAnswer.decode(key.read(self.service.answer(envelope).answer, self.server).body)

    def close_soundly(self) -> bool:
        """Tell the ledger, let go of the database, and return whether every invariant holds."""
        with self.service.database.reading() as connection:
            for line in _ledger(connection, ["shop", *self.customers]):
                self.say(line)
            broken = broken_invariants(connection)
        self.service.close()
        for line in broken or ["the ledger is sound"]:
            self.say(line)
        return not broken


def open_demo_bank(folder: Path, people: Path | None, say: Say) -> Bank:
    """A bank in `folder`, for drawn faces or for those of the folder `people`; ImageError when these do not serve."""
    faces = build_faces(drawn=people is None)
    customers = drawn_customers() if people is None else customers_in(people, faces, say)
    return open_bank(folder, customers, faces, say)


def open_bank(folder: Path, customers: dict[str, Customer], faces: FaceVerifier, say: Say) -> Bank:
    """A bank in `folder` where these customers have accounts, money, a password and their faces enrolled.

    `say` is called with each line of what happens there.
    """
    key, device = sf.ServerKey.generate(), sf.DeviceKey.generate("POS-TEST")
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    database.migrate()
    service = PaymentService([key], database, faces, PasswordVerifier())
    _open_accounts(service, device.public, list(customers))
    sealer = sf.Sealer(to=key.public, device=device, counter=sf.CounterFile(folder / "pos.counter"))
    for account, customer in customers.items():
        request = EnrolmentRequest(account).encode()
        service.enrol(account, [sealer.seal(each, request) for each in customer.to_enrol], ACTOR)
    say(f"a bank with a shop, {' and '.join(customers)}, and the terminal POS-TEST; invented money")
    return Bank(device, key.public, sealer, service, customers, say)


def build_faces(*, drawn: bool) -> FaceVerifier:
    """The demo matcher; drawn faces are where the oval is, others are looked for."""
    return FaceVerifier(
        vault=Vault([VaultKey.generate()]),
        matcher=DemoMatcher(),
        thresholds=DRAWN_THRESHOLDS if drawn else DEMO_THRESHOLDS,
        detector=CentreOval() if drawn else Cascade(),
        liveness=NoLiveness(),
    )


def _open_accounts(service: PaymentService, device: sf.DevicePublic, customers: list[str]) -> None:
    password_hash, now = service.passwords.hash(PASSWORD), service.now()
    with service.database.transaction() as connection:
        administration.register_device(connection, ACTOR, now, device, record_of(device))
        for account in ("shop", *customers):
            administration.create_account(connection, ACTOR, now, account=account, name=account.title(), currency="EUR")
        for account in customers:
            operator_transfers.deposit(
                connection, ACTOR, now, payment_id=new_payment_id(), account=account, amount=FUNDS
            )
            administration.set_password(connection, ACTOR, now, account, password_hash)


def _ledger(connection: Connection, names: list[str]) -> Iterator[str]:
    yield "ledger"
    for row in connection.execute(select(entries).order_by(entries.c.entry)):
        reference = (row.refund_id or row.payment_id)[-12:].upper()
        yield f"{reference}  {row.account:12} {money_text(row.amount):>10}"
    balances = (f"{name} {money_text(administration.account_facts(connection, name)['balance'])}" for name in names)
    yield f"balances: {', '.join(balances)}"


def money_text(amount: int) -> str:
    """1250 is "12.50"."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"
