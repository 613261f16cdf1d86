"""Which text stands for what on the screens; the texts themselves are in the catalogues of the languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.money import AmountError
from sealframe.payment_protocol import Code
from sealframe.terminal.screen import catalogues
from sealframe.terminal.states import Reason, State

if TYPE_CHECKING:
    from sealframe.terminal.camera.quality import Hint
    from sealframe.terminal.entry import AccountError

LANGUAGES = catalogues.languages()
LABELS = (
    "account",
    "account_pad",
    "account_unclear",
    "amount",
    "camera",
    "cancel",
    "closed",
    "closed_why",
    "confirm",
    "delete",
    "digits",
    "done",
    "enter_key",
    "enter_line",
    "face",
    "language",
    "left",
    "letters",
    "lost",
    "lost_why",
    "password",
    "password_field",
    "password_line",
    "pay",
    "payee",
    "reference",
    "shift",
    "stopping",
    "test",
    "time",
    "try",
)
"""The names of the fixed texts."""
CANCELLING = "cancelling"
"""The title of what is unknown because the person cancelled it."""
WAITING = frozenset({Reason.NO_SERVER, Reason.NO_ANSWER, Reason.UNRESOLVED, Reason.BY_PERSON})
"""Reasons that read otherwise while the terminal still works on them."""
_WORKING = frozenset({State.NOT_READY, State.UNKNOWN, State.VERIFYING})


def labels(language: str) -> dict[str, str]:
    """Every fixed text, unfilled: {tries}, {most} and {left} stand where numbers go."""
    return {name: _text("label", name, language) for name in LABELS}


def label(name: str, language: str, **values: object) -> str:
    """A fixed text of the screens."""
    return _text("label", name, language).format(**values)


def title(state: State, language: str, reason: Code | Reason | None = None) -> str:
    """What a state is called on the screen."""
    is_cancelling = state is State.UNKNOWN and reason is Reason.BY_PERSON
    return _text("state", CANCELLING if is_cancelling else state, language)


def hint_text(hint: Hint, language: str) -> str:
    """What the person can do about the picture."""
    return _text("hint", hint, language)


def sentence(reason: Code | Reason | None, state: State, language: str) -> str:
    """Why: one sentence for the person; empty where the title says it all."""
    if reason is None or reason is Code.PAID:
        return ""
    if isinstance(reason, Code):
        return _text("code", reason, language)
    return _text("waiting" if state in _WORKING and reason in WAITING else "reason", reason, language)


def complaint(error: AmountError | AccountError, language: str) -> str:
    """What is wrong with what was typed, and how to write it."""
    if isinstance(error, AmountError):
        return _text("amount", error.fault, language).format_map(error.examples)
    return _text("label", "account_unclear", language)


def tag(language: str) -> str:
    """The language as browsers name it: en-GB, zh-CN."""
    return catalogues.tag_of(language)


def _text(context: str, name: str, language: str) -> str:
    return catalogues.catalogue_of(language).pgettext(context, name)
