"""What a person types to begin a payment: an amount and an account, with full-width digits too."""

from __future__ import annotations

from dataclasses import dataclass

from sealframe.money import AmountError, AmountFault, parse_amount
from sealframe.payment_protocol import MAX_AMOUNT, require_account_name

_HALF_WIDTH = {0xFEE0 + code: code for code in range(0x21, 0x7F)}
"""Full-width forms, as Chinese keyboards write them, to ASCII."""


class AccountError(ValueError):
    """A text that names no account that could pay here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An amount in the currency's smallest unit, and who claims to pay it."""

    amount: int
    account: str


def read_entry(amount: str, account: str, *, payee: str, currency: str) -> Entry:
    """Read what was typed.

    Parameters
    ----------
    amount, account
        The two texts.
    payee
        The account that is paid, which cannot pay itself.
    currency
        A code of ISO 4217.

    Raises
    ------
    AmountError
        For an amount that is none, zero, or more than a payment can carry.
    AccountError
        For an account that cannot be one, or the payee's own.
    """
    number = parse_amount(amount.translate(_HALF_WIDTH), currency)
    if not 0 < number <= MAX_AMOUNT:
        raise AmountError(AmountFault.FORM, currency)
    name = account.translate(_HALF_WIDTH).strip()
    try:
        require_account_name(name)
    except ValueError as error:
        raise AccountError(str(error)) from None
    if name == payee:
        raise AccountError("payee and account must differ")
    return Entry(number, name)
