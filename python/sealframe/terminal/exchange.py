"""One request and its signed answer: seal, send, send the same bytes again, read.

Nothing but an answer that the server signed, for these very bytes and these very terms, is an answer (A63).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.errors import SealframeError
from sealframe.payment import Code, PaymentAnswer, PaymentState
from sealframe.terminal.latency import ANSWER, SENT
from sealframe.terminal.link import NoReply, NotSent

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from sealframe.capture_context import CounterFile
    from sealframe.envelope import AnswerKey
    from sealframe.keys import ServerPublic
    from sealframe.payment import PaymentRequest
    from sealframe.pipeline import Sealer
    from sealframe.terminal.clock import CorrectedClock
    from sealframe.terminal.latency import Latency
    from sealframe.terminal.link import ServerLink

_log = logging.getLogger("sealframe.terminal")


@dataclass(frozen=True, slots=True, repr=False)
class SealedRequest:
    """One request as it leaves: the same bytes may be sent again and again while its key is kept."""

    request: PaymentRequest
    envelope: bytes
    answer_key: AnswerKey


class Exchange:
    """A terminal's requests, each sealed anew, and the server's answers."""

    def __init__(
        self,
        *,
        sealer: Sealer,
        server: ServerPublic,
        counter: CounterFile,
        clock: CorrectedClock,
        link: ServerLink,
        latency: Latency,
        resend: Sequence[float],
        stopped: threading.Event,
    ) -> None:
        """`sealer` uses this `counter` and this `clock`; `resend`: seconds before the same bytes are sent again."""
        self._sealer = sealer
        self._server = server
        self._counter = counter
        self._clock = clock
        self._link = link
        self._latency = latency
        self._resend = resend
        self._stopped = stopped
        self.may_have_left = False
        """Whether the server can have seen anything since this was last set to False."""

    def warm_up(self, picture: bytes) -> None:
        """Seal once, unsent: the networks are loaded, and the first person waits no longer than the next."""
        self._sealer.seal(picture)

    def is_reachable(self) -> bool:
        """Whether anything answers at the server's address."""
        return self._link.is_reachable()

    def seal(self, request: PaymentRequest, picture: bytes) -> SealedRequest:
        """A new envelope around this JPEG, with a new counter and new random numbers (M29)."""
        envelope, key = self._sealer.seal_request(picture, request.encode(), mark=self._latency)
        return SealedRequest(request, envelope, key)

    def deliver(self, sealed: SealedRequest) -> PaymentAnswer | None:
        """Send the same bytes until they get their signed answer; None when they get none."""
        for pause in (0.0, *self._resend):
            if pause and self._stopped.wait(pause):
                break
            try:
                reply = self._link.send(sealed.envelope, lambda: self._latency(SENT))
            except NotSent:
                continue
            except NoReply:
                self.may_have_left = True
                continue
            self.may_have_left = True
            answer = self._read(sealed, reply)
            if answer is not None:
                self._latency(ANSWER)
                return answer
        return None

    def correct(self, answer: PaymentAnswer) -> bool:
        """Set clock or counter right when a signed answer says that they are wrong (A41, A63).

        After a restored backup the counter goes on beyond every number used before: fewer than a thousand captures a
        second since 1970 were made, so the server's time in milliseconds is beyond them.
        """
        if answer.code is Code.CLOCK_SKEW:
            self._clock.set_to(answer.server_time)
        elif answer.code is Code.STALE_COUNTER:
            self._counter.advance_past(answer.server_time)
        else:
            return False
        return True

    def _read(self, sealed: SealedRequest, reply: bytes) -> PaymentAnswer | None:
        try:
            answer = PaymentAnswer.decode(sealed.answer_key.read(reply, self._server).body)
        except SealframeError as error:
            _log.warning("a reply that is no answer: %s", type(error).__name__)
            return None
        return answer if _fits(answer, sealed) else None


def _fits(answer: PaymentAnswer, sealed: SealedRequest) -> bool:
    """Whether an answer speaks of these bytes, and of this payment wherever it speaks of one."""
    request = sealed.request
    asked = (request.payment_id, request.payee, request.amount, request.currency)
    said = (answer.payment_id, answer.payee, answer.amount, answer.currency)
    if answer.envelope_id != hashlib.sha256(sealed.envelope).hexdigest():
        return False
    if answer.payment_id is not None and said != asked:
        return False
    return answer.code not in (Code.PAID, Code.ALREADY_PAID) or (said == asked and answer.state is PaymentState.POSTED)
