"""The state machine: every code has its state, every state is reached, nothing else moves. Covers M24, M28, M29."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, Retry, new_payment_id
from sealframe.terminal import states
from sealframe.terminal.states import MAX_TRIES, Choice, Reason, Situation, State, after

REQUEST = PaymentRequest(Action.PAY, new_payment_id(), "shop", 250, "EUR", "alice")
OPERATOR = {Code.UNKNOWN_DEVICE, Code.DEVICE_REVOKED, Code.VERSION_UNSUPPORTED}
CORRECTED = {Code.CLOCK_SKEW, Code.STALE_COUNTER}


def verifying(tries: int = 1) -> Situation:
    return Situation(State.VERIFYING, request=REQUEST, tries=tries)


def answered(code: Code) -> states.Answered:
    return states.Answered(PaymentAnswer(code, "0" * 64, 1_790_000_000_000))


def expected(code: Code) -> State:
    if code in (Code.PAID, Code.ALREADY_PAID):
        return State.PAID
    if code in (Code.CANCELLED, Code.EXPIRED):
        return State.CANCELLED
    if code in OPERATOR:
        return State.OUT_OF_SERVICE
    return State.RETRYING if code.retry is Retry.AUTO or code in CORRECTED else State.FAILED


@pytest.mark.parametrize("code", Code)
def test_every_code_of_the_server_has_its_state(code: Code) -> None:
    following = after(verifying(), answered(code))
    assert following.state is expected(code)
    assert following.reason is code
    assert following.screen == 1


@pytest.mark.parametrize("code", [code for code in Code if code.retry is Retry.AUTO])
def test_the_last_try_asks_the_person(code: Code) -> None:
    assert after(verifying(MAX_TRIES), answered(code)).state is State.FAILED


@pytest.mark.parametrize("code", sorted(CORRECTED))
def test_a_correction_helps_once(code: Code) -> None:
    once = after(verifying(), answered(code))
    again = after(after(after(once, states.Captured()), states.Sent()), answered(code))
    assert (once.state, again.state) == (State.RETRYING, State.FAILED)


@pytest.mark.parametrize("event", states._FROM)
def test_an_event_from_anywhere_else_is_refused(event: type) -> None:
    arguments = {
        states.Answered: (PaymentAnswer(Code.PAID, "0" * 64, 1),),
        states.Started: (REQUEST,),
        states.Unresolved: (REQUEST,),
    }
    takes_reason = {states.IsNotReady, states.CannotCapture, states.CancelledUnsent, states.CannotGoOn}
    made = event(*arguments.get(event, (Reason.FAULT,) if event in takes_reason else ()))
    for state in State:
        if state in states._FROM[event]:
            assert after(Situation(state, request=REQUEST), made).screen == 1
        else:
            with pytest.raises(states.IllegalMove):
                after(Situation(state, request=REQUEST), made)


def test_what_is_unknown_stays_uncharged_only_where_the_server_says_so() -> None:
    unknown = after(verifying(), states.NotAnswered())
    assert unknown.state is State.UNKNOWN
    assert unknown.choices == ()
    assert after(unknown, answered(Code.OPEN)).state is State.FAILED
    assert after(unknown, answered(Code.REJECTED)).state is State.OUT_OF_SERVICE
    stopping = after(verifying(), states.CancelWanted())
    assert after(stopping, answered(Code.UNKNOWN_PAYMENT)).state is State.CANCELLED
    assert after(stopping, answered(Code.REJECTED)).state is State.OUT_OF_SERVICE


def test_a_locked_face_leaves_the_password_and_both_locked_leave_cancel() -> None:
    locked = after(verifying(), answered(Code.FACE_LOCKED))
    assert locked.choices == (Choice.PASSWORD, Choice.CANCEL)
    sent = after(after(locked, states.PasswordChosen()), states.Sent())
    assert after(sent, answered(Code.PASSWORD_LOCKED)).choices == (Choice.CANCEL,)


def test_the_terminal_never_loads_the_servers_stack() -> None:
    code = (
        "import sys, pkgutil, importlib, sealframe.terminal as t\n"
        "for m in pkgutil.iter_modules(t.__path__): importlib.import_module('sealframe.terminal.' + m.name)\n"
        "bad = {'fastapi', 'sqlalchemy', 'uvicorn', 'argon2', 'alembic', 'prometheus_client', 'skimage', 'torch',\n"
        "       'sealframe.server'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
