"""Amounts as people write them, and as payments carry them: integers of the currency's smallest unit.

The rule of writing, in every currency: digits, then at most one point with at most as many decimals as ISO 4217 gives
the currency. A comma is never read: it groups thousands in some countries and separates decimals in others.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sealframe.currencies import EXPONENTS

_AMOUNT = re.compile(r"([0-9]{1,16})(?:\.([0-9]+))?")


class AmountFault(StrEnum):
    """What is wrong with an amount as it was written."""

    FORM = "form"
    DECIMALS = "decimals"
    WHOLE = "whole"

    @property
    def message(self) -> str:
        """One sentence that says how to write it, with places for the examples of an AmountError."""
        return _MESSAGES[self]


_MESSAGES = {
    AmountFault.FORM: "Check the amount (for example {example}).",
    AmountFault.DECIMALS: "Write the amount as {whole} or {exact}: no comma, at most {decimals} decimals.",
    AmountFault.WHOLE: "Write the amount as {whole}: no comma, no decimals.",
}


class AmountError(ValueError):
    """A text that is no amount of the currency. `examples` fill the places of the fault's message."""

    def __init__(self, fault: AmountFault, currency: str) -> None:
        exponent = exponent_of(currency)
        self.fault = fault
        self.examples = {
            "example": example_of(currency),
            "whole": "1250",
            "exact": format_amount(1250 * 10**exponent, currency),
            "decimals": str(exponent),
        }
        super().__init__(fault.message.format_map(self.examples))


def require_currency(currency: str) -> None:
    """Raise ValueError unless `currency` is a code of ISO 4217 with an exponent: EUR and JPY, not XAU or XXX."""
    if not isinstance(currency, str) or currency not in EXPONENTS:
        raise ValueError(
            "currency must be an ISO 4217 code of three capital letters with a smallest unit, for example EUR"
        )


def exponent_of(currency: str) -> int:
    """How many decimals the currency has.

    Parameters
    ----------
    currency
        A code of ISO 4217, three capital letters.

    Returns
    -------
    int
        0 to 4.

    Raises
    ------
    ValueError
        For an unknown code, and for a code without an exponent.

    """
    require_currency(currency)
    return EXPONENTS[currency]


def example_of(currency: str) -> str:
    """An amount as it is written: "12.50" for EUR, "1250" for JPY. Raises ValueError as `exponent_of` does."""
    exponent = exponent_of(currency)
    return format_amount(125 * 10 ** (exponent - 1) if exponent else 1250, currency)


def format_amount(amount: int, currency: str) -> str:
    """Write an amount with a point and every decimal of its currency.

    Parameters
    ----------
    amount
        In the currency's smallest unit, 0 or more.
    currency
        A code of ISO 4217.

    Returns
    -------
    str
        "12.50" for 1250 in EUR, "1250" in JPY, "1.250" in KWD.

    Raises
    ------
    ValueError
        For a currency that `exponent_of` refuses.

    """
    exponent = exponent_of(currency)
    whole, rest = divmod(amount, 10**exponent)
    return f"{whole}.{rest:0{exponent}}" if exponent else str(whole)


def parse_amount(text: str, currency: str) -> int:
    """Read an amount that a person wrote.

    Parameters
    ----------
    text
        Digits, then at most one point and decimals. Spaces around them are passed over.
    currency
        A code of ISO 4217.

    Returns
    -------
    int
        In the currency's smallest unit: 1250 for "12.50" in EUR, 50000 for "50000" in RWF.

    Raises
    ------
    AmountError
        For anything else, a comma and too many decimals among it.
    ValueError
        For a currency that `exponent_of` refuses.

    """
    exponent = exponent_of(currency)
    match = _AMOUNT.fullmatch(text.strip().replace(",", ""))
    if match is None:
        raise AmountError(AmountFault.FORM, currency)
    whole, decimals = match[1], match[2] or ""
    if "," in text or len(decimals) > exponent:
        raise AmountError(AmountFault.DECIMALS if exponent else AmountFault.WHOLE, currency)
    return int(whole + decimals.ljust(exponent, "0"))
