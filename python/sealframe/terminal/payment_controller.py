"""One terminal, payment after payment: starts, resolves what an earlier run left open, then obeys.

One thread runs the controller; screens read its board, and give commands from any thread. A command names the screen
on which it was given, so a second click, or a late one, finds another screen and does nothing. Whoever cancels waits
for nothing.
"""

from __future__ import annotations

import logging
import queue
from dataclasses import replace
from typing import TYPE_CHECKING

from sealframe.errors import SealframeError
from sealframe.payment_protocol import Action, PaymentRequest, new_payment_id
from sealframe.terminal import events
from sealframe.terminal.exchange import Exchange
from sealframe.terminal.frame_selector import FrameSelector
from sealframe.terminal.latency import Latency
from sealframe.terminal.pauses import Pauses
from sealframe.terminal.payment_flow import PaymentFlow, ScreenCommand
from sealframe.terminal.resolver import PaymentResolver
from sealframe.terminal.session import PaymentSession
from sealframe.terminal.states import Choice, Reason, State

if TYPE_CHECKING:
    from sealframe.keys import ServerPublic
    from sealframe.pipeline import Sealer
    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.clock import CorrectedClock
    from sealframe.terminal.drawn_counter import DrawnCounter
    from sealframe.terminal.journal import Journal
    from sealframe.terminal.link import ServerLink
    from sealframe.terminal.screen.screen_state import ScreenState

_log = logging.getLogger("sealframe.terminal")


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
        self._clock = clock
        self._journal = journal
        self._pauses = pauses = pauses or Pauses()
        latency = latency or Latency()
        self._commands: queue.SimpleQueue[ScreenCommand] = queue.SimpleQueue()
        self._session = session = PaymentSession(journal, clock)
        self._exchange = exchange = Exchange(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=clock,
            link=link,
            journal=journal,
            latency=latency,
            resend=pauses.resend,
            is_left=session.is_left,
        )
        self._resolver = PaymentResolver(session, exchange, journal, pauses)
        selector = FrameSelector(session, pauses, latency)
        self._flow = PaymentFlow(session, source, selector, exchange, self._resolver, journal, latency)

    @property
    def board(self) -> ScreenState:
        """What stands before the person."""
        return self._session.board

    @property
    def stopped(self) -> bool:
        """Whether the terminal is ending."""
        return self._session.stopped

    def start(self, screen: int, payee: str, amount: int, currency: str, account: str) -> None:
        """Begin a payment. `amount` in the currency's smallest unit. Raises ValueError for terms that are none."""
        payment_id = new_payment_id(int(self._clock() * 1000))
        request = PaymentRequest(Action.PAY, payment_id, payee, amount, currency, account)
        self._commands.put(ScreenCommand(screen, request=request))

    def choose(self, screen: int, choice: Choice) -> None:
        """Face again, password, or done; `cancel` cancels."""
        self._commands.put(ScreenCommand(screen, choice=choice))

    def give_password(self, screen: int, password: str) -> None:
        """The account's password. Raises ValueError when it can be none."""
        request = self.board.situation.request
        if request is not None:
            replace(request, action=Action.PASSWORD, password=password)
        self._commands.put(ScreenCommand(screen, password=password))

    def cancel(self, payment_id: str) -> None:
        """End this payment, from any screen of it; takes effect within one frame."""
        self._session.cancel(payment_id)
        self._commands.put(ScreenCommand())
        self._exchange.look_up()

    def stop(self) -> None:
        """End the terminal: the camera is released, what is unresolved stays in the journal."""
        self._session.stop()
        self._commands.put(ScreenCommand())
        self._exchange.end()
        self.board.end()

    def run(self) -> None:
        """Serve until stopped. Raises nothing: what only an operator can mend is shown as out of service.

        A fault of the program, too, must not leave a screen on which nothing moves; the journal knows the payment.
        """
        try:
            self._exchange.warm_up()
            self._resume()
            self._become_ready()
            while not self.stopped:
                self._obey_next()
        except Exception as error:
            told = isinstance(error, (SealframeError, OSError))
            _log.error("out of service: %s", error if told else type(error).__name__)
            self._session.to(events.CannotGoOn(Reason.FAULT))
            self._session.pause()
        finally:
            self._exchange.close()

    def _resume(self) -> None:
        """Resolve what an earlier run left open."""
        for payment in self._journal.unresolved():
            if not self.stopped and self._session.now.state is not State.OUT_OF_SERVICE:
                self._resolver.resume(payment)

    def _become_ready(self) -> None:
        while self._session.now.state is State.NOT_READY and not self.stopped:
            if self._exchange.is_reachable():
                self._session.to(events.BecameReady())
            else:
                self._session.to(events.IsNotReady(Reason.NO_SERVER))
                self._session.pause(self._pauses.not_ready)

    def _obey_next(self) -> None:
        waits = self._session.now.state not in (State.IDLE, State.OUT_OF_SERVICE)
        try:
            command = self._commands.get(timeout=self._pauses.abandoned if waits else None)
        except queue.Empty:
            self._flow.abandon()
        else:
            self._flow.obey(command)
