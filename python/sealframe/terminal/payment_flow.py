"""The way a payment goes: amount, capture, answer, then another capture, the password, or its end.

The order that keeps money safe: payment and capture are on the disk before anything leaves, each capture is sealed
anew and sent; no signed answer: the same bytes again, then ask how the payment stands, then cancel until answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealframe.errors import ImageError
from sealframe.payment_protocol import Action
from sealframe.terminal import events
from sealframe.terminal.camera.jpeg import encode
from sealframe.terminal.camera.source import CameraDenied
from sealframe.terminal.latency import ENCODE
from sealframe.terminal.states import CAPTURING, ENDED, PAYING, Choice, Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from sealframe.payment_protocol import PaymentRequest
    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.exchange import Exchange
    from sealframe.terminal.frame_selector import FrameSelector
    from sealframe.terminal.journal import Journal, SealedRequest
    from sealframe.terminal.latency import Latency
    from sealframe.terminal.resolver import PaymentResolver
    from sealframe.terminal.session import PaymentSession

    Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, repr=False)
class ScreenCommand:
    """What a person did, and on which screen."""

    screen: int = -1
    choice: Choice | None = None
    request: PaymentRequest | None = None
    password: str | None = None


@dataclass(slots=True)
class PaymentFlow:
    """Carries one payment after another from its amount to its end. For the one thread that acts."""

    session: PaymentSession
    source: Source
    selector: FrameSelector
    exchange: Exchange
    resolver: PaymentResolver
    journal: Journal
    latency: Latency

    def obey(self, command: ScreenCommand) -> None:
        """Do what the person wants, if it was meant for the screen that is shown."""
        now = self.session.now
        if self.session.is_cancelled():
            self.resolver.cancel(Reason.BY_PERSON)
        elif command.screen != now.screen:
            return
        elif command.request is not None and now.state is State.IDLE:
            self._begin(command.request)
        elif command.password is not None and now.state is State.PASSWORD:
            self._pay_by_password(command.password)
        elif command.choice in now.choices:
            self._choose(command.choice)

    def abandon(self) -> None:
        """Nobody answers: the payment is cancelled, or its receipt closed."""
        if self.session.now.state in PAYING:
            self.resolver.cancel(Reason.ABANDONED)
        elif self.session.now.state in ENDED:
            self.session.to(events.Closed())

    def _begin(self, request: PaymentRequest) -> None:
        self.journal.begin(request)
        self.exchange.may_have_left = False
        self.session.to(events.Started(request))
        self._pay_by_face()

    def _choose(self, choice: Choice | None) -> None:
        if choice is Choice.FACE:
            self.session.to(events.FaceChosen())
            self._pay_by_face()
        elif choice is Choice.PASSWORD and self.session.now.state is State.FAILED:
            self.session.to(events.PasswordChosen())
        elif choice is Choice.DONE:
            self.session.to(events.Closed())

    def _pay_by_face(self) -> None:
        try:
            with self.source.open() as frames:
                self._capture_until_answered(frames)
        except ImageError as error:
            if self.session.now.state not in CAPTURING:
                raise
            denied = isinstance(error, CameraDenied)
            self.session.to(events.CannotCapture(Reason.CAMERA_DENIED if denied else Reason.NO_CAMERA))
        finally:
            self.session.board.show_no_frame()
        self._follow_up()

    def _capture_until_answered(self, frames: Iterator[Pixels | None]) -> None:
        """Capture, seal anew and send until there is an end, or the person must choose."""
        while self.session.now.state in CAPTURING:
            square = self.selector.select(frames)
            if square is None:
                return
            self.session.to(events.Captured())
            picture = encode(square)
            self.latency(ENCODE)
            self._settle(self.exchange.seal(self.session.request(Action.PAY), picture))

    def _pay_by_password(self, password: str) -> None:
        self._settle(self.exchange.seal_without_picture(self.session.request(Action.PASSWORD, password)))
        self._follow_up()

    def _settle(self, sealed: SealedRequest) -> None:
        """Deliver, and show what comes of it; whoever cancels meanwhile sees that at once, the camera still open."""
        self.session.to(events.Sent())
        answer = None if self.session.is_cancelled() else self.exchange.deliver(sealed)
        if answer is not None:
            self.session.take(answer, sealed.request.action)
        elif self.session.is_cancelled():
            self.resolver.show_cancelling(Reason.BY_PERSON)
        elif self.session.stopped:
            return
        elif self.exchange.may_have_left:
            self.session.to(events.NotAnswered())
        else:
            self.journal.never_send_again()
            self.session.to(events.NeverSent())

    def _follow_up(self) -> None:
        """With the camera released: find out what is unknown, and cancel what was cancelled meanwhile."""
        if self.session.now.state is State.UNKNOWN and not self.session.now.stopping:
            self.resolver.find_out()
        if self.session.is_cancelled():
            self.resolver.cancel(Reason.BY_PERSON)
        elif self.session.now.state is State.UNKNOWN:
            self.resolver.ask_until_answered(Action.CANCEL)
