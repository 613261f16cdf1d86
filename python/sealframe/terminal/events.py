"""What happens to a terminal: the events that lead from one screen to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest
    from sealframe.terminal.states import Reason


@dataclass(frozen=True, slots=True)
class BecameReady:
    """Server reached, networks loaded, nothing unresolved."""


@dataclass(frozen=True, slots=True)
class IsNotReady:
    """Something that is needed is missing; the terminal tries again by itself."""

    reason: Reason


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
    """A signed answer came. `asked`: what was sent."""

    answer: PaymentAnswer
    asked: Action


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No signed answer, however often the same bytes were sent."""


@dataclass(frozen=True, slots=True)
class NeverSent:
    """No connection to the server: nothing has left the terminal."""


@dataclass(frozen=True, slots=True)
class CannotCapture:
    """No camera, or no good picture in time."""

    reason: Reason


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

    reason: Reason


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
