"""A whole bank in a folder: pay by face, fail, refuse a replay, tell the ledger.

Everything is TEST: drawn faces unless a folder is given, invented money, the demo matcher.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.bank import ACTOR, PASSWORD, Bank, money_text, open_demo_bank
from sealframe.server.payments import administration
from sealframe.server.payments.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import sealframe as sf
    from sealframe.sandbox.customers import Customer

_PRICE = 1250


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
    bank = open_demo_bank(folder, people, say)
    return _tell(bank) and bank.close_soundly()


def _tell(bank: Bank) -> bool:
    """A payment, a refused face, a refused replay; whether all went as it must."""
    (payer, owner), (_, stranger) = bank.customers.items()
    paid, envelope, key = _pay(bank, payer, owner)
    _tell_receipt(bank, paid)
    failed = _try_as_stranger(bank, payer, stranger)
    bank.say(f"a stranger's face: {failed.code.value}: {failed.code.message}")
    bank.say(f"{_CHOICES.format(failed.attempts_left)}")
    replayed = bank.send(envelope, key)
    bank.say(f"the same bytes again: the same answer, reference {replayed.reference}, nothing charged")
    with bank.service.database.transaction() as connection:
        administration.prune_attempts(connection, ACTOR, bank.service.now(), bank.service.now() + 1)
    refused = bank.send(envelope, key)
    bank.say(f"and once that is forgotten: {refused.code.value}: {refused.code.message}")
    codes = (paid.code, failed.code, refused.code)
    return codes == (Code.PAID, Code.FACE_MISMATCH, Code.STALE_COUNTER) and replayed == paid


_CHOICES = "face again ({} left), password, or cancel"


def _request(account: str) -> PaymentRequest:
    return PaymentRequest(Action.PAY, new_payment_id(), "shop", _PRICE, "EUR", account)


def _pay(bank: Bank, account: str, customer: Customer) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    """Pay once: a new capture until the face is recognised or the tries are used up, then the password."""
    request = _request(account)
    pictures = customer.to_pay[: Limits().mismatches_per_payment]
    for picture in pictures:
        answer, envelope, key = _capture(bank, request, picture)
        if answer.code is Code.PAID:
            return answer, envelope, key
        bank.say(f"{account}'s face: {answer.code.value}: {answer.code.message}")
    bank.say(f"{_CHOICES.format(answer.attempts_left)}: the password it is")
    return _capture(bank, replace(request, action=Action.PASSWORD, password=PASSWORD), pictures[-1])


def _try_as_stranger(bank: Bank, account: str, stranger: Customer) -> PaymentAnswer:
    """The answer to a stranger's first face that the matcher does not take for the owner's; else to the last one."""
    for picture in stranger.to_pay:
        answer, *_ = _capture(bank, _request(account), picture)
        if answer.code is not Code.PAID:
            break
        bank.say(f"the demo matcher takes a stranger's face for {account}'s, as it does now and then: paid")
    return answer


def _capture(bank: Bank, request: PaymentRequest, picture: object) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    envelope, key = bank.sealer.seal_request(picture, request.encode())
    return bank.send(envelope, key), envelope, key


def _tell_receipt(bank: Bank, answer: PaymentAnswer) -> None:
    bank.say(f"{answer.code.value}: {answer.code.message}")
    if answer.code is Code.PAID:
        bank.say(f"payee      {answer.payee}")
        bank.say(f"amount     {money_text(answer.amount or 0)} {answer.currency}")
        bank.say(f"reference  {answer.reference}")
