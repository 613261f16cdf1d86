"""How a payment ended whose answer is missing, or which the person cancelled: asked, and cancelled until answered.

Every question spends a later counter than what was lost, so what was lost can no longer charge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.payment_protocol import Action
from sealframe.terminal.events import CancelledUnsent, CancelWanted, NotAnswered, Unresolved
from sealframe.terminal.outcomes import outcome_of
from sealframe.terminal.states import ENDED, Reason, State

if TYPE_CHECKING:
    from sealframe.payment_protocol import PaymentAnswer
    from sealframe.terminal.exchange import Exchange
    from sealframe.terminal.journal import Journal, OpenPayment
    from sealframe.terminal.pauses import Pauses
    from sealframe.terminal.session import PaymentSession


class PaymentResolver:
    """Brings a payment from `unknown` to its end. For the one thread that acts."""

    def __init__(self, session: PaymentSession, exchange: Exchange, journal: Journal, pauses: Pauses) -> None:
        self._session = session
        self._exchange = exchange
        self._journal = journal
        self._pauses = pauses

    def resume(self, payment: OpenPayment) -> None:
        """Resolve an earlier run's payment: its capture is sent again while it is fresh, then the server is asked."""
        self._session.to(Unresolved(payment.request))
        sent, is_fresh = payment.sent, 0 <= payment.age_s < self._pauses.still_there
        answer = self._exchange.deliver(sent) if sent is not None and is_fresh else None
        if sent is not None and answer is not None and self._ends(answer, sent.request.action):
            self._session.take(answer, sent.request.action)
        else:
            self.find_out()

    def find_out(self) -> None:
        """Ask how the payment stands; what nobody knows, and what is still open of an earlier run, is cancelled.

        From now on the capture is sent no more: the person is told that nothing was charged, or that it was.
        """
        self._journal.never_send_again()
        answer = self._exchange.ask(self._session.request(Action.STATUS))
        asks_next = Action.CANCEL if answer is None else self._take_or_ask(answer, Action.STATUS)
        if asks_next is not None:
            self.ask_until_answered(asks_next)

    def cancel(self, reason: Reason) -> None:
        """End a payment, whatever was sent of it."""
        self.show_cancelling(reason)
        if self._session.now.state is State.UNKNOWN:
            self.ask_until_answered(Action.CANCEL)

    def show_cancelling(self, reason: Reason) -> None:
        """Show the end of what was never sent; else only the server knows, and no capture is sent again."""
        self._journal.never_send_again()
        self._session.to(CancelWanted() if self._exchange.may_have_left else CancelledUnsent(reason))

    def ask_until_answered(self, asked: Action) -> None:
        """Ask until the server says what became of the payment; the same bytes again where nothing was answered."""
        sealed = self._exchange.seal_without_picture(self._session.request(asked))
        while not self._session.stopped:
            answer = self._exchange.deliver(sealed)
            asks_next = asked if answer is None else self._take_or_ask(answer, asked)
            if asks_next is None:
                return
            if self._session.now.reason is Reason.BY_PERSON and not self._session.stopped:
                self._session.to(NotAnswered())
            self._session.pause(self._pauses.cancel_again if answer is None else self._pauses.next_try)
            if answer is not None:
                asked = asks_next
                sealed = self._exchange.seal_without_picture(self._session.request(asked))

    def _take_or_ask(self, answer: PaymentAnswer, asked: Action) -> Action | None:
        """Show what the answer leads to; if that is another question, nothing is shown, and the question returned."""
        asks_next = outcome_of(self._session.now, answer.code, asked).asks
        if asks_next is None:
            self._session.take(answer, asked)
        return asks_next

    def _ends(self, answer: PaymentAnswer, asked: Action) -> bool:
        return outcome_of(self._session.now, answer.code, asked).state in ENDED
