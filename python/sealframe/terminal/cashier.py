"""One payment at a time, from the amount to the receipt: the only part that acts.

One thread runs `Cashier.run`; screens read `situation`, wait for changes, and give commands from any thread. A command
names the screen on which it was given, so a second click, or a late one, finds another screen and does nothing (A58).

The order that keeps money safe: seal, write to the journal, sync, send. No signed answer: send the same bytes again,
then ask how the payment stands, then cancel until answered. Nothing but a signed answer to these very bytes changes
anything (A63).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from sealframe.errors import ImageError, SealframeError
from sealframe.payment import Action, Code, PaymentAnswer, PaymentRequest, PaymentState, new_payment_id
from sealframe.terminal import states
from sealframe.terminal.journal import SentEnvelope
from sealframe.terminal.link import NoReply, NotSent
from sealframe.terminal.quality import Hint, centre_square, judge
from sealframe.terminal.states import Choice, Situation, State, Trouble, after
from sealframe.trace import StageTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sealframe.keys import ServerPublic
    from sealframe.pipeline import Sealer
    from sealframe.terminal.clock import CorrectedClock, NotedCounter
    from sealframe.terminal.journal import Journal
    from sealframe.terminal.link import ServerLink
    from sealframe.terminal.source import Source
    from sealframe.terminal.states import Event

    Pixels = NDArray[np.uint8]

_log = logging.getLogger("sealframe.terminal")

NO_PICTURE = np.full((128, 128), 128, np.uint8)
"""Sealed where no face is needed: password, cancel, status."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long the terminal waits, in seconds."""

    resend: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0)
    """Before the same bytes are sent again."""
    cancel_again: float = 5.0
    """The longest between two requests to cancel."""
    not_ready: float = 2.0
    """Before the server is looked for again."""
    steady: float = 0.6
    """So long frames must be good before one is taken."""
    no_good_picture: float = 30.0
    """Without a good frame, the person is asked."""
    abandoned: float = 120.0
    """A question nobody answers cancels the payment; a receipt nobody closes is closed."""
    next_try: float = 1.0
    """The reason for another try stands at least so long."""


@dataclass(frozen=True, slots=True, repr=False)
class _Command:
    """What a person did, and on which screen."""

    screen: int
    choice: Choice | None = None
    request: PaymentRequest | None = None
    password: str | None = None


