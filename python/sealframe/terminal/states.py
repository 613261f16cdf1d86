"""What the terminal shows, and what may follow: a pure state machine.

    not_ready ─► idle ─► ready ─► captured ─► verifying ─► paid
                           ▲                      ├──────► retrying ─► captured ...
                           ├── failed ◄───────────┤
                           │     └─► password ────┤
                           │                      ├──────► unknown ─► paid | cancelled | failed
                           └──────────────────────┴──────► cancelled, out_of_service

Whoever cancels while something may have left sees `unknown` at once, until the server says which of the two it was.
`after` gives the next situation for an event, or raises IllegalMove; it touches nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from sealframe.payment_protocol import Code, PaymentAnswer, PaymentRequest, Retry

MAX_TRIES = 5
"""Captures sent by themselves before a person is asked, and faces that may not match."""


class State(StrEnum):
    """What stands on the screen."""

    NOT_READY = "not_ready"
    IDLE = "idle"
    READY = "ready"
    CAPTURED = "captured"
    VERIFYING = "verifying"
    RETRYING = "retrying"
    FAILED = "failed"
    PASSWORD = "password"  # noqa: S105  (a state)
    PAID = "paid"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    OUT_OF_SERVICE = "out_of_service"


class Reason(StrEnum):
    """Why, where the terminal itself knows it; what the server says is a `Code`."""

    STARTING = "starting"
    NO_SERVER = "no_server"
    NO_CAMERA = "no_camera"
    CAMERA_DENIED = "camera_denied"
    NO_GOOD_PICTURE = "no_good_picture"
    NO_ANSWER = "no_answer"
    UNRESOLVED = "unresolved"
    BY_PERSON = "by_person"
    TOO_LATE = "too_late"
    ABANDONED = "abandoned"
    FAULT = "fault"


class Choice(StrEnum):
    """What a person may do now."""

    FACE = "face"
    PASSWORD = "password"  # noqa: S105  (a choice)
    CANCEL = "cancel"
    DONE = "done"


class IllegalMove(Exception):
    """An event that cannot happen in this situation: a fault of the program."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a screen needs to know.

    screen: increases with every change, so that a late click is recognised. tries: captures of this round sent,
    0..5. attempts_left: faces or passwords the server still allows. stopping: the person wants to cancel, or was there
    in an earlier run; nothing but an end is awaited.
    """

    state: State = State.NOT_READY
    screen: int = 0
    request: PaymentRequest | None = None
    reason: Code | Reason | None = Reason.STARTING
    tries: int = 0
    attempts_left: int | None = None
    choices: tuple[Choice, ...] = ()
    reference: str | None = None
    corrections: frozenset[Code] = frozenset()
    disabled_choices: frozenset[Choice] = frozenset()
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class BecameReady:
    """Server reached, networks loaded, nothing unresolved."""


@dataclass(frozen=True, slots=True)
class IsNotReady:
    """Something that is needed is missing; the terminal tries again by itself."""

    trouble: Reason


@dataclass(frozen=True, slots=True)
class Started:
    """An amount was entered."""

    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class Captured:
    """A good frame was taken: the person may move."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The envelope is on its way."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A signed answer came."""

    answer: PaymentAnswer


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No signed answer, however often the same bytes were sent."""


@dataclass(frozen=True, slots=True)
class NeverSent:
    """No connection to the server: nothing has left the terminal."""


@dataclass(frozen=True, slots=True)
class CannotCapture:
    """No camera, or no good picture in time."""

    trouble: Reason


@dataclass(frozen=True, slots=True)
class FaceChosen:
    """Face again."""


@dataclass(frozen=True, slots=True)
class PasswordChosen:
    """Pay by password."""


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """The person, or time, ends the payment; something was sent, so only the server knows whether it charged."""


