"""Every text of the screens is in every catalogue, and what the terminal reads is what people wrote."""

from __future__ import annotations

import string
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sealframe.money import AmountError, AmountFault
from sealframe.payment_protocol import Code
from sealframe.terminal.camera.quality import Hint
from sealframe.terminal.entry import AccountError
from sealframe.terminal.screen import catalogues, texts
from sealframe.terminal.states import Reason, State

TRANSLATIONS = Path(str(files("sealframe.terminal.screen"))) / "translations"
FOUND_IN_THE_PROGRAM = {"code", "amount"}
"""Their English stands in the program, so there is no second copy in the English catalogue."""


def read_po(language: str) -> Any:
    pofile = pytest.importorskip("babel.messages.pofile", reason="the extra dev is not installed")
    with (TRANSLATIONS / language / "LC_MESSAGES" / "terminal.po").open("rb") as file:
        return pofile.read_po(file, abort_invalid=True)


def entries(language: str) -> dict[tuple[str, str], str]:
    return {(each.context, each.id): each.string for each in read_po(language) if each.id}


def needed() -> set[tuple[str, str]]:
    names: dict[str, Any] = {
        "state": [*State, texts.CANCELLING],
        "reason": Reason,
        "waiting": texts.WAITING,
        "code": set(Code) - {Code.PAID},
        "hint": Hint,
        "label": texts.LABELS,
        "amount": AmountFault,
    }
    return {(context, str(name)) for context in names for name in names[context]}


def english(context: str, name: str) -> str:
    return catalogues.catalogue_of("en").pgettext(context, name)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_languages_are_the_catalogues_that_are_there() -> None:
    assert {*texts.LANGUAGES} == {each.name for each in TRANSLATIONS.iterdir() if each.is_dir()}
    assert {*texts.LANGUAGES} >= {"en", "zh"}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_catalogue_has_every_text_and_no_other(language: str) -> None:
    here = {key for key in needed() if language != "en" or key[0] not in FOUND_IN_THE_PROGRAM}
    assert set(entries(language)) == here
    assert not [key for key, text in entries(language).items() if not text.strip()]
    assert not [each.id for each in read_po(language) if each.fuzzy]


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_translation_has_the_places_of_the_english_text(language: str) -> None:
    for (context, name), text in entries(language).items():
        if context == "amount":
            assert places(text) <= places(english(context, name)), name
        else:
            assert places(text) == places(english(context, name)), name


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_mo_is_built_from_the_po(language: str) -> None:
    mofile = pytest.importorskip("babel.messages.mofile", reason="the extra dev is not installed")
    with (TRANSLATIONS / language / "LC_MESSAGES" / "terminal.mo").open("rb") as file:
        built = mofile.read_mo(file)
    same = {(each.context, each.id): each.string for each in built if each.id} == entries(language)
    assert same, "run pybabel compile, as README.md beside the catalogues says"
    assert built.locale == read_po(language).locale


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_state_reason_code_and_hint_has_words(language: str) -> None:
    for state in State:
        assert texts.title(state, language)
        for reason in (*Code, *Reason):
            assert bool(texts.sentence(reason, state, language)) is (reason is not Code.PAID), "the title says it all"
    assert all(texts.hint_text(hint, language) for hint in Hint)
    assert set(texts.labels(language)) == set(texts.LABELS)
    assert texts.labels(language)["account_pad"] in ("letters", "digits")
    assert texts.tag(language).startswith(language)


def test_english_codes_and_amounts_are_what_the_program_says() -> None:
    for code in set(Code) - {Code.PAID}:
        assert texts.sentence(code, State.FAILED, "en") == code.message
    for fault in AmountFault:
        error = AmountError(fault, "EUR")
        assert texts.complaint(error, "en") == str(error)


def test_what_a_language_lacks_is_english() -> None:
    assert ("code", "paid") not in entries("zh")
    assert catalogues.catalogue_of("zh").pgettext("code", "paid") == Code.PAID.message
    with pytest.raises(KeyError):
        catalogues.catalogue_of("zh").pgettext("label", "nowhere")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Done \u2013 you can move", "Paid", "Ready for a payment", "Password", "Password"]),
        ("zh", ["拍摄完成", "付款成功", "请输入金额", "密码支付", "密码"]),
    ],
)
def test_the_words_at_the_till(language: str, expected: list[str]) -> None:
    titles = [texts.title(state, language) for state in (State.CAPTURED, State.PAID, State.IDLE)]
    assert [*titles, *(texts.label(name, language) for name in ("password", "password_field"))] == expected


@pytest.mark.parametrize(
    ("language", "amount", "comma", "account"),
    [
        (
            "en",
            "Check the amount (for example 12.50).",
            "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals.",
            "Check the account name.",
        ),
        (
            "zh",
            "请输入正确的金额\uff08如 12.50\uff09",
            "请按 1250 或 1250.00 的格式输入金额\uff1a不用逗号\uff0c最多 2 位小数。",
            "请输入账户",
        ),
    ],
)
def test_complaints_say_which_field_and_what_to_write(language: str, amount: str, comma: str, account: str) -> None:
    assert texts.complaint(AmountError(AmountFault.FORM, "EUR"), language) == amount
    assert texts.complaint(AmountError(AmountFault.DECIMALS, "EUR"), language) == comma
    assert texts.complaint(AccountError(), language) == account


def test_an_unresolved_payment_is_told_without_fright() -> None:
    said = [texts.sentence(Reason.UNRESOLVED, state, "en") for state in (State.OUT_OF_SERVICE, State.UNKNOWN)]
    assert said == ["We could not confirm the last payment. Please ask staff.", "Checking the last payment\u2026"]
