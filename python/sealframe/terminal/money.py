"""Amounts as people write them, and as payments carry them: integers of the currency's smallest unit."""

from __future__ import annotations

import re

_DIGITS = dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0)
_DIGITS |= dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""Digits after the point (ISO 4217); every other currency has two."""
_AMOUNT = re.compile(r"([0-9]{1,13})(?:[.,]([0-9]{1,3}))?")


def fraction_digits(currency: str) -> int:
    """Digits after the point."""
    return _DIGITS.get(currency, 2)


def format_amount(amount: int, currency: str) -> str:
    """1250 in "EUR" is "12.50"."""
    digits = fraction_digits(currency)
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


def parse_amount(text: str, currency: str) -> int:
    """1250 for "12.50" in "EUR". Raises ValueError for anything that is no amount in this currency."""
    digits, match = fraction_digits(currency), _AMOUNT.fullmatch(text.strip())
    if match is None or len(match[2] or "") > digits:
        raise ValueError(f"an amount in {currency} has at most {digits} digits after the point")
    rest = (match[2] or "").ljust(digits, "0")
    return int(match[1] + rest)
