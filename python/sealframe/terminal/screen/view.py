"""A situation as the page shows it: plain values and, in every language, the sentences that go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealframe.money import format_amount
from sealframe.terminal.screen import texts
from sealframe.terminal.states import CAPTURING, MAX_TRIES, State

if TYPE_CHECKING:
    from sealframe.terminal.camera.quality import Hint
    from sealframe.terminal.states import Situation


def view_of(now: Situation, hint: Hint) -> dict[str, Any]:
    """What the page needs to draw `now`; values for JSON. Nothing secret is in it."""
    request = now.request
    return {
        "state": now.state,
        "screen": now.screen,
        "tries": now.tries,
        "most": MAX_TRIES,
        "left": now.attempts_left if now.state is State.FAILED else None,
        "choices": list(now.choices),
        "stopping": now.stopping,
        "reference": now.reference,
        "payment_id": request.payment_id if request else None,
        "payee": request.payee if request else None,
        "account": request.account if request else None,
        "amount": format_amount(request.amount, request.currency) if request else None,
        "currency": request.currency if request else None,
        "texts": {language: _texts(now, hint, language) for language in texts.LANGUAGES},
    }


def _texts(now: Situation, hint: Hint, language: str) -> dict[str, str]:
    return {
        "title": texts.title(now.state, language, now.reason),
        "why": texts.sentence(now.reason, now.state, language),
        "hint": texts.hint_text(hint, language) if now.state in CAPTURING else "",
    }
