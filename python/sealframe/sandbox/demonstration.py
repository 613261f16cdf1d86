"""`sealframe demo pay`: a whole bank in a temporary folder: pay by face, fail, refuse a replay, print the ledger.

Everything is TEST: drawn faces unless a folder is given, invented money, the demo matcher.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.sandbox.bank import ACTOR, PASSWORD, Bank, money_text, open_demo_bank
from sealframe.server.payments import administration
from sealframe.server.payments.limits import Limits

if TYPE_CHECKING:
    import argparse

    import sealframe as sf
    from sealframe.sandbox.customers import Customer

_PRICE = 1250


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when anything did not go as it must."""
    if arguments.terminal:
        from sealframe.sandbox.terminal import run_terminal

        return run_terminal(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bank = open_demo_bank(Path(folder), arguments.faces)
        return 0 if _tell(bank) and bank.close_soundly() else 1


def _tell(bank: Bank) -> bool:
    """A payment, a refused face, a refused replay; whether all went as it must."""
    (payer, owner), (_, stranger) = bank.customers.items()
    paid, envelope, key = _pay(bank, payer, owner)
    _print_receipt(paid)
    failed = _try_as_stranger(bank, payer, stranger)
    print(f"TEST       a stranger's face: {failed.code.value}: {failed.code.message}")
    print(f"TEST       {_CHOICES.format(failed.attempts_left)}")
    replayed = bank.send(envelope, key)
    print(f"TEST       the same bytes again: the same answer, reference {replayed.reference}, nothing charged")
    with bank.service.database.transaction() as connection:
        administration.prune_attempts(connection, ACTOR, bank.service.now(), bank.service.now() + 1)
    refused = bank.send(envelope, key)
    print(f"TEST       and once that is forgotten: {refused.code.value}: {refused.code.message}")
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
        print(f"TEST       {account}'s face: {answer.code.value}: {answer.code.message}")
    print(f"TEST       {_CHOICES.format(answer.attempts_left)}: the password it is")
    return _capture(bank, replace(request, action=Action.PASSWORD, password=PASSWORD), pictures[-1])


def _try_as_stranger(bank: Bank, account: str, stranger: Customer) -> PaymentAnswer:
    """The answer to a stranger's first face that the matcher does not take for the owner's; else to the last one."""
    for picture in stranger.to_pay:
        answer, *_ = _capture(bank, _request(account), picture)
        if answer.code is not Code.PAID:
            break
        print(f"TEST       the demo matcher takes a stranger's face for {account}'s, as it does now and then: paid")
    return answer


def _capture(bank: Bank, request: PaymentRequest, picture: object) -> tuple[PaymentAnswer, bytes, sf.AnswerKey]:
    envelope, key = bank.sealer.seal_request(picture, request.encode())
    return bank.send(envelope, key), envelope, key


def _print_receipt(answer: PaymentAnswer) -> None:
    print(f"TEST       {answer.code.value}: {answer.code.message}")
    if answer.code is Code.PAID:
        print(f"TEST       payee      {answer.payee}")
        print(f"TEST       amount     {money_text(answer.amount or 0)} {answer.currency}")
        print(f"TEST       reference  {answer.reference}")
