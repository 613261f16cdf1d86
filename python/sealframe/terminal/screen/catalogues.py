"""The catalogues of the screens' words: one folder for each language, found by looking.

`translations/<language>/LC_MESSAGES/terminal.mo` is what gettext reads, `terminal.po` beside it what people write. A
text is found by its context and its name; what a language lacks is English.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import TYPE_CHECKING

from sealframe.money import AmountFault
from sealframe.payment_protocol import Code

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENGLISH = "en"
DOMAIN = "terminal"
_MESSAGES: dict[str, type[Code | AmountFault]] = {"code": Code, "amount": AmountFault}
"""Contexts whose English is the message of each member."""


def languages() -> tuple[str, ...]:
    """The languages that have a catalogue, in the order of their codes."""
    return tuple(sorted(each.name for each in _translations().iterdir() if _file_of(each.name).is_file()))


@cache
def catalogue_of(language: str) -> NullTranslations:
    """The texts of a language.

    Parameters
    ----------
    language
        One of `languages()`.

    Returns
    -------
    gettext.NullTranslations
        Whose `pgettext(context, name)` gives a text, in English where the language has none.

    Raises
    ------
    OSError
        For a language without a catalogue.
    """
    with _file_of(language).open("rb") as file:
        catalogue = GNUTranslations(file)
    catalogue.add_fallback(_Messages() if language == ENGLISH else catalogue_of(ENGLISH))
    return catalogue


def tag_of(language: str) -> str:
    """The language as browsers name it, with its region: en-GB, zh-CN."""
    return catalogue_of(language).info().get("language", language).replace("_", "-")


class _Messages(NullTranslations):
    """The English sentences that stand in the program: the server's codes, and what is wrong with an amount."""

    def pgettext(self, context: str, message: str) -> str:
        return _MESSAGES[context](message).message


def _translations() -> Traversable:
    return files(__package__) / "translations"


def _file_of(language: str) -> Traversable:
    return _translations() / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
