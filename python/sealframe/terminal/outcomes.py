"""What follows an answer: a table, one row for every code of the server, one column for what the terminal waits for.

A code without a row is a fault of the program, and puts the terminal out of service: nothing is guessed about money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sealframe.payment_protocol import Action, Code, PaymentState
from sealframe.terminal.states import MAX_TRIES, Choice, Reason, State

if TYPE_CHECKING:
    from sealframe.payment_protocol import PaymentAnswer
    from sealframe.terminal.states import Situation


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer leads to.

    Parameters
    ----------
    state
        What is shown next.
    choices
        What the person may do there, unless an answer before has closed that way.
    reason
        Why it is shown; None where the code itself says why.
    captures_again
        The terminal takes another picture by itself.
    money_moved
        The payment is charged.
    once
        For captures: what was wrong is corrected now, so it can be wrong only once in a payment.
    asks
        The state stays, and this is asked of the server next.
    otherwise
        What it leads to when tries are used up, or the same was asked just now.
    """

    state: State
    choices: tuple[Choice, ...] = ()
    reason: Reason | None = None
    captures_again: bool = False
    money_moved: bool = False
    once: bool = False
    asks: Action | None = None
    otherwise: Outcome | None = None


class CodeOutcomes(NamedTuple):
    """The outcomes of one code, by what the terminal waits for."""

    verifying: Outcome
    """A picture or a password was sent."""
    unknown: Outcome
    """An answer was lost. Asked how the payment stands, or to cancel it, with a later counter than what was lost."""
    cancelling: Outcome
    """The same, of a payment that the person cancelled or left: nothing but its end is awaited."""


_PAID = Outcome(State.PAID, (Choice.DONE,), money_moved=True)
_PAID_TOO_SOON = replace(_PAID, reason=Reason.TOO_LATE)
_CANCELLED = Outcome(State.CANCELLED, (Choice.DONE,))
_OUT_OF_SERVICE = Outcome(State.OUT_OF_SERVICE)
_UNCLEAR = Outcome(State.OUT_OF_SERVICE, reason=Reason.UNRESOLVED)
_ASK = Outcome(State.FAILED, (Choice.FACE, Choice.PASSWORD, Choice.CANCEL))
_ONLY_PASSWORD = Outcome(State.FAILED, (Choice.PASSWORD, Choice.CANCEL))
_ONLY_FACE = Outcome(State.FAILED, (Choice.FACE, Choice.CANCEL))
_ONLY_CANCEL = Outcome(State.FAILED, (Choice.CANCEL,))
_NOT_CHARGED = replace(_ASK, reason=Reason.NO_ANSWER)
_CAPTURE = Outcome(State.RETRYING, (Choice.CANCEL,), captures_again=True, otherwise=_ASK)
_CORRECT = replace(_CAPTURE, once=True)
_CANCEL = Outcome(State.UNKNOWN, asks=Action.CANCEL)
_CANCEL_ONCE = replace(_CANCEL, otherwise=_UNCLEAR)
_STATUS_ONCE = Outcome(State.UNKNOWN, asks=Action.STATUS, otherwise=_UNCLEAR)

