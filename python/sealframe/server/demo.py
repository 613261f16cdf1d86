"""`sealframe demo pay`: a whole bank in a temporary folder: pay by face, fail, refuse a replay, print the ledger.

Everything is TEST: drawn faces unless a folder is given, invented money, the demo matcher.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

import sealframe as sf
from sealframe.payment import Action, Code, EnrolmentRequest, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.server import operators
from sealframe.server.database import Database
from sealframe.server.demo_people import customers_in, drawn_customers
from sealframe.server.faces import Cascade, CentreOval, NoLiveness
from sealframe.server.invariants import broken_invariants
from sealframe.server.matching import DEMO_THRESHOLD, DemoMatcher
from sealframe.server.passwords import Passwords
from sealframe.server.records import record_of
from sealframe.server.service import PaymentService
from sealframe.server.settlement import Limits
from sealframe.server.tables import entries
from sealframe.server.vault import Vault, VaultKey
from sealframe.server.verification import FaceVerifier

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from sealframe.server.demo_people import Customer

_ACTOR = "operator:TEST"
_PRICE, _FUNDS = 1250, 10_000
_PASSWORD = "TEST password"  # noqa: S105  (of invented accounts)


@dataclass(frozen=True, slots=True)
class _Bank:
    """A terminal and its server."""

    device: sf.DeviceKey
    server: sf.ServerPublic
    sealer: sf.Sealer
    service: PaymentService

    def send(self, envelope: bytes, key: sf.AnswerKey) -> PaymentAnswer:
        """Give the bytes to the server and read its signed answer."""
        return PaymentAnswer.decode(key.read(self.service.answer(envelope).answer, self.server).body)


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when anything did not go as it must."""
    faces = _build_faces(drawn=not arguments.faces)
    customers = customers_in(Path(arguments.faces), faces) if arguments.faces else drawn_customers()
    (payer, owner), (_, stranger) = customers.items()
    with tempfile.TemporaryDirectory() as folder:
        bank = _open_bank(Path(folder), customers, faces)
        print(f"TEST       a bank with a shop, {' and '.join(customers)}, and the terminal POS-TEST; invented money")
        paid, envelope, key = _pay(bank, payer, owner)
        _print_receipt(paid)
        failed, *_ = _capture(bank, _request(payer), stranger.to_pay[0])
        print(f"TEST       a stranger's face: {failed.code.value}: {failed.code.message}")
        print(f"TEST       {_CHOICES.format(failed.attempts_left)}")
        replayed = bank.send(envelope, key)
        print(f"TEST       the same bytes again: the same answer, reference {replayed.reference}, nothing charged")
        with bank.service.database.transaction() as connection:
            operators.prune_attempts(connection, _ACTOR, bank.service.now(), bank.service.now() + 1)
        refused = bank.send(envelope, key)
        print(f"TEST       and once that is forgotten: {refused.code.value}: {refused.code.message}")
        with bank.service.database.reading() as connection:
            _print_ledger(connection, ["shop", *customers])
            broken = broken_invariants(connection)
        bank.service.close()
    print("\n".join(broken) or "TEST       the ledger is sound")
    went_well = (paid.code, failed.code, refused.code) == (Code.PAID, Code.FACE_MISMATCH, Code.STALE_COUNTER)
    return 0 if went_well and replayed == paid and not broken else 1


_CHOICES = "face again ({} left), password, or cancel"


def _build_faces(*, drawn: bool) -> FaceVerifier:
    return FaceVerifier(
        vault=Vault([VaultKey.generate()]),
        matcher=DemoMatcher(),
        threshold=DEMO_THRESHOLD,
        detector=CentreOval() if drawn else Cascade(),
        liveness=NoLiveness(),
    )


def _open_bank(folder: Path, customers: dict[str, Customer], faces: FaceVerifier) -> _Bank:
    key, device = sf.ServerKey.generate(), sf.DeviceKey.generate("POS-TEST")
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    database.migrate()
    service = PaymentService([key], database, faces, Passwords())
    sealer = sf.Sealer(to=key.public, device=device, counter=sf.CounterFile(folder / "pos.counter"))
    password_hash = service.passwords.hash(_PASSWORD)
    with database.transaction() as connection:
        now = service.now()
        operators.register_device(connection, _ACTOR, now, device.public, record_of(device.public))
        for account in ("shop", *customers):
            operators.create_account(connection, _ACTOR, now, account=account, name=account.title(), currency="EUR")
        for account in customers:
            operators.deposit(connection, _ACTOR, now, payment_id=new_payment_id(), account=account, amount=_FUNDS)
            operators.set_password(connection, _ACTOR, now, account, password_hash)
    for account, customer in customers.items():
        request = EnrolmentRequest(account).encode()
        service.enrol(account, [sealer.seal(each, request) for each in customer.to_enrol], _ACTOR)
    return _Bank(device, key.public, sealer, service)


def _request(account: str) -> PaymentRequest:
    return PaymentRequest(Action.PAY, new_payment_id(), "shop", _PRICE, "EUR", account)


def _pay(bank: _Bank, account: str, customer: Customer) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    """Pay once: a new capture until the face is recognised or the tries are used up, then the password."""
    request = _request(account)
    pictures = customer.to_pay[: Limits().mismatches_per_payment]
    for picture in pictures:
        answer, envelope, key = _capture(bank, request, picture)
        if answer.code is Code.PAID:
            return answer, envelope, key
        print(f"TEST       {account}'s face: {answer.code.value}: {answer.code.message}")
    print(f"TEST       {_CHOICES.format(answer.attempts_left)}: the password it is")
    return _capture(bank, replace(request, action=Action.PASSWORD, password=_PASSWORD), pictures[-1])


def _capture(bank: _Bank, request: PaymentRequest, picture: object) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    envelope, key = bank.sealer.seal_request(picture, request.encode())
    return bank.send(envelope, key), envelope, key


def _print_receipt(answer: PaymentAnswer) -> None:
    print(f"TEST       {answer.code.value}: {answer.code.message}")
    if answer.code is Code.PAID:
        print(f"TEST       payee      {answer.payee}")
        print(f"TEST       amount     {_money(answer.amount or 0)} {answer.currency}")
        print(f"TEST       reference  {answer.reference}")


def _print_ledger(connection: Connection, names: list[str]) -> None:
    print("TEST       ledger")
    for row in connection.execute(select(entries).order_by(entries.c.entry)):
        print(
            f"TEST       {(row.refund_id or row.payment_id)[-12:].upper()}  {row.account:12} {_money(row.amount):>10}"
        )
    balances = (f"{name} {_money(operators.account_facts(connection, name)['balance'])}" for name in names)
    print(f"TEST       balances: {', '.join(balances)}")


def _money(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"
