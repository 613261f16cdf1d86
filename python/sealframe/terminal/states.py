"""What the terminal shows: the states of its screen, the reasons, the choices.

    not_ready ─► idle ─► ready ─► captured ─► verifying ─► paid
                           ▲                      ├──────► retrying ─► captured ...
                           ├── failed ◄───────────┤
                           │     └─► password ────┤
                           │                      ├──────► unknown ─► paid | cancelled | failed
                           └──────────────────────┴──────► cancelled, out_of_service

Whoever cancels while something may have left sees `unknown` at once, until the server says which of the two it was.
What leads from one to the next stands in `transitions`, what follows an answer in `outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealframe.payment_protocol import Code, PaymentRequest

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


PAYING = frozenset({State.READY, State.RETRYING, State.CAPTURED, State.VERIFYING, State.FAILED, State.PASSWORD})
"""A payment is under way, and may be cancelled."""
CAPTURING = frozenset({State.READY, State.RETRYING})
"""The camera is on, and a good frame is awaited."""
ENDED = frozenset({State.PAID, State.CANCELLED})
"""The payment is resolved; the screen waits to be closed."""
