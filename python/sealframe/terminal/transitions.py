"""What may follow on the screen: a pure state machine, which touches nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sealframe.terminal.events import (
    Answered,
    BecameReady,
    CancelledUnsent,
    CancelWanted,
    CannotCapture,
    CannotGoOn,
    Captured,
    Closed,
    FaceChosen,
    IsNotReady,
    NeverSent,
    NotAnswered,
    PasswordChosen,
    Sent,
    Started,
    Unresolved,
)
from sealframe.terminal.outcomes import outcome_of
from sealframe.terminal.states import CAPTURING, ENDED, PAYING, Choice, Reason, Situation, State

if TYPE_CHECKING:
    from sealframe.terminal.events import Event


class IllegalMove(Exception):
    """An event that cannot happen in this situation: a fault of the program."""


ORIGINS: dict[type, frozenset[State]] = {
    BecameReady: frozenset({State.NOT_READY}),
    IsNotReady: frozenset({State.NOT_READY}),
    Started: frozenset({State.IDLE}),
    Captured: CAPTURING,
    Sent: frozenset({State.CAPTURED, State.PASSWORD}),
    Answered: frozenset({State.VERIFYING, State.UNKNOWN}),
    NotAnswered: frozenset({State.VERIFYING, State.UNKNOWN}),
    NeverSent: frozenset({State.VERIFYING}),
    CannotCapture: CAPTURING,
    FaceChosen: frozenset({State.FAILED}),
    PasswordChosen: frozenset({State.FAILED}),
    CancelWanted: PAYING,
    CancelledUnsent: PAYING,
    Unresolved: frozenset({State.NOT_READY}) | ENDED,
    Closed: ENDED,
    CannotGoOn: frozenset(State),
}
"""The states in which each event can happen."""
_WAYS = (Choice.FACE, Choice.PASSWORD, Choice.CANCEL)


def after(now: Situation, event: Event) -> Situation:
    """The situation that follows.

    Parameters
    ----------
    now
        The situation in which the event happens.
    event
        What happens.

    Returns
    -------
    Situation
        With the next screen's number.

    Raises
    ------
    IllegalMove
        For an event that cannot happen in this state.
    """
    if now.state not in ORIGINS[type(event)]:
        raise IllegalMove(f"{type(event).__name__} in {now.state}")
    return replace(_follow(now, event), screen=now.screen + 1)


def _follow(now: Situation, event: Event) -> Situation:
    match event:
        case BecameReady() | Closed():
            return Situation(State.IDLE, reason=None)
        case IsNotReady(reason):
            return Situation(reason=reason)
        case Started(request):
            return Situation(State.READY, request=request, reason=None, choices=(Choice.CANCEL,))
        case Captured():
            return replace(now, state=State.CAPTURED, tries=now.tries + 1, reason=None)
        case Sent():
            tries = 0 if now.state is State.PASSWORD else now.tries
            return replace(now, state=State.VERIFYING, tries=tries, choices=(Choice.CANCEL,), reason=None)
        case Answered():
            return _after_answer(now, event)
        case NotAnswered():
            return replace(now, state=State.UNKNOWN, reason=Reason.NO_ANSWER, choices=())
        case NeverSent():
            return _offer(replace(now, state=State.FAILED, reason=Reason.NO_SERVER), _WAYS)
        case CannotCapture(reason):
            return _offer(replace(now, state=State.FAILED, reason=reason), _WAYS)
        case FaceChosen():
            return replace(now, state=State.READY, reason=None, tries=0, choices=(Choice.CANCEL,))
        case PasswordChosen():
            return replace(now, state=State.PASSWORD, reason=None, choices=(Choice.PASSWORD, Choice.CANCEL))
        case CancelWanted():
            return replace(now, state=State.UNKNOWN, reason=Reason.BY_PERSON, stopping=True, choices=())
        case CancelledUnsent(reason):
            return replace(now, state=State.CANCELLED, reason=reason, choices=(Choice.DONE,))
        case Unresolved(request):
            return Situation(State.UNKNOWN, request=request, reason=Reason.UNRESOLVED, stopping=True)
        case CannotGoOn(reason):
            return replace(now, state=State.OUT_OF_SERVICE, reason=reason, choices=())


def _after_answer(now: Situation, event: Answered) -> Situation:
    """The table's outcome, for this payment: what was corrected, and which ways are closed, goes on with it."""
    answer = event.answer
    outcome = outcome_of(now, answer.code, event.asked)
    now = replace(now, attempts_left=answer.attempts_left)
    if outcome.asks is not None:
        return now
    following = replace(
        now,
        state=outcome.state,
        reason=outcome.reason or answer.code,
        reference=answer.reference if outcome.money_moved else None,
        corrections=now.corrections | ({answer.code} if outcome.once else frozenset()),
    )
    return _offer(following, outcome.choices)


def _offer(now: Situation, choices: tuple[Choice, ...]) -> Situation:
    """These choices, without the ways to pay that are closed; what is no longer among them stays closed."""
    if now.state is not State.FAILED:
        return replace(now, choices=choices)
    closed = now.disabled_choices | ({Choice.FACE, Choice.PASSWORD} - set(choices))
    return replace(now, choices=tuple(way for way in choices if way not in closed), disabled_choices=closed)
