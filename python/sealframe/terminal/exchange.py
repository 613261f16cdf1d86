"""One request and its signed answer: seal, keep, send, send the same bytes again, read.

Nothing but an answer that the server signed, for these very bytes and these very terms, is an answer.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import numpy as np

from sealframe.errors import SealframeError
from sealframe.payment_protocol import Action, Code, PaymentAnswer
from sealframe.terminal.camera.jpeg import encode
from sealframe.terminal.journal import SealedRequest
from sealframe.terminal.latency import ANSWER, JOURNAL, SENT
from sealframe.terminal.outcomes import contradicts_itself
from sealframe.terminal.send_worker import Delivery, SendWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.keys import ServerPublic
    from sealframe.payment_protocol import PaymentRequest
    from sealframe.pipeline import Sealer
    from sealframe.terminal.clock import CorrectedClock
    from sealframe.terminal.drawn_counter import DrawnCounter
    from sealframe.terminal.journal import Journal
    from sealframe.terminal.latency import Latency
    from sealframe.terminal.link import ServerLink

_log = logging.getLogger("sealframe.terminal")

NO_PICTURE = encode(np.full((128, 128), 128, np.uint8))
"""Sealed where no face is needed: password, cancel, status."""
_CHARGES = (Action.PAY, Action.PASSWORD)


class Exchange:
    """A terminal's requests, each sealed anew, and the server's answers. `look_up` and `end` from any thread."""

    def __init__(
        self,
        *,
        sealer: Sealer,
        server: ServerPublic,
        counter: DrawnCounter,
        clock: CorrectedClock,
        link: ServerLink,
        journal: Journal,
        latency: Latency,
        resend: Sequence[float],
        is_left: Callable[[], bool],
    ) -> None:
        """`sealer` uses this `counter` and this `clock`; `resend`: seconds before the same bytes are sent again.

        `is_left` says whether the one who waits for an answer must leave; it is asked again at every `look_up`.
        """
        self._sealer = sealer
        self._server = server
        self._counter = counter
        self._clock = clock
        self._link = link
        self._journal = journal
        self._latency = latency
        self._resend = resend
        self._is_left = is_left
        self._send_worker = SendWorker()
        self._news = threading.Event()
        self.may_have_left = False
        """Whether the server can have seen anything since this was last set to False."""

    def warm_up(self) -> None:
        """Seal once, unsent: the networks are loaded, and the first person waits no longer than the next."""
        self._sealer.seal(NO_PICTURE)

    def is_reachable(self) -> bool:
        """Whether anything answers at the server's address."""
        return self._link.is_reachable()

    def seal(self, request: PaymentRequest, picture: bytes) -> SealedRequest:
        """A new envelope around this JPEG, with a new counter and new random numbers.

        What can charge is in the journal when this returns; the disk works while the networks do. Raises OSError.
        """
        counter, charges = self._counter.draw(), request.action in _CHARGES
        if charges:
            self._journal.note(request, counter)
        envelope, key = self._sealer.seal_request(picture, request.encode(), on_stage=self._latency)
        sealed = SealedRequest(request, envelope, key)
        if charges:
            self._journal.keep(sealed)
        self._latency(JOURNAL)
        return sealed

    def seal_without_picture(self, request: PaymentRequest) -> SealedRequest:
        """A new envelope for what needs no face."""
        self._latency.begin()
        return self.seal(request, NO_PICTURE)

    def ask(self, request: PaymentRequest) -> PaymentAnswer | None:
        """Seal what needs no face, and deliver it."""
        return self.deliver(self.seal_without_picture(request))

    def deliver(self, sealed: SealedRequest) -> PaymentAnswer | None:
        """Send the same bytes until they get their signed answer; None when they get none, or the waiting is over.

        An answer that says so has set clock or counter right when this returns.
        """
        delivery = Delivery(
            self._link,
            sealed.envelope,
            resend=self._resend,
            read=lambda reply: self._read(sealed, reply),
            sent=self._note_sent,
            ended=self.look_up,
        )
        self._send_worker.do(delivery.run)
        while not (delivery.has_ended or self._is_left()):
            self._news.wait()
            self._news.clear()
        if not delivery.has_ended:
            self._leave(delivery)
        self.may_have_left |= delivery.may_have_left
        if delivery.has_ended and delivery.answer is not None:
            self._latency(ANSWER)
            if sealed.request.action in _CHARGES:
                self._journal.forget_sent()
            self._correct(delivery.answer)
            return delivery.answer
        return None

    def look_up(self) -> None:
        """From any thread: there may be a reason to wait no longer."""
        self._news.set()

    def end(self) -> None:
        """From any thread: whoever waits for the server waits no longer."""
        self._link.abandon()
        self.look_up()

    def close(self) -> None:
        """Nothing more will be delivered."""
        self._send_worker.dismiss()

    def _correct(self, answer: PaymentAnswer) -> None:
        """Set clock or counter right when a signed answer says that they are wrong.

        After a restored backup the counter goes on beyond every number used before: fewer than a thousand captures a
        second since 1970 were made, so the server's time in milliseconds is beyond them.
        """
        if answer.code is Code.CLOCK_SKEW:
            self._clock.set_to(answer.server_time)
        elif answer.code is Code.STALE_COUNTER:
            self._counter.advance_past(answer.server_time)

    def _leave(self, delivery: Delivery) -> None:
        delivery.abandon()
        self._send_worker.dismiss()
        self._send_worker = SendWorker()

    def _note_sent(self) -> None:
        """On its way: from here on nobody waits for the disk."""
        self._latency(SENT)
        self._journal.sync_sent()

    def _read(self, sealed: SealedRequest, reply: bytes) -> PaymentAnswer | None:
        try:
            answer = PaymentAnswer.decode(sealed.answer_key.read(reply, self._server).body)
        except SealframeError as error:
            _log.warning("a reply was not a valid answer: %s", type(error).__name__)
            return None
        return answer if _fits(answer, sealed) else None


def _fits(answer: PaymentAnswer, sealed: SealedRequest) -> bool:
    """Whether an answer speaks of these bytes, and of this payment wherever it speaks of one."""
    request = sealed.request
    asked = (request.payment_id, request.payee, request.amount, request.currency)
    said = (answer.payment_id, answer.payee, answer.amount, answer.currency)
    if answer.message_digest != sealed.message_digest.hex() or contradicts_itself(answer):
        return False
    return said == asked if answer.payment_id is not None else answer.state is None
