"""Amounts and currencies: ISO's list, the one rule of writing, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealframe.currencies import EXPONENTS, PUBLISHED
from sealframe.money import AmountError, AmountFault, exponent_of, format_amount, parse_amount, require_currency
from sealframe.payment_protocol import Action, PaymentRequest, new_payment_id

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
FOUR_DECIMALS = "CLF UYW"
UNCOUNTED = ["XAG", "XAU", "XBA", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"]
UNKNOWN = ["EUX", "ZZZ", "eur", "EURO", "EU", "", "DEM", "978"]


def test_the_table_is_isos_list() -> None:
    iso4217 = pytest.importorskip("iso4217", reason="the extra dev is not installed")
    rows = {code: row["CcyMnrUnts"] for code, row in iso4217.raw_table.items() if code}
    counted = {code: int(exponent) for code, exponent in rows.items() if exponent != "N.A."}
    assert counted == EXPONENTS
    assert iso4217.__published__.isoformat() == PUBLISHED
    assert {code for code, exponent in rows.items() if exponent == "N.A."} >= set(UNCOUNTED)


def test_the_module_is_what_its_program_writes() -> None:
    pytest.importorskip("iso4217", reason="the extra dev is not installed")
    from currencies import MODULE, module_text

    assert MODULE.read_text() == module_text()


def test_exponents() -> None:
    for exponent, codes in ((0, NO_DECIMALS), (3, THREE_DECIMALS), (4, FOUR_DECIMALS)):
        assert " ".join(code for code in EXPONENTS if EXPONENTS[code] == exponent) == codes
    assert {exponent_of(code) for code in ("EUR", "USD", "CNY", "CHF", "MRU", "MGA")} == {2}


@pytest.mark.parametrize("code", [*UNCOUNTED, *UNKNOWN])
def test_a_currency_that_cannot_be_counted_is_refused(code: str) -> None:
    for refuse in (
        require_currency,
        exponent_of,
        lambda code: format_amount(1, code),
        lambda code: parse_amount("1", code),
    ):
        with pytest.raises(ValueError, match="ISO 4217"):
            refuse(code)
    with pytest.raises(ValueError, match="ISO 4217"):
        PaymentRequest(Action.PAY, new_payment_id(), "shop", 1, code, "alice")


@pytest.mark.parametrize("code", [None, 978, ["EUR"], b"EUR"])
def test_a_currency_is_a_text(code: object) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        require_currency(code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("50000", "RWF", 50000),
        ("12", "JPY", 12),
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("1250", "EUR", 125000),
        (" 7 ", "EUR", 700),
        ("1.250", "KWD", 1250),
        ("0.5", "KWD", 500),
        ("12.3456", "UYW", 123456),
    ],
)
def test_amounts(text: str, currency: str, amount: int) -> None:
    assert parse_amount(text, currency) == amount
    assert parse_amount(format_amount(amount, currency), currency) == amount


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_a_comma_is_refused_in_every_currency_and_the_sentence_says_how_to_write_it(currency: str) -> None:
    for text in ("1,250", "12,50", "1,250.00", "1250,", ",5"):
        with pytest.raises(AmountError) as caught:
            parse_amount(text, currency)
        assert caught.value.fault is (AmountFault.DECIMALS if EXPONENTS[currency] else AmountFault.WHOLE)
        assert "no comma" in str(caught.value)
        assert caught.value.examples["exact"] in str(caught.value)
        assert parse_amount(caught.value.examples["exact"], currency) == 1250 * 10 ** EXPONENTS[currency]
        assert parse_amount(caught.value.examples["whole"], currency) == 1250 * 10 ** EXPONENTS[currency]


@pytest.mark.parametrize(
    ("text", "currency", "fault", "sentence"),
    [
        ("1,250", "EUR", AmountFault.DECIMALS, "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("1.234", "EUR", AmountFault.DECIMALS, "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("1.2345", "KWD", AmountFault.DECIMALS, "Write the amount as 1250 or 1250.000: no comma, at most 3 decimals."),
        ("1.5", "JPY", AmountFault.WHOLE, "Write the amount as 1250: no comma, no decimals."),
        ("1.0", "JPY", AmountFault.WHOLE, "Write the amount as 1250: no comma, no decimals."),
        ("", "EUR", AmountFault.FORM, "Check the amount (for example 12.50)."),
        ("", "KWD", AmountFault.FORM, "Check the amount (for example 12.500)."),
        ("", "JPY", AmountFault.FORM, "Check the amount (for example 1250)."),
        *(
            (text, "EUR", AmountFault.FORM, "Check the amount (for example 12.50).")
            for text in (
                "-1",
                "+1",
                "1e3",
                "1.",
                ".5",
                "1 250",
                "1'250",
                "1.2.3",
                "5\u00b2",
                "\u0665",
                "\uff15",
                "1" * 17,
                "x",
            )
        ),
    ],
)
def test_what_is_no_amount(text: str, currency: str, fault: AmountFault, sentence: str) -> None:
    with pytest.raises(AmountError) as caught:
        parse_amount(text, currency)
    assert (caught.value.fault, str(caught.value)) == (fault, sentence)


@given(amount=st.integers(0, 10**15), currency=st.sampled_from(sorted(EXPONENTS)))
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    assert parse_amount(format_amount(amount, currency), currency) == amount
