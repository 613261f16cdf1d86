"""A whole bank in a folder: pay by face, fail, refuse a replay, tell the ledger.

Everything is TEST: drawn faces unless a folder is given, invented money, the demo matcher.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.faces.detection import Cascade, NoLiveness
from sealframe.faces.matchers import DEMO_THRESHOLDS, DemoMatcher
from sealframe.money import format_amount
from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.bank import ACTOR, CURRENCY, Bank, Terminal, drawn_face_verifier
from sealframe.sandbox.customers import customers_in, drawn_customers
from sealframe.server.payments import administration
from sealframe.server.payments.limits import Limits
from sealframe.server.verification.template_vault import Vault, VaultKey
from sealframe.server.verification.verifier import FaceVerifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealframe.sandbox.customers import Customer

    Say = Callable[[str], None]

FUNDS = 10_000
PASSWORD = "246810"  # noqa: S105  (of invented accounts)
_PRICE = 1250


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A bank with one terminal and its customers.

    Parameters
    ----------
    bank : Bank
        Where the customers have accounts, money, a password and their faces enrolled.
    terminal : Terminal
        At which they pay the shop.
    customers : dict of str to Customer
        By account.
    say : callable
        Called with each line of what happens.

    """

    bank: Bank
    terminal: Terminal
    customers: dict[str, Customer]
    say: Say

    def send(self, envelope: bytes, key: sf.AnswerKey) -> PaymentAnswer:
        """Give the bytes to the server and read its signed answer."""
        return self.terminal.read(self.bank.answer(envelope), key)

    def close_soundly(self) -> bool:
        """Tell the ledger, close the bank, and return whether every invariant holds."""
        self.say("ledger")
        for line in self.bank.ledger():
            self.say(line)
        balances = (f"{name} {_money(self.bank.balance(name))}" for name in ("shop", *self.customers))
        self.say(f"balances: {', '.join(balances)}")
        broken = self.bank.broken_invariants()
        self.bank.close()
        for line in broken or ["the ledger is sound"]:
            self.say(line)
        return not broken


def face_verifier(*, drawn: bool) -> FaceVerifier:
    """The demo matcher; drawn faces are where the guide oval is, others are looked for."""
    vault = Vault([VaultKey.generate()])
    if drawn:
        return drawn_face_verifier(vault)
    return FaceVerifier(
        vault=vault, matcher=DemoMatcher(), thresholds=DEMO_THRESHOLDS, detector=Cascade(), liveness=NoLiveness()
    )


def open_demonstration(folder: Path, people: Path | None, say: Say) -> Demonstration:
    """A demonstration for drawn faces or for those of the folder `people`; ImageError when these cannot be enrolled."""
    faces = face_verifier(drawn=people is None)
    customers = drawn_customers() if people is None else customers_in(people, faces, say)
    return open_for(folder, customers, faces, say)


def open_for(folder: Path, customers: dict[str, Customer], faces: FaceVerifier, say: Say) -> Demonstration:
    """A demonstration in `folder` in which these customers pay."""
    bank = Bank(folder, faces=faces)
    counter = sf.CounterFile(folder / "pos.counter")
    terminal = Terminal(sf.DeviceKey.generate("POS-TEST"), bank.key.public, counter=counter)
    bank.register(terminal.device.public)
    bank.open_account("shop")
    for account, customer in customers.items():
        bank.open_account(account, funds=FUNDS, password=PASSWORD)
        bank.enrol(account, customer.to_enrol, terminal)
    say(f"a bank with a shop, {' and '.join(customers)}, and the terminal POS-TEST; invented money")
    return Demonstration(bank, terminal, customers, say)


def demonstrate(folder: Path, people: Path | None, say: Callable[[str], None]) -> bool:
    """Open a bank, pay, and close it.

    Parameters
    ----------
    folder
        An empty one, for keys and database.
    people
        A folder for each of two people, at least four pictures in each; None draws two faces.
    say
        Called with each line of what happens.

    Returns
    -------
    bool
        Whether everything went as it must, and the ledger is sound.

    Raises
    ------
    ImageError
        When there are not two people who can be enrolled.

    """
    demonstration = open_demonstration(folder, people, say)
    return _tell(demonstration) and demonstration.close_soundly()


def _tell(shown: Demonstration) -> bool:
    """A payment, a refused face, a refused replay; whether all went as it must."""
    (payer, owner), (_, stranger) = shown.customers.items()
    paid, envelope, key = _pay(shown, payer, owner)
    _tell_receipt(shown, paid)
    failed = _try_as_stranger(shown, payer, stranger)
    shown.say(f"a stranger's face: {failed.code.value}: {failed.code.message}")
    shown.say(f"{_CHOICES.format(failed.attempts_left)}")
    replayed = shown.send(envelope, key)
    shown.say(f"the same bytes again: the same answer, reference {replayed.reference}, nothing charged")
    with shown.bank.service.database.transaction() as connection:
        administration.prune_attempts(connection, ACTOR, shown.bank.service.now(), shown.bank.service.now() + 1)
    refused = shown.send(envelope, key)
    shown.say(f"and once that is forgotten: {refused.code.value}: {refused.code.message}")
    codes = (paid.code, failed.code, refused.code)
    return codes == (Code.PAID, Code.FACE_MISMATCH, Code.STALE_COUNTER) and replayed == paid


_CHOICES = "face again ({} left), password, or cancel"


def _request(account: str) -> PaymentRequest:
    return PaymentRequest(Action.PAY, new_payment_id(), "shop", _PRICE, CURRENCY, account)


def _pay(shown: Demonstration, account: str, customer: Customer) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    """Pay once: a new capture until the face is recognised or the tries are used up, then the password."""
    request = _request(account)
    pictures = customer.to_pay[: Limits().mismatches_per_payment]
    for picture in pictures:
        answer, envelope, key = _capture(shown, request, picture)
        if answer.code is Code.PAID:
            return answer, envelope, key
        shown.say(f"{account}'s face: {answer.code.value}: {answer.code.message}")
    shown.say(f"{_CHOICES.format(answer.attempts_left)}: the password it is")
    return _capture(shown, replace(request, action=Action.PASSWORD, password=PASSWORD), pictures[-1])


def _try_as_stranger(shown: Demonstration, account: str, stranger: Customer) -> PaymentAnswer:
    """The answer to a stranger's first face that the matcher does not take for the owner's; else to the last one."""
    for picture in stranger.to_pay:
        answer, *_ = _capture(shown, _request(account), picture)
        if answer.code is not Code.PAID:
            break
        shown.say(f"the demo matcher takes a stranger's face for {account}'s, as it does now and then: paid")
    return answer


def _capture(
    shown: Demonstration, request: PaymentRequest, picture: object
) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    envelope, key = shown.terminal.seal(request, picture)
    return shown.send(envelope, key), envelope, key


def _tell_receipt(shown: Demonstration, answer: PaymentAnswer) -> None:
    shown.say(f"{answer.code.value}: {answer.code.message}")
    if answer.code is Code.PAID:
        shown.say(f"payee      {answer.payee}")
        shown.say(f"amount     {_money(answer.amount or 0)} {answer.currency}")
        shown.say(f"reference  {answer.reference}")


def _money(amount: int) -> str:
    return format_amount(amount, CURRENCY)
