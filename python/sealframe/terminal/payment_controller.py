"""One payment at a time, from the amount to the receipt: the only part that acts.

One thread runs `Cashier.run`; screens read its board, and give commands from any thread. A command names the screen on
which it was given, so a second click, or a late one, finds another screen and does nothing (A58).

The order that keeps money safe: payment and capture are on the disk before anything leaves, each capture is sealed
anew and sent; no signed answer: the same bytes again, then ask how the payment stands, then cancel until answered.
Whoever cancels waits for none of it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sealframe.errors import ImageError, SealframeError
from sealframe.payment_protocol import Action, Code, PaymentAnswer, PaymentRequest, new_payment_id
from sealframe.terminal import states
from sealframe.terminal.camera.jpeg import encode
from sealframe.terminal.camera.quality import Hint, centre_square, rate_frame
from sealframe.terminal.camera.source import CameraDenied
from sealframe.terminal.exchange import Exchange
from sealframe.terminal.latency import ENCODE, QUALITY, Latency
from sealframe.terminal.screen.screen_state import ScreenState
from sealframe.terminal.states import Choice, Reason, Situation, State, after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sealframe.keys import ServerPublic
    from sealframe.pipeline import Sealer
    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.clock import CorrectedClock
    from sealframe.terminal.drawn_counter import DrawnCounter
    from sealframe.terminal.journal import Journal, OpenPayment, SealedRequest
    from sealframe.terminal.link import ServerLink
    from sealframe.terminal.states import Event

    Pixels = NDArray[np.uint8]

_log = logging.getLogger("sealframe.terminal")

NO_PICTURE = encode(np.full((128, 128), 128, np.uint8))
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
    still_there: float = 30.0
    """So long after a capture the same bytes are sent again, across a restart too: then the person may have left."""


@dataclass(frozen=True, slots=True, repr=False)
class _Command:
    """What a person did, and on which screen."""

    screen: int
    choice: Choice | None = None
    request: PaymentRequest | None = None
    password: str | None = None


class PaymentController:
    """The acting part of a terminal. `run` in one thread; everything else from any."""

    def __init__(
        self,
        *,
        sealer: Sealer,
        server: ServerPublic,
        counter: DrawnCounter,
        clock: CorrectedClock,
        source: Source,
        link: ServerLink,
        journal: Journal,
        pauses: Pauses | None = None,
        latency: Latency | None = None,
    ) -> None:
        """`sealer` uses this `counter` and this `clock`. `latency` gets the stages of every capture."""
        self.board = ScreenState()
        self._clock = clock
        self._source = source
        self._journal = journal
        self._pauses = pauses or Pauses()
        self._latency = latency or Latency()
        self._commands: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._cancelled: str | None = None
        self._stopped = threading.Event()
        self._exchange = Exchange(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=clock,
            link=link,
            journal=journal,
            latency=self._latency,
            resend=self._pauses.resend,
            is_left=lambda: self.stopped or self._is_cancelled(),
        )

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
        request = self.board.situation.request
        if request is not None:
            replace(request, action=Action.PASSWORD, password=password)
        self._commands.put(_Command(screen, password=password))

    def cancel(self, payment_id: str) -> None:
        """End this payment, from any screen of it; takes effect within one frame."""
        self._cancelled = payment_id
        self._commands.put(_Command(-1))
        self._exchange.look_up()

    def stop(self) -> None:
        """End the terminal: the camera is released, what is unresolved stays in the journal."""
        self._stopped.set()
        self._commands.put(_Command(-1))
        self._exchange.end()
        self.board.end()

    @property
    def stopped(self) -> bool:
        """Whether the terminal is ending."""
        return self._stopped.is_set()

    # The thread that acts

    def run(self) -> None:
        """Serve until stopped. Raises nothing: what only an operator can mend is shown as out of service.

        A fault of the program, too, must not leave a screen on which nothing moves; the journal knows the payment.
        """
        try:
            self._become_ready()
            while not self.stopped:
                self._obey_next()
        except Exception as error:
            told = isinstance(error, (SealframeError, OSError))
            _log.error("out of service: %s", error if told else type(error).__name__)
            self._to(states.CannotGoOn(Reason.FAULT))
            self._stopped.wait()
        finally:
            self._exchange.close()

    def _become_ready(self) -> None:
        self._exchange.warm_up(NO_PICTURE)
        for payment in self._journal.unresolved():
            if not self.stopped and self._now.state is not State.OUT_OF_SERVICE:
                self._to(states.Unresolved(payment.request))
                self._resolve(payment)
        while self._now.state is State.NOT_READY and not self.stopped:
            if self._exchange.is_reachable():
                self._to(states.BecameReady())
            else:
                self._to(states.IsNotReady(Reason.NO_SERVER))
                self._stopped.wait(self._pauses.not_ready)

    def _obey_next(self) -> None:
        waits = self._now.state not in (State.IDLE, State.OUT_OF_SERVICE)
        try:
            command = self._commands.get(timeout=self._pauses.abandoned if waits else None)
        except queue.Empty:
            self._give_up_waiting()
        else:
            self._obey(command)

    def _give_up_waiting(self) -> None:
        if self._now.state in states.PAYING:
            self._cancel(Reason.ABANDONED)
        elif self._now.state in states.ENDED:
            self._to(states.Closed())

    def _obey(self, command: _Command) -> None:
        if self._is_cancelled():
            self._cancel(Reason.BY_PERSON)
        elif command.screen != self._now.screen:
            return
        elif command.request is not None and self._now.state is State.IDLE:
            self._begin(command.request)
        elif command.password is not None and self._now.state is State.PASSWORD:
            self._pay_by_password(command.password)
        elif command.choice in self._now.choices:
            self._choose(command.choice)

    def _begin(self, request: PaymentRequest) -> None:
        self._journal.begin(request)
        self._exchange.may_have_left = False
        self._to(states.Started(request))
        self._pay_by_face()

    def _choose(self, choice: Choice | None) -> None:
        if choice is Choice.FACE:
            self._to(states.FaceChosen())
            self._pay_by_face()
        elif choice is Choice.PASSWORD and self._now.state is State.FAILED:
            self._to(states.PasswordChosen())
        elif choice is Choice.DONE:
            self._to(states.Closed())

    # Paying

    def _pay_by_face(self) -> None:
        """Capture, seal anew and send until there is an end, or the person must choose (M29)."""
        try:
            with self._source.open() as frames:
                while self._now.state in (State.READY, State.RETRYING):
                    square = self._good_frame(frames)
                    if square is None:
                        break
                    self._to(states.Captured())
                    picture = encode(square)
                    self._latency(ENCODE)
                    sealed = self._exchange.seal(self._request(Action.PAY), picture)
                    self._to(states.Sent())
                    self._settle(sealed)
        except ImageError as error:
            if self._now.state not in (State.READY, State.RETRYING):
                raise
            denied = isinstance(error, CameraDenied)
            self._to(states.CannotCapture(Reason.CAMERA_DENIED if denied else Reason.NO_CAMERA))
        finally:
            self.board.show_no_frame()
        self._follow_up()

    def _pay_by_password(self, password: str) -> None:
        sealed = self._seal_without_face(Action.PASSWORD, password)
        self._to(states.Sent())
        self._settle(sealed)
        self._follow_up()

    def _follow_up(self) -> None:
        """With the camera released: find out what is unknown, and cancel what was cancelled meanwhile."""
        if self._now.state is State.UNKNOWN and not self._now.stopping:
            self._find_out()
        if self._is_cancelled():
            self._cancel(Reason.BY_PERSON)
        elif self._now.state is State.UNKNOWN:
            self._cancel_until_answered()

    def _good_frame(self, frames: Iterator[Pixels | None]) -> Pixels | None:
        """The first frame after a while of good ones; None when the person cancels or no good one comes in time."""
        steady = self._pauses.next_try if self._now.state is State.RETRYING else self._pauses.steady
        started = good_since = time.monotonic()
        for frame in frames:
            now = time.monotonic()
            if self.stopped or self._is_cancelled():
                return None
            if now - started > self._pauses.no_good_picture:
                shown = self.board.preview is not None
                self._to(states.CannotCapture(Reason.NO_GOOD_PICTURE if shown else Reason.NO_CAMERA))
                return None
            if frame is None:
                continue
            self._latency.begin()
            square = centre_square(frame)
            hint = rate_frame(square)
            self.board.show_frame(square, hint)
            if hint is not Hint.GOOD:
                good_since = now
            elif now - good_since >= steady:
                self._latency(QUALITY)
                return square
        raise ImageError("The camera gives no more frames; check that it is connected.")

    def _request(self, action: Action, password: str | None = None) -> PaymentRequest:
        assert self._now.request is not None  # noqa: S101  (a payment is under way)
        return replace(self._now.request, action=action, password=password)

    def _seal_without_face(self, action: Action, password: str | None = None) -> SealedRequest:
        self._latency.begin()
        return self._exchange.seal(self._request(action, password), NO_PICTURE)

    def _settle(self, sealed: SealedRequest) -> None:
        """Deliver, and show what comes of it; whoever cancels meanwhile sees that at once, the camera still open."""
        answer = None if self._is_cancelled() else self._exchange.deliver(sealed)
        if answer is not None:
            self._take(answer)
        elif self._is_cancelled():
            self._show_cancelling(Reason.BY_PERSON)
        elif self.stopped:
            return
        elif self._exchange.may_have_left:
            self._to(states.NotAnswered())
        else:
            self._journal.never_send_again()
            self._to(states.NeverSent())

    # When an answer is missing, or the person has enough

    def _resolve(self, payment: OpenPayment) -> None:
        """An earlier run's payment: what it would have sent again is sent again, then the server is asked."""
        sent, is_fresh = payment.sent, 0 <= payment.age_s < self._pauses.still_there
        answer = self._exchange.deliver(sent) if sent is not None and is_fresh else None
        if answer is not None and answer.code in _ENDS:
            self._take(answer)
        else:
            self._find_out()

    def _find_out(self) -> None:
        """Ask how the payment stands; what is still open of an earlier run, and what nobody knows, is cancelled.

        Whoever asks sends the capture no more: it is told that nothing was charged, or that it was.
        """
        self._journal.never_send_again()
        answer = self._exchange.deliver(self._seal_without_face(Action.STATUS))
        if answer is not None and self._settles(answer):
            self._take(answer)
        else:
            if answer is not None:
                self._exchange.correct(answer)
            self._cancel_until_answered()

    def _settles(self, answer: PaymentAnswer) -> bool:
        return answer.code in _TELLS_STATE and not (answer.code is Code.OPEN and self._now.stopping)

    def _cancel(self, trouble: Reason) -> None:
        self._show_cancelling(trouble)
        if self._now.state is State.UNKNOWN:
            self._cancel_until_answered()

    def _show_cancelling(self, trouble: Reason) -> None:
        """What was never sent ends here; else only the server knows, and from now on no capture is sent again."""
        self._journal.never_send_again()
        if self._exchange.may_have_left:
            self._to(states.CancelWanted())
        else:
            self._to(states.CancelledUnsent(trouble))

    def _cancel_until_answered(self) -> None:
        """`rejected` says nothing of the payment, and a payment never opened cannot be cancelled: then ask about it."""
        action = Action.CANCEL
        sealed = self._seal_without_face(action)
        while not self.stopped:
            answer = self._exchange.deliver(sealed)
            if answer is not None and self._ends_cancelling(answer, action):
                self._take(answer)
                return
            if self._now.reason is Reason.BY_PERSON and not self.stopped:
                self._to(states.NotAnswered())
            self._stopped.wait(self._pauses.cancel_again if answer is None else self._pauses.next_try)
            if answer is not None:
                action = Action.STATUS if answer.code is Code.REJECTED else Action.CANCEL
                sealed = self._seal_without_face(action)

    def _ends_cancelling(self, answer: PaymentAnswer, action: Action) -> bool:
        if answer.code is Code.SERVER_BUSY or self._exchange.correct(answer):
            return False
        return answer.code is not (Code.OPEN if action is Action.STATUS else Code.REJECTED)

    def _take(self, answer: PaymentAnswer) -> None:
        self._exchange.correct(answer)
        self._to(states.Answered(answer))

    # What the person sees

    @property
    def _now(self) -> Situation:
        return self.board.situation

    def _is_cancelled(self) -> bool:
        now = self._now
        return now.state in states.PAYING and now.request is not None and now.request.payment_id == self._cancelled

    def _to(self, event: Event) -> None:
        following = after(self._now, event)
        if following.state in states.ENDED:
            self._write_end(following)
        self.board.show(following)

    def _write_end(self, ended: Situation) -> None:
        """A disk that fails now must not hide a receipt; at the next start the server says again how it ended."""
        if ended.request is None:
            return
        end = {"state": ended.state, "reason": ended.reason, "reference": ended.reference}
        try:
            self._journal.resolve(ended.request, {**end, "at": int(self._clock() * 1000)})
        except OSError as error:
            _log.error("the journal cannot be written: %s", error.strerror)


_ENDS = {Code.PAID, Code.ALREADY_PAID, Code.CANCELLED, Code.EXPIRED}
_TELLS_STATE = {Code.PAID, Code.OPEN, Code.CANCELLED, Code.EXPIRED, Code.UNKNOWN_PAYMENT}
