"""The state machine: every code has its row, every state is reached, nothing else moves. Covers M24, M28, M29."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import pytest

from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, PaymentState, Retry, new_payment_id
from sealframe.terminal import events
from sealframe.terminal.outcomes import CODES_OF_STATE, OUTCOMES, Outcome, contradicts_itself, outcome_of
from sealframe.terminal.states import ENDED, MAX_TRIES, Choice, Reason, Situation, State
from sealframe.terminal.transitions import ORIGINS, IllegalMove, after

REQUEST = PaymentRequest(Action.PAY, new_payment_id(), "shop", 250, "EUR", "alice")
CORRECTED = {Code.CLOCK_SKEW, Code.STALE_COUNTER}
CHARGED = {Code.PAID, Code.ALREADY_PAID}
CLOSED = {Code.CANCELLED, Code.EXPIRED}
OPERATOR = {Code.UNKNOWN_DEVICE, Code.DEVICE_REVOKED, Code.VERSION_UNSUPPORTED}
AWAITING = (State.VERIFYING, State.UNKNOWN)


def verifying(tries: int = 1) -> Situation:
    return Situation(State.VERIFYING, request=REQUEST, tries=tries)


def unknown(*, stopping: bool) -> Situation:
    return Situation(State.UNKNOWN, request=REQUEST, tries=1, stopping=stopping, reason=Reason.NO_ANSWER)


def answer(code: Code, state: PaymentState | None = None) -> PaymentAnswer:
    return PaymentAnswer(code, "0" * 64, 1_790_000_000_000, state=state, reference="0123456789AB")


def answered(code: Code, asked: Action = Action.PAY) -> events.Answered:
    return events.Answered(answer(code), asked)


def expected_of_a_capture(code: Code) -> State:
    if code in CHARGED:
        return State.PAID
    if code in CLOSED:
        return State.CANCELLED
    if code in OPERATOR:
        return State.OUT_OF_SERVICE
    return State.RETRYING if code.retry is Retry.AUTO or code in CORRECTED else State.FAILED


# The table


@pytest.mark.parametrize(("code", "state"), list(product(Code, State)))
def test_every_code_in_every_state_has_its_row(code: Code, state: State) -> None:
    assert code in OUTCOMES, f"{code} has no row: say in OUTCOMES what follows it"
    for stopping, asked in product((False, True), (Action.PAY, Action.STATUS, Action.CANCEL)):
        now = Situation(state, request=REQUEST, tries=1, stopping=stopping)
        if state not in AWAITING:
            with pytest.raises(IllegalMove):
                after(now, answered(code, asked))
            continue
        outcome = outcome_of(now, code, asked)
        following = after(now, answered(code, asked))
        if outcome.asks is not None:
            assert (following.state, following.reason) == (State.UNKNOWN, now.reason)
            continue
        assert following.state is outcome.state
        assert following.reason is (outcome.reason or code)
        assert following.choices == outcome.choices
        assert (following.reference is not None) is outcome.money_moved


@pytest.mark.parametrize("state", PaymentState)
def test_every_state_of_a_payment_has_its_codes(state: PaymentState) -> None:
    assert state in CODES_OF_STATE, f"{state} has no row: say in CODES_OF_STATE which codes may come with it"
    for code in CODES_OF_STATE[state]:
        assert not contradicts_itself(answer(code, state))
        for outcome in OUTCOMES[code]:
            assert outcome.money_moved is (state is PaymentState.POSTED)


@pytest.mark.parametrize(("code", "state"), list(product(Code, PaymentState)))
def test_a_code_that_does_not_fit_the_payments_state_is_no_answer(code: Code, state: PaymentState) -> None:
    charged, closed = code in CHARGED, {Code.CANCELLED: PaymentState.CANCELLED, Code.EXPIRED: PaymentState.EXPIRED}
    stated = PaymentState.POSTED if charged else closed.get(code, PaymentState.OPEN)
    fits = state is stated and code is not Code.UNKNOWN_PAYMENT
    assert contradicts_itself(answer(code, state)) is not fits
    assert contradicts_itself(answer(code)) is charged


def test_the_tables_name_nothing_else() -> None:
    assert set(OUTCOMES) == set(Code)
    assert set(CODES_OF_STATE) == set(PaymentState)
    assert {code for code, row in OUTCOMES.items() if row.verifying.money_moved} == CHARGED


def every_outcome() -> list[Outcome]:
    rows = [outcome for row in OUTCOMES.values() for outcome in row]
    return rows + [outcome.otherwise for outcome in rows if outcome.otherwise is not None]


@pytest.mark.parametrize("outcome", every_outcome())
def test_every_outcome_leaves_a_way_on(outcome: Outcome) -> None:
    ways = {
        State.PAID: {Choice.DONE},
        State.CANCELLED: {Choice.DONE},
        State.RETRYING: {Choice.CANCEL},
        State.OUT_OF_SERVICE: set(),
        State.UNKNOWN: set(),
    }
    if outcome.state is State.FAILED:
        assert Choice.CANCEL in outcome.choices
        assert Choice.DONE not in outcome.choices
    else:
        assert set(outcome.choices) == ways[outcome.state]
    assert outcome.captures_again is (outcome.state is State.RETRYING)
    assert outcome.money_moved is (outcome.state is State.PAID)
    assert (outcome.asks is not None) is (outcome.state is State.UNKNOWN)


@pytest.mark.parametrize(("code", "stopping"), list(product(Code, (False, True))))
def test_of_what_is_unknown_nothing_is_captured_and_no_end_is_guessed(code: Code, stopping: bool) -> None:
    outcome = OUTCOMES[code].cancelling if stopping else OUTCOMES[code].unknown
    assert not outcome.captures_again
    if outcome.state is State.CANCELLED:
        assert code in CLOSED | {Code.UNKNOWN_PAYMENT}
    if outcome.state is State.FAILED:
        assert (code in {Code.OPEN, Code.UNKNOWN_PAYMENT}, stopping) == (True, False)
        assert outcome.reason is Reason.NO_ANSWER


# What follows


@pytest.mark.parametrize("code", Code)
def test_every_code_of_the_server_has_its_state(code: Code) -> None:
    following = after(verifying(), answered(code))
    assert following.state is expected_of_a_capture(code)
    assert following.reason is code
    assert following.screen == 1


@pytest.mark.parametrize("code", [code for code in Code if code.retry is Retry.AUTO])
def test_the_last_try_asks_the_person(code: Code) -> None:
    assert after(verifying(MAX_TRIES - 1), answered(code)).state is State.RETRYING
    assert after(verifying(MAX_TRIES), answered(code)).state is State.FAILED
    assert after(verifying(tries=0), answered(code)).state is State.FAILED, "a password is typed, not captured again"


@pytest.mark.parametrize("code", sorted(CORRECTED))
def test_a_correction_helps_once(code: Code) -> None:
    once = after(verifying(), answered(code))
    again = after(after(after(once, events.Captured()), events.Sent()), answered(code))
    assert (once.state, again.state) == (State.RETRYING, State.FAILED)


@pytest.mark.parametrize("event", ORIGINS)
def test_an_event_from_anywhere_else_is_refused(event: type) -> None:
    arguments = {
        events.Answered: (answer(Code.PAID), Action.PAY),
        events.Started: (REQUEST,),
        events.Unresolved: (REQUEST,),
    }
    takes_reason = {events.IsNotReady, events.CannotCapture, events.CancelledUnsent, events.CannotGoOn}
    made = event(*arguments.get(event, (Reason.FAULT,) if event in takes_reason else ()))
    for state in State:
        if state in ORIGINS[event]:
            assert after(Situation(state, request=REQUEST), made).screen == 1
        else:
            with pytest.raises(IllegalMove):
                after(Situation(state, request=REQUEST), made)


def test_what_is_unknown_stays_uncharged_only_where_the_server_says_so() -> None:
    lost = after(verifying(), events.NotAnswered())
    assert lost.state is State.UNKNOWN
    assert lost.choices == ()
    assert after(lost, answered(Code.OPEN, Action.STATUS)).state is State.FAILED
    assert after(lost, answered(Code.REJECTED, Action.STATUS)).state is State.OUT_OF_SERVICE
    stopping = after(verifying(), events.CancelWanted())
    assert after(stopping, answered(Code.UNKNOWN_PAYMENT, Action.STATUS)).state is State.CANCELLED
    assert after(stopping, answered(Code.REJECTED, Action.STATUS)).state is State.OUT_OF_SERVICE
    assert after(stopping, answered(Code.ALREADY_PAID, Action.CANCEL)).reason is Reason.TOO_LATE


def test_while_cancelling_what_is_rejected_is_asked_about_and_what_is_open_is_cancelled() -> None:
    now = unknown(stopping=True)
    assert outcome_of(now, Code.REJECTED, Action.CANCEL).asks is Action.STATUS
    assert outcome_of(now, Code.REJECTED, Action.STATUS).state is State.OUT_OF_SERVICE
    assert outcome_of(now, Code.OPEN, Action.STATUS).asks is Action.CANCEL
    assert outcome_of(now, Code.OPEN, Action.CANCEL).state is State.OUT_OF_SERVICE
    for code in (Code.SERVER_BUSY, *CORRECTED):
        assert outcome_of(now, code, Action.CANCEL).asks is Action.CANCEL


def test_a_locked_face_leaves_the_password_and_both_locked_leave_cancel() -> None:
    locked = after(verifying(), answered(Code.FACE_LOCKED))
    assert locked.choices == (Choice.PASSWORD, Choice.CANCEL)
    sent = after(after(locked, events.PasswordChosen()), events.Sent())
    assert after(sent, answered(Code.WRONG_PASSWORD, Action.PASSWORD)).choices == (Choice.PASSWORD, Choice.CANCEL)
    assert after(sent, answered(Code.PASSWORD_LOCKED, Action.PASSWORD)).choices == (Choice.CANCEL,)


def test_every_state_is_reached() -> None:
    """Breadth first from the start, over every event and every code."""
    made = [events.BecameReady(), events.IsNotReady(Reason.NO_SERVER), events.Started(REQUEST), events.Captured()]
    made += [events.Sent(), events.NotAnswered(), events.NeverSent(), events.CannotCapture(Reason.NO_CAMERA)]
    made += [events.FaceChosen(), events.PasswordChosen(), events.CancelWanted(), events.Closed()]
    made += [answered(code) for code in Code]
    seen, waiting = {State.NOT_READY}, [Situation()]
    while waiting:
        now = waiting.pop(0)
        for event in made:
            if now.state in ORIGINS[type(event)] and (following := after(now, event)).state not in seen:
                seen.add(following.state)
                waiting.append(following)
    assert seen == set(State)
    assert seen >= ENDED


def test_the_terminal_never_loads_the_servers_stack() -> None:
    code = (
        "import sys, pkgutil, importlib, sealframe.terminal as t\n"
        "for m in pkgutil.walk_packages(t.__path__, 'sealframe.terminal.'): importlib.import_module(m.name)\n"
        "bad = {'fastapi', 'sqlalchemy', 'uvicorn', 'argon2', 'alembic', 'prometheus_client', 'skimage', 'torch',\n"
        "       'babel', 'sealframe.server'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
