"""The sandbox as somebody else uses it in tests of their own."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from sealframe import DeviceKey, ServerPublic, SpliceRule
from sealframe.payment_protocol import Code
from sealframe.sandbox import Bank, Terminal, draw_face, serve

ALICE, STRANGER = 2, 1
FIELDS = "{device_info}|{sign_version}|{timestamp}|{random}|{width}x{height}"


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    bank = Bank(tmp_path)
    bank.open_account("shop")
    bank.open_account("alice", funds=10_000, password="correct horse")
    return bank


def test_a_face_pays_once_and_a_stranger_does_not(bank: Bank) -> None:
    with bank:
        terminal = bank.new_terminal("POS-0001")
        bank.enrol("alice", [draw_face(ALICE, capture) for capture in range(3)], terminal)
        paid = terminal.pay(bank, draw_face(ALICE, 9), payee="shop", account="alice", amount=250)
        refused = terminal.pay(bank, draw_face(STRANGER, 9), payee="shop", account="alice", amount=250)
        assert (paid.code, refused.code) == (Code.PAID, Code.FACE_MISMATCH)
        assert (bank.balance("shop"), bank.balance("alice")) == (250, 9750)
        lines = list(bank.ledger())
        assert any("shop" in line and line.endswith(" 2.50") for line in lines)
        assert any("alice" in line and line.endswith("-2.50") for line in lines)
        assert not bank.broken_invariants()


def test_it_answers_over_http_and_stays_open_after_that(bank: Bank) -> None:
    with bank:
        with serve(bank) as address, urllib.request.urlopen(f"{address}/v1/server") as reply:
            assert ServerPublic.from_text(reply.read().decode()) == bank.key.public
        assert bank.balance("alice") == 10_000
        with pytest.raises(OSError):
            urllib.request.urlopen(f"{address}/v1/server", timeout=2)


def test_another_process_opens_it_by_its_keys(bank: Bank, tmp_path: Path) -> None:
    bank.save_keys()
    bank.close()
    with Bank.reopen(tmp_path) as again:
        assert again.key.public == bank.key.public
        assert again.balance("alice") == 10_000


def test_m18_a_server_charges_for_terminals_whose_splice_rule_it_knows(tmp_path: Path) -> None:
    rule, other = (SpliceRule(name, "{magic_num}|{counter}|" + FIELDS) for name in ("SHOP", "ELSE"))
    with Bank(tmp_path, splice_rules=[rule]) as bank:
        bank.open_account("shop")
        bank.open_account("alice", funds=10_000)
        terminal = Terminal(DeviceKey.generate("POS-0001"), bank.key.public, splice_rule=rule)
        stranger = Terminal(DeviceKey.generate("POS-0002"), bank.key.public, splice_rule=other)
        for each in (terminal, stranger):
            bank.register(each.device.public)
        bank.enrol("alice", [draw_face(ALICE, capture) for capture in range(3)], terminal)
        codes = [
            each.pay(bank, draw_face(ALICE, 9), payee="shop", account="alice", amount=1).code
            for each in (terminal, stranger, bank.new_terminal("POS-0003"))
        ]
        assert codes == [Code.PAID, Code.REJECTED, Code.PAID]