class Cashier:
    """The acting part of a terminal. `run` in one thread; everything else from any."""

    def __init__(
        self,
        *,
        sealer: Sealer,
        server: ServerPublic,
        counter: NotedCounter,
        clock: CorrectedClock,
        source: Source,
        link: ServerLink,
        journal: Journal,
        pauses: Pauses | None = None,
        times: StageTimes | None = None,
    ) -> None:
        """`sealer` uses this `counter` and this `clock`. `times` gets the stages of every capture."""
        self._sealer = sealer
        self._server = server
        self._counter = counter
        self._clock = clock
        self._source = source
        self._link = link
        self._journal = journal
        self._pauses = pauses or Pauses()
        self._times = times or StageTimes()
        self._commands: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._situation = Situation()
        self._hint = Hint.GOOD
        self._preview: Pixels | None = None
        self._cancelled: str | None = None
        self._stopped = threading.Event()
        self._may_have_left = False
        self._version = 0

    # What screens see

    @property
    def situation(self) -> Situation:
        """What to show."""
        return self._situation

    @property
    def hint(self) -> Hint:
        """What the person can do about the picture, while one is being taken."""
        return self._hint

    @property
    def preview(self) -> Pixels | None:
        """The newest frame while a camera is open, uint8 (S, S, 3) BGR; None otherwise."""
        return self._preview

    @property
    def version(self) -> int:
        """Increases whenever situation or hint change."""
        return self._version

    @property
    def stopped(self) -> bool:
        """Whether the terminal is ending."""
        return self._stopped.is_set()

    def wait_for_change(self, seen: int, timeout_s: float) -> int:
        """The version, once it is another than `seen`, the terminal ends, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen or self.stopped, timeout_s)
            return self._version

    # What persons do

    def start(self, screen: int, payee: str, amount: int, currency: str, account: str) -> None:
        """Begin a payment. `amount` in the currency's smallest unit. Raises ValueError for terms that are none."""
        payment_id = new_payment_id(int(self._clock() * 1000))
        request = PaymentRequest(Action.PAY, payment_id, payee, amount, currency, account)
        self._commands.put(_Command(screen, request=request))

    def choose(self, screen: int, choice: Choice) -> None:
        """Face again, password, or done; `cancel` cancels."""
        self._commands.put(_Command(screen, choice=choice))

    def give_password(self, screen: int, password: str) -> None:
        """The account's password. Raises ValueError when it can be none."""
        request = self._situation.request
        if request is not None:
            replace(request, action=Action.PASSWORD, password=password)
        self._commands.put(_Command(screen, password=password))

    def cancel(self, payment_id: str) -> None:
        """End this payment, from any screen of it; takes effect within one frame."""
        self._cancelled = payment_id
        self._commands.put(_Command(-1))

    def stop(self) -> None:
        """End the terminal: the camera is released, what is unresolved stays in the journal."""
        self._stopped.set()
        self._commands.put(_Command(-1))
        with self._changed:
            self._changed.notify_all()

    # The thread that acts

    def run(self) -> None:
        """Serve until stopped. Raises nothing: what only an operator can mend is shown as out of service."""
        try:
            self._become_ready()
            while not self.stopped:
                self._obey_next()
        except (SealframeError, OSError) as error:
            _log.error("out of service: %s", error)
            self._to(states.CannotGoOn(Trouble.FAULT))
            self._stopped.wait()

    def _become_ready(self) -> None:
        self._sealer.measure(NO_PICTURE, b"", order="gray")  # loads the networks
        for sent in self._journal.unresolved():
            if not self.stopped and self._situation.state is not State.OUT_OF_SERVICE:
                self._resolve_earlier(sent)
        while self._situation.state is State.NOT_READY and not self.stopped:
            if self._link.is_reachable():
                self._to(states.BecameReady())
            else:
                self._to(states.IsNotReady(Trouble.NO_SERVER))
                self._stopped.wait(self._pauses.not_ready)

    def _resolve_earlier(self, sent: SentEnvelope) -> None:
        """Cancel a payment of an earlier run: the server says whether it was made. Nobody is charged who has left."""
        self._to(states.Unresolved(sent.request))
        self._cancel_until_answered()

    def _obey_next(self) -> None:
        waits = self._situation.state not in (State.IDLE, State.OUT_OF_SERVICE)
        try:
            command = self._commands.get(timeout=self._pauses.abandoned if waits else None)
        except queue.Empty:
            self._give_up_waiting()
        else:
            self._obey(command)

    def _give_up_waiting(self) -> None:
        if self._situation.state in states.PAYING:
            self._cancel(Trouble.ABANDONED)
        elif self._situation.state in states.ENDED:
            self._to(states.Closed())

    def _obey(self, command: _Command) -> None:
        now = self._situation
        if self._is_cancelled():
            self._cancel(Trouble.BY_PERSON)
        elif command.screen != now.screen:
            return
        elif command.request is not None and now.state is State.IDLE:
            self._may_have_left = False
            self._to(states.Started(command.request))
            self._pay_by_face()
        elif command.password is not None and now.state is State.PASSWORD:
            self._pay_by_password(command.password)
        elif command.choice in now.choices:
            self._choose(command.choice)

    def _choose(self, choice: Choice | None) -> None:
        if choice is Choice.FACE:
            self._to(states.FaceChosen())
            self._pay_by_face()
        elif choice is Choice.PASSWORD and self._situation.state is State.FAILED:
            self._to(states.PasswordChosen())
        elif choice is Choice.DONE:
            self._to(states.Closed())

    # Paying

    def _pay_by_face(self) -> None:
        """Capture, seal anew and send until there is an end, or the person must choose (M29)."""
        try:
            with self._source.open() as frames:
                while self._situation.state in (State.READY, State.RETRYING):
                    square = self._good_frame(frames)
                    if square is None:
                        break
                    self._to(states.Captured())
                    sent = self._seal(Action.PAY, square, "bgr")
                    self._to(states.Sent())
                    self._settle(sent)
        except ImageError:
            if self._situation.state not in (State.READY, State.RETRYING):
                raise
            self._to(states.CannotCapture(Trouble.NO_CAMERA))
        finally:
            self._preview = None
        self._follow_up()

    def _pay_by_password(self, password: str) -> None:
        sent = self._seal(Action.PASSWORD, NO_PICTURE, "gray", password)
        self._to(states.Sent())
        self._settle(sent)
        self._follow_up()

    def _follow_up(self) -> None:
        """With the camera released: find out what is unknown, and cancel what was cancelled meanwhile."""
        if self._situation.state is State.UNKNOWN:
            self._find_out()
        if self._is_cancelled():
            self._cancel(Trouble.BY_PERSON)

    def _good_frame(self, frames: Iterator[Pixels | None]) -> Pixels | None:
        """The first frame after a while of good ones; None when the person cancels or no good one comes in time."""
        steady = self._pauses.next_try if self._situation.state is State.RETRYING else self._pauses.steady
        started = good_since = time.monotonic()
        for frame in frames:
            now = time.monotonic()
            if self.stopped or self._is_cancelled():
                return None
            if now - started > self._pauses.no_good_picture:
                self._to(states.CannotCapture(Trouble.NO_GOOD_PICTURE))
                return None
            if frame is None:
                continue
            self._times.restart()
            square = centre_square(frame)
            hint = judge(square)
            self._preview = square
            self._show_hint(hint)
            if hint is not Hint.GOOD:
                good_since = now
            elif now - good_since >= steady:
                self._times("quality")
                return square
        raise ImageError("The camera gives no more frames; check that it is connected.")

    def _seal(
        self, action: Action, picture: Pixels, order: Literal["bgr", "gray"], password: str | None = None
    ) -> SentEnvelope:
        """A new envelope, with a new counter and new random numbers, on the disk before it is sent."""
        assert self._situation.request is not None  # noqa: S101  (a payment is under way)
        request = replace(self._situation.request, action=action, password=password)
        envelope, key = self._sealer.seal_request(picture, request.encode(), order=order, mark=self._times)
        sent = SentEnvelope(request, self._counter.last, envelope, key)
        self._journal.write(sent)
        self._times("journal")
        return sent

    def _settle(self, sent: SentEnvelope) -> None:
        answer = self._deliver(sent)
        if answer is not None:
            self._take(answer)
        elif self._may_have_left:
            self._to(states.NotAnswered())
        else:
            self._to(states.NeverSent())

    def _deliver(self, sent: SentEnvelope) -> PaymentAnswer | None:
        """Send the same bytes until they get their signed answer; None when they get none."""
        for pause in (0.0, *self._pauses.resend):
            if pause and self._stopped.wait(pause):
                break
            try:
                reply = self._link.send(sent.envelope, lambda: self._times("sent"))
            except NotSent:
                continue
            except NoReply:
                self._may_have_left = True
                continue
            self._may_have_left = True
            answer = self._read(sent, reply)
            if answer is not None:
                self._times("answer")
                return answer
        return None

    def _read(self, sent: SentEnvelope, reply: bytes) -> PaymentAnswer | None:
        """The answer, if the server signed it, for these very bytes and these very terms; anything else is none."""
        try:
            answer = PaymentAnswer.decode(sent.answer_key.read(reply, self._server).body)
        except SealframeError as error:
            _log.warning("a reply that is no answer: %s", type(error).__name__)
            return None
        return answer if _fits(answer, sent) else None

    # When an answer is missing, or the person has enough

    def _find_out(self) -> None:
        """Ask how the payment stands; without an answer, cancel until there is one."""
        answer = self._deliver(self._seal(Action.STATUS, NO_PICTURE, "gray"))
        if answer is not None and answer.code in _TELLS_STATE:
            self._take(answer)
        else:
            if answer is not None:
                self._correct(answer)
            self._cancel_until_answered()

    def _cancel(self, trouble: Trouble) -> None:
        if self._may_have_left:
            self._to(states.CancelWanted())
            self._cancel_until_answered()
        else:
            self._to(states.CancelledUnsent(trouble))

    def _cancel_until_answered(self) -> None:
        sent = self._seal(Action.CANCEL, NO_PICTURE, "gray")
        while not self.stopped:
            answer = self._deliver(sent)
            if answer is not None and answer.code is not Code.SERVER_BUSY and not self._correct(answer):
                self._take(answer)
                return
            if self._situation.state is State.VERIFYING:
                self._to(states.NotAnswered())
            self._stopped.wait(self._pauses.cancel_again if answer is None else self._pauses.next_try)
            if answer is not None and answer.code is not Code.SERVER_BUSY:
                sent = self._seal(Action.CANCEL, NO_PICTURE, "gray")

    def _take(self, answer: PaymentAnswer) -> None:
        self._correct(answer)
        self._to(states.Answered(answer))

    def _correct(self, answer: PaymentAnswer) -> bool:
        """Set clock or counter right when a signed answer says that they are wrong (A41, A63)."""
        if answer.code is Code.CLOCK_SKEW:
            self._clock.set_to(answer.server_time)
        elif answer.code is Code.STALE_COUNTER:
            self._counter.skip_past(answer.server_time)
        else:
            return False
        return True

    def _write_end(self, ended: Situation) -> None:
        """A disk that fails now must not hide a receipt; at the next start the server says again how it ended."""
        if ended.request is None:
            return
        end = {"state": ended.state, "reason": ended.reason, "reference": ended.reference}
        try:
            self._journal.resolve(ended.request, {**end, "at": int(self._clock() * 1000)})
        except OSError as error:
            _log.error("the journal cannot be written: %s", error.strerror)

    def _is_cancelled(self) -> bool:
        now = self._situation
        return now.state in states.PAYING and now.request is not None and now.request.payment_id == self._cancelled

    def _to(self, event: Event) -> None:
        following = after(self._situation, event)
        if isinstance(event, states.Answered | states.CancelledUnsent) and following.state in states.ENDED:
            self._write_end(following)
        with self._changed:
            self._situation = following
            self._hint = Hint.GOOD
            self._version += 1
            self._changed.notify_all()

    def _show_hint(self, hint: Hint) -> None:
        if hint is not self._hint:
            with self._changed:
                self._hint = hint
                self._version += 1
                self._changed.notify_all()


_TELLS_STATE = {Code.PAID, Code.OPEN, Code.CANCELLED, Code.EXPIRED, Code.UNKNOWN_PAYMENT}


def _fits(answer: PaymentAnswer, sent: SentEnvelope) -> bool:
    """Whether an answer speaks of these bytes, and of this payment wherever it speaks of one."""
    request = sent.request
    asked = (request.payment_id, request.payee, request.amount, request.currency)
    said = (answer.payment_id, answer.payee, answer.amount, answer.currency)
    if answer.envelope_id != sent.envelope_id or (answer.payment_id is not None and said != asked):
        return False
    return answer.code not in (Code.PAID, Code.ALREADY_PAID) or (said == asked and answer.state is PaymentState.POSTED)
