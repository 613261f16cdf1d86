"""The payment under way: what is shown of it, how it ends, and whether the person has left it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from sealframe.terminal.events import Answered
from sealframe.terminal.screen.screen_state import ScreenState
from sealframe.terminal.states import ENDED, PAYING
from sealframe.terminal.transitions import after

if TYPE_CHECKING:
    from sealframe.payment_protocol import Action, PaymentAnswer, PaymentRequest
    from sealframe.terminal.clock import CorrectedClock
    from sealframe.terminal.events import Event
    from sealframe.terminal.journal import Journal
    from sealframe.terminal.states import Situation

_log = logging.getLogger("sealframe.terminal")


class PaymentSession:
    """Moves from situation to situation and writes ends into the journal. `cancel` and `stop` from any thread."""

    def __init__(self, journal: Journal, clock: CorrectedClock) -> None:
        self.board = ScreenState()
        self._journal = journal
        self._clock = clock
        self._cancelled: str | None = None
        self._stopped = threading.Event()

    @property
    def now(self) -> Situation:
        """What is shown."""
        return self.board.situation

    def to(self, event: Event) -> None:
        """Show what follows an event. Raises IllegalMove."""
        following = after(self.now, event)
        if following.state in ENDED:
            self._write_end(following)
        self.board.show(following)

    def take(self, answer: PaymentAnswer, asked: Action) -> None:
        """Show what follows an answer to what was asked."""
        self.to(Answered(answer, asked))

    def request(self, action: Action, password: str | None = None) -> PaymentRequest:
        """The payment's terms, with another action."""
        assert self.now.request is not None  # noqa: S101  (a payment is under way)
        return replace(self.now.request, action=action, password=password)

    def cancel(self, payment_id: str) -> None:
        """The person has enough of this payment."""
        self._cancelled = payment_id

    def is_cancelled(self) -> bool:
        """Whether the person has enough of the payment under way."""
        now = self.now
        return now.state in PAYING and now.request is not None and now.request.payment_id == self._cancelled

    def stop(self) -> None:
        """The terminal ends."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether the terminal is ending."""
        return self._stopped.is_set()

    def is_left(self) -> bool:
        """Whether nobody waits for this payment any more."""
        return self.stopped or self.is_cancelled()

    def pause(self, seconds: float | None = None) -> None:
        """Wait so long, or until the terminal ends."""
        self._stopped.wait(seconds)

    def _write_end(self, ended: Situation) -> None:
        """A disk that fails now must not hide a receipt; at the next start the server says again how it ended."""
        if ended.request is None:
            return
        end = {"state": ended.state, "reason": ended.reason, "reference": ended.reference}
        try:
            self._journal.resolve(ended.request, {**end, "at": int(self._clock() * 1000)})
        except OSError as error:
            _log.error("the journal cannot be written: %s", error.strerror)
