"""What a person types: an amount and an account, each with its own complaint."""

from __future__ import annotations

import pytest

from sealframe.money import AmountError
from sealframe.payment_protocol import MAX_AMOUNT
from sealframe.terminal.entry import AccountError, Entry, read_entry


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"), [("12.50", "EUR", 1250), ("50000", "RWF", 50000), ("1.250", "KWD", 1250)]
)
def test_full_width_forms_are_read_as_their_own(amount: str, currency: str, expected: int) -> None:
    for typed, account in (
        (amount, "alice"),
        (full_width(amount), full_width("13800138000")),
        (f" {amount} ", " a-b "),
    ):
        assert read_entry(typed, account, payee="shop", currency=currency).amount == expected
    typed = read_entry(full_width("7"), full_width("13800138000"), payee="shop", currency="CNY")
    assert typed == Entry(700, "13800138000")


@pytest.mark.parametrize("amount", ["", "0", "0.00", "x", "1,250", full_width("1,250"), "1.234", str(MAX_AMOUNT)])
def test_an_amount_that_is_none_is_told_before_the_account(amount: str) -> None:
    with pytest.raises(AmountError):
        read_entry(amount, "", payee="shop", currency="EUR")


def test_a_comma_never_becomes_a_point() -> None:
    for currency in ("EUR", "JPY", "KWD", "RWF", "UYW"):
        for comma in (",", full_width(","), "\u060c", "\u3001"):
            with pytest.raises(AmountError):
                read_entry(f"1{comma}250", "alice", payee="shop", currency=currency)


@pytest.mark.parametrize("account", ["", " ", "a b", "../x", "-x", "x" * 65, "shop", "\u00e9", "\u5f20"])
def test_an_account_that_is_none_is_told(account: str) -> None:
    with pytest.raises(AccountError):
        read_entry("1", account, payee="shop", currency="EUR")
