"""One sealed request on its way, in another thread: who waits for its answer may leave at any moment."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from sealframe.terminal.link import NoReply, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealframe.payment_protocol import PaymentAnswer
    from sealframe.terminal.link import ServerLink


class SendWorker:
    """A thread that does one piece of work after another; one that hangs is left to itself, and another is made."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name="delivery", daemon=True).start()

    def do(self, work: Callable[[], None]) -> None:
        """Begin `work`, once what came before is done."""
        self._work.put(work)

    def dismiss(self) -> None:
        """The thread ends when its work does."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class Delivery:
    """Sends the same bytes until they get their answer, or it is abandoned: from then on nothing of them leaves."""

    def __init__(
        self,
        link: ServerLink,
        envelope: bytes,
        *,
        resend: Sequence[float],
        read: Callable[[bytes], PaymentAnswer | None],
        sent: Callable[[], object],
        ended: Callable[[], object],
    ) -> None:
        """`resend`: seconds before the same bytes are sent again. `read`: the answer in a reply, if it is one.

        `sent` is called when the bytes are on their way, `ended` when there is an answer, or none will come.
        """
        self._link = link
        self._envelope = envelope
        self._resend = resend
        self._read = read
        self._sent = sent
        self._ended = ended
        self._door = threading.Lock()
        self._abandoned = threading.Event()
        self._answer: PaymentAnswer | None = None
        self._fault: Exception | None = None
        self.has_ended = False
        """Whether nothing more is to be awaited."""
        self.may_have_left = False
        """Whether the server can have seen anything of it; final once it has ended or is abandoned."""

    def run(self) -> None:
        """Send until there is an answer, or no more to be done."""
        try:
            for pause in (0.0, *self._resend):
                if self._abandoned.wait(pause) or self._is_answered():
                    break
        except Exception as error:
            self._fault = error
        self.has_ended = True
        self._ended()

    @property
    def answer(self) -> PaymentAnswer | None:
        """What the server said; None when it said nothing. Raises what was a fault of the program."""
        if self._fault is not None:
            raise self._fault
        return self._answer

    def abandon(self) -> None:
        """Leave it: what has not left never will, and what the server says is not heard."""
        with self._door:
            self._abandoned.set()
        self._link.abandon()

    def _is_answered(self) -> bool:
        try:
            reply = self._link.send(self._envelope, self._note_sent, self._leave)
        except NoReply:
            return False
        self._answer = self._read(reply)
        return self._answer is not None

    def _leave(self) -> None:
        with self._door:
            if self._abandoned.is_set():
                raise NotSent
            self.may_have_left = True

    def _note_sent(self) -> None:
        if not self._abandoned.is_set():
            self._sent()