@dataclass(frozen=True, slots=True)
class CancelledUnsent:
    """The payment ends before anything was sent."""

    trouble: Reason


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A payment of an earlier run has no answer yet."""

    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class Closed:
    """The receipt was read."""


@dataclass(frozen=True, slots=True)
class CannotGoOn:
    """Only an operator can help."""

    reason: Code | Reason


Event = (
    BecameReady
    | IsNotReady
    | Started
    | Captured
    | Sent
    | Answered
    | NotAnswered
    | NeverSent
    | CannotCapture
    | FaceChosen
    | PasswordChosen
    | CancelWanted
    | CancelledUnsent
    | Unresolved
    | Closed
    | CannotGoOn
)

PAYING = frozenset({State.READY, State.RETRYING, State.CAPTURED, State.VERIFYING, State.FAILED, State.PASSWORD})
"""A payment is under way, and may be cancelled."""
ENDED = frozenset({State.PAID, State.CANCELLED})
"""The payment is resolved; the screen waits to be closed."""

_FROM: dict[type, frozenset[State]] = {
    BecameReady: frozenset({State.NOT_READY}),
    IsNotReady: frozenset({State.NOT_READY}),
    Started: frozenset({State.IDLE}),
    Captured: frozenset({State.READY, State.RETRYING}),
    Sent: frozenset({State.CAPTURED, State.PASSWORD}),
    Answered: frozenset({State.VERIFYING, State.UNKNOWN}),
    NotAnswered: frozenset({State.VERIFYING, State.UNKNOWN}),
    NeverSent: frozenset({State.VERIFYING}),
    CannotCapture: frozenset({State.READY, State.RETRYING}),
    FaceChosen: frozenset({State.FAILED}),
    PasswordChosen: frozenset({State.FAILED}),
    CancelWanted: PAYING,
    CancelledUnsent: PAYING,
    Unresolved: frozenset({State.NOT_READY, State.PAID, State.CANCELLED}),
    Closed: frozenset({State.PAID, State.CANCELLED}),
    CannotGoOn: frozenset(State),
}
_OPERATOR = {Code.UNKNOWN_DEVICE, Code.DEVICE_REVOKED, Code.VERSION_UNSUPPORTED}
_CORRECTABLE = {Code.CLOCK_SKEW, Code.STALE_COUNTER}
_CLOSED = {Code.CANCELLED, Code.EXPIRED}
_NOT_CHARGED = {Code.OPEN, Code.UNKNOWN_PAYMENT}
"""The question spent a later counter than what was lost, so that can no longer charge. A payment that the server never
opened has nothing to cancel either."""
_DEAD_ENDS = {Code.INSUFFICIENT_FUNDS, Code.LIMIT_EXCEEDED, Code.REJECTED, Code.TOO_LARGE, Code.UNKNOWN_PAYMENT}
"""Neither another picture nor a password changes these."""


def after(now: Situation, event: Event) -> Situation:
    """The situation that follows. Raises IllegalMove."""
    if now.state not in _FROM[type(event)]:
        raise IllegalMove(f"{type(event).__name__} in {now.state}")
    following = _follow(now, event)
    return replace(following, screen=now.screen + 1)


def _follow(now: Situation, event: Event) -> Situation:
    match event:
        case BecameReady() | Closed():
            return Situation(State.IDLE, reason=None)
        case IsNotReady(trouble):
            return Situation(reason=trouble)
        case Started(request):
            return Situation(State.READY, request=request, reason=None, choices=(Choice.CANCEL,))
        case Captured():
            return replace(now, state=State.CAPTURED, tries=now.tries + 1, reason=None)
        case Sent():
            tries = 0 if now.state is State.PASSWORD else now.tries
            return replace(now, state=State.VERIFYING, tries=tries, choices=(Choice.CANCEL,), reason=None)
        case Answered(answer):
            return _after_answer(now, answer)
        case NotAnswered():
            return replace(now, state=State.UNKNOWN, reason=Reason.NO_ANSWER, choices=())
        case NeverSent():
            return _failed(now, Reason.NO_SERVER)
        case CannotCapture(trouble):
            return _failed(now, trouble)
        case FaceChosen():
            return replace(now, state=State.READY, reason=None, tries=0, choices=(Choice.CANCEL,))
        case PasswordChosen():
            return replace(now, state=State.PASSWORD, reason=None, choices=(Choice.PASSWORD, Choice.CANCEL))
        case CancelWanted():
            return replace(now, state=State.UNKNOWN, reason=Reason.BY_PERSON, stopping=True, choices=())
        case CancelledUnsent(trouble):
            return replace(now, state=State.CANCELLED, reason=trouble, choices=(Choice.DONE,))
        case Unresolved(request):
            return Situation(State.UNKNOWN, request=request, reason=Reason.UNRESOLVED, stopping=True)
        case CannotGoOn(reason):
            return replace(now, state=State.OUT_OF_SERVICE, reason=reason, choices=())


def _after_answer(now: Situation, answer: PaymentAnswer) -> Situation:
    code = answer.code
    now = replace(now, attempts_left=answer.attempts_left)
    if code in (Code.PAID, Code.ALREADY_PAID):
        reason = Reason.TOO_LATE if now.stopping and code is Code.ALREADY_PAID else code
        return replace(now, state=State.PAID, reason=reason, reference=answer.reference, choices=(Choice.DONE,))
    if code in _OPERATOR:
        return replace(now, state=State.OUT_OF_SERVICE, reason=code, choices=())
    if code in _CLOSED or (now.stopping and code is Code.UNKNOWN_PAYMENT):
        return replace(now, state=State.CANCELLED, reason=code, choices=(Choice.DONE,))
    if now.state is State.UNKNOWN and code in _NOT_CHARGED:
        return _failed(now, Reason.NO_ANSWER)
    if now.state is State.UNKNOWN or now.stopping:
        return replace(now, state=State.OUT_OF_SERVICE, reason=Reason.UNRESOLVED, choices=())
    if code in _CORRECTABLE:
        again = code not in now.corrections and now.tries > 0
        corrected = replace(now, corrections=now.corrections | {code})
        return _retrying(corrected, code) if again else _failed(corrected, code)
    if code.retry is Retry.AUTO and 0 < now.tries < MAX_TRIES:
        return _retrying(now, code)
    return _failed(now, code)


def _retrying(now: Situation, code: Code) -> Situation:
    return replace(now, state=State.RETRYING, reason=code, choices=(Choice.CANCEL,))


def _failed(now: Situation, reason: Code | Reason) -> Situation:
    closed = now.disabled_choices
    if reason in _DEAD_ENDS:
        closed |= {Choice.FACE, Choice.PASSWORD}
    elif reason is Code.FACE_LOCKED:
        closed |= {Choice.FACE}
    elif reason is Code.PASSWORD_LOCKED:
        closed |= {Choice.PASSWORD}
    choices = tuple(way for way in (Choice.FACE, Choice.PASSWORD, Choice.CANCEL) if way not in closed)
    return replace(now, state=State.FAILED, reason=reason, choices=choices, disabled_choices=closed)
