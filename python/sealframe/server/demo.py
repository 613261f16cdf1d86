"""`sealframe demo pay`: a whole bank in a temporary folder: pay by face, fail, refuse a replay, print the ledger.

Everything is TEST: drawn faces unless a folder is given, invented money, the demo matcher.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

import sealframe as sf
from sealframe.errors import ImageError
from sealframe.image import read_picture_file
from sealframe.payment import Action, Code, EnrolmentRequest, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.server import operators
from sealframe.server.database import Database
from sealframe.server.demo_faces import draw_face
from sealframe.server.faces import Cascade, CentreOval, NoLiveness
from sealframe.server.invariants import broken_invariants
from sealframe.server.matching import DEMO_THRESHOLD, DemoMatcher
from sealframe.server.passwords import Passwords
from sealframe.server.records import record_of
from sealframe.server.service import PaymentService
from sealframe.server.tables import entries
from sealframe.server.vault import Vault, VaultKey
from sealframe.server.verification import MIN_ENROLLED_FRAMES, FaceVerifier

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from sqlalchemy import Connection

_ACTOR = "operator:TEST"
_PRICE, _FUNDS = 1250, 10_000
_DRAWN = {"alice": 2, "bob": 1}
_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


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
    people = _people_in(Path(arguments.faces)) if arguments.faces else _drawn_people()
    (payer, pictures), (_, others) = people.items()
    with tempfile.TemporaryDirectory() as folder:
        bank = _open_bank(Path(folder), people, drawn=not arguments.faces)
        print(f"TEST       a bank with a shop, {' and '.join(people)}, and the terminal POS-TEST; invented money")
        paid, envelope, key = _pay(bank, payer, pictures[MIN_ENROLLED_FRAMES])
        _print_receipt(paid)
        failed, *_ = _pay(bank, payer, others[MIN_ENROLLED_FRAMES])
        print(f"TEST       a stranger's face: {failed.code.value}: {failed.code.message}")
        print(f"           face again ({failed.attempts_left} left), password, or cancel")
        replayed = bank.send(envelope, key)
        print(f"TEST       the same bytes again: the same answer, reference {replayed.reference}, nothing charged")
        with bank.service.database.transaction() as connection:
            operators.prune_attempts(connection, _ACTOR, bank.service.now(), bank.service.now() + 1)
        refused = bank.send(envelope, key)
        print(f"TEST       and once that is forgotten: {refused.code.value}: {refused.code.message}")
        with bank.service.database.reading() as connection:
            _print_ledger(connection, ["shop", *people])
            broken = broken_invariants(connection)
        bank.service.close()
    print("\n".join(broken) or "TEST       the ledger is sound")
    went_well = (paid.code, failed.code, refused.code) == (Code.PAID, Code.FACE_MISMATCH, Code.STALE_COUNTER)
    return 0 if went_well and replayed == paid and not broken else 1


def _open_bank(folder: Path, people: dict[str, Sequence[object]], *, drawn: bool) -> _Bank:
    key, device = sf.ServerKey.generate(), sf.DeviceKey.generate("POS-TEST")
    faces = FaceVerifier(
        vault=Vault([VaultKey.generate()]),
        matcher=DemoMatcher(),
        threshold=DEMO_THRESHOLD,
        detector=CentreOval() if drawn else Cascade(),
        liveness=NoLiveness(),
    )
    database = Database(f"sqlite:///{folder / 'ledger.db'}")
    database.migrate()
    service = PaymentService([key], database, faces, Passwords())
    sealer = sf.Sealer(to=key.public, device=device, counter=sf.CounterFile(folder / "pos.counter"))
    with database.transaction() as connection:
        now = service.now()
        operators.register_device(connection, _ACTOR, now, device.public, record_of(device.public))
        for account in ("shop", *people):
            operators.create_account(connection, _ACTOR, now, account=account, name=account.title(), currency="EUR")
        for account in people:
            operators.deposit(connection, _ACTOR, now, payment_id=new_payment_id(), account=account, amount=_FUNDS)
    for account, pictures in people.items():
        request = EnrolmentRequest(account).encode()
        service.enrol(account, [sealer.seal(each, request) for each in pictures[:MIN_ENROLLED_FRAMES]], _ACTOR)
    return _Bank(device, key.public, sealer, service)


def _pay(bank: _Bank, account: str, picture: object) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    request = PaymentRequest(Action.PAY, new_payment_id(), "shop", _PRICE, "EUR", account)
    envelope, key = bank.sealer.seal_request(picture, request.encode())
    return bank.send(envelope, key), envelope, key


def _drawn_people() -> dict[str, Sequence[object]]:
    frames = range(MIN_ENROLLED_FRAMES + 1)
    return {account: [draw_face(person, capture) for capture in frames] for account, person in _DRAWN.items()}


def _people_in(folder: Path) -> dict[str, Sequence[object]]:
    """The first two people of a folder of folders. Raises ImageError when there are none."""
    accounts = iter(_DRAWN)
    people: dict[str, Sequence[object]] = {}
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in person.iterdir() if path.suffix.lower() in _ENDINGS)
        if len(files) > MIN_ENROLLED_FRAMES:
            people[next(accounts)] = [read_picture_file(path) for path in files[: MIN_ENROLLED_FRAMES + 1]]
        if len(people) == len(_DRAWN):
            return people
    raise ImageError(f"{folder} needs two folders, one for each person, with at least four pictures each.")


def _print_receipt(answer: PaymentAnswer) -> None:
    print(f"TEST       {answer.code.value}: {answer.code.message}")
    if answer.code is Code.PAID:
        print(f"           payee      {answer.payee}")
        print(f"           amount     {_money(answer.amount or 0)} {answer.currency}")
        print(f"           reference  {answer.reference}")


def _print_ledger(connection: Connection, names: list[str]) -> None:
    print("TEST       ledger")
    for row in connection.execute(select(entries).order_by(entries.c.entry)):
        print(
            f"           {(row.refund_id or row.payment_id)[-12:].upper()}  {row.account:12} {_money(row.amount):>10}"
        )
    balances = (f"{name} {_money(operators.account_facts(connection, name)['balance'])}" for name in names)
    print(f"           balances: {', '.join(balances)}")


def _money(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"