OUTCOMES: dict[Code, CodeOutcomes] = {
    # code: while verifying, unknown, cancelling
    Code.PAID: CodeOutcomes(_PAID, _PAID, _PAID),
    Code.ALREADY_PAID: CodeOutcomes(_PAID, _PAID, _PAID_TOO_SOON),
    Code.OPEN: CodeOutcomes(_ASK, _NOT_CHARGED, _CANCEL_ONCE),
    Code.CANCELLED: CodeOutcomes(_CANCELLED, _CANCELLED, _CANCELLED),
    Code.EXPIRED: CodeOutcomes(_CANCELLED, _CANCELLED, _CANCELLED),
    Code.UNKNOWN_PAYMENT: CodeOutcomes(_ONLY_CANCEL, _NOT_CHARGED, _CANCELLED),
    Code.NO_FACE: CodeOutcomes(_CAPTURE, _UNCLEAR, _UNCLEAR),
    Code.MULTIPLE_FACES: CodeOutcomes(_CAPTURE, _UNCLEAR, _UNCLEAR),
    Code.LOW_QUALITY: CodeOutcomes(_CAPTURE, _UNCLEAR, _UNCLEAR),
    Code.SERVER_BUSY: CodeOutcomes(_CAPTURE, _CANCEL, _CANCEL),
    Code.FACE_MISMATCH: CodeOutcomes(_ASK, _UNCLEAR, _UNCLEAR),
    Code.SPOOF_SUSPECTED: CodeOutcomes(_ASK, _UNCLEAR, _UNCLEAR),
    Code.WRONG_PASSWORD: CodeOutcomes(_ASK, _UNCLEAR, _UNCLEAR),
    Code.INSUFFICIENT_FUNDS: CodeOutcomes(_ONLY_CANCEL, _UNCLEAR, _UNCLEAR),
    Code.FACE_LOCKED: CodeOutcomes(_ONLY_PASSWORD, _UNCLEAR, _UNCLEAR),
    Code.PASSWORD_LOCKED: CodeOutcomes(_ONLY_FACE, _UNCLEAR, _UNCLEAR),
    Code.LIMIT_EXCEEDED: CodeOutcomes(_ONLY_CANCEL, _UNCLEAR, _UNCLEAR),
    Code.UNKNOWN_DEVICE: CodeOutcomes(_OUT_OF_SERVICE, _OUT_OF_SERVICE, _OUT_OF_SERVICE),
    Code.DEVICE_REVOKED: CodeOutcomes(_OUT_OF_SERVICE, _OUT_OF_SERVICE, _OUT_OF_SERVICE),
    Code.REJECTED: CodeOutcomes(_ONLY_CANCEL, _STATUS_ONCE, _STATUS_ONCE),
    Code.STALE_COUNTER: CodeOutcomes(_CORRECT, _CANCEL, _CANCEL),
    Code.CLOCK_SKEW: CodeOutcomes(_CORRECT, _CANCEL, _CANCEL),
    Code.VERSION_UNSUPPORTED: CodeOutcomes(_OUT_OF_SERVICE, _OUT_OF_SERVICE, _OUT_OF_SERVICE),
    Code.TOO_LARGE: CodeOutcomes(_ONLY_CANCEL, _UNCLEAR, _UNCLEAR),
}

CODES_OF_STATE: dict[PaymentState, frozenset[Code]] = {
    PaymentState.OPEN: frozenset(Code)
    - {Code.PAID, Code.ALREADY_PAID, Code.CANCELLED, Code.EXPIRED, Code.UNKNOWN_PAYMENT},
    PaymentState.POSTED: frozenset({Code.PAID, Code.ALREADY_PAID}),
    PaymentState.CANCELLED: frozenset({Code.CANCELLED}),
    PaymentState.EXPIRED: frozenset({Code.EXPIRED}),
}
"""The codes that may come with each state of a payment. A code that moved money comes with `posted`, and no other."""


def outcome_of(now: Situation, code: Code, asked: Action) -> Outcome:
    """What an answer leads to.

    Parameters
    ----------
    now
        The situation in which it arrives: verifying or unknown.
    code
        What the server said.
    asked
        What the server was asked.

    Raises
    ------
    KeyError
        For a code that has no row.
    """
    outcome = _column_of(now, OUTCOMES[code])
    if outcome.otherwise is None or _is_possible(outcome, now, code, asked):
        return outcome
    return outcome.otherwise


def contradicts_itself(answer: PaymentAnswer) -> bool:
    """Whether code and state of the payment cannot both be true."""
    if answer.state is None:
        return OUTCOMES[answer.code].verifying.money_moved
    return answer.code not in CODES_OF_STATE[answer.state]


def _column_of(now: Situation, row: CodeOutcomes) -> Outcome:
    if now.state is not State.UNKNOWN:
        return row.verifying
    return row.cancelling if now.stopping else row.unknown


def _is_possible(outcome: Outcome, now: Situation, code: Code, asked: Action) -> bool:
    if not outcome.captures_again:
        return outcome.asks is not asked
    if outcome.once:
        return now.tries > 0 and code not in now.corrections
    return 0 < now.tries < MAX_TRIES
