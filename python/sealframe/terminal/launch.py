"""One terminal from its keys, its camera and its server, until it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import sealframe as sf
from sealframe.capture_context import DEFAULT_RULE
from sealframe.payment_protocol import Action, PaymentRequest, new_payment_id
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.link import ServerLink
from sealframe.terminal.payment_controller import PaymentController

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealframe.capture_context import SpliceRule
    from sealframe.terminal.camera.source import Source
    from sealframe.terminal.latency import Latency
    from sealframe.terminal.screen.page import Shop

STOP_SECONDS = 10


class Screen(Protocol):
    """Shows a payment controller and gives it commands."""

    def run(self) -> None:
        """Until the controller is stopped, or the person ends it."""


@dataclass(frozen=True, slots=True)
class TerminalKeys:
    """Who a terminal is, and whom it trusts."""

    device: sf.DeviceKey
    server: sf.ServerPublic
    counter: Path
    """The file of the device's capture counter."""
    journal: Path
    """The folder of payments that have no end yet."""
    splice_rule: SpliceRule = DEFAULT_RULE
    """How capture contexts are written; the server must know it too."""


def require_payable(payee: str, currency: str) -> None:
    """Raise PolicyError at the start for a payee or a currency that no payment could carry."""
    other = "a" if payee != "a" else "b"
    try:
        PaymentRequest(Action.PAY, new_payment_id(), payee, 1, currency, other)
    except ValueError as error:
        raise sf.PolicyError(f"--payee or --currency cannot be used: {error}.") from None


def silence_opencv() -> None:
    """Its warnings would stand in the middle of the screen, which says itself that a camera does not work."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@contextmanager
def open_cashier(keys: TerminalKeys, server_url: str, source: Source, latency: Latency) -> Iterator[PaymentController]:
    """A payment controller that is not running yet.

    Parameters
    ----------
    keys
        Who the terminal is; journal and counter are held until the block ends.
    server_url
        https://..., or http:// on this computer alone.
    source
        Where frames come from.
    latency
        Keeps the stages of captures.

    Yields
    ------
    PaymentController
        For `serve`, and for the screen that shows it.

    Raises
    ------
    PolicyError
        For another address, or a journal that another terminal holds.

    """
    clock, counter = CorrectedClock(), DrawnCounter(sf.CounterFile(keys.counter))
    sealer = sf.Sealer(to=keys.server, device=keys.device, counter=counter, clock=clock, splice_rule=keys.splice_rule)
    with Journal(keys.journal) as journal, ServerLink(server_url) as link:
        yield PaymentController(
            sealer=sealer,
            server=keys.server,
            counter=counter,
            clock=clock,
            source=source,
            link=link,
            journal=journal,
            latency=latency,
        )


def text_screen(controller: PaymentController, shop: Shop) -> Screen:
    """The screen in the terminal emulator, where commands are typed."""
    from sealframe.terminal.screen.text_screen import TextScreen

    return TextScreen(controller, shop.payee, shop.currency, shop.language)


def page_screen(
    controller: PaymentController, source: Source, shop: Shop, *, port: int = 0, opens_browser: bool = True
) -> Screen:
    """The page on 127.0.0.1, in a browser where there is a desktop. `port` 0 takes any that is free.

    Raises PolicyError when the port is taken.
    """
    from sealframe.terminal.screen.page import Page

    return Page(controller, source, shop, port=port, opens_browser=opens_browser and _has_desktop())


def serve(controller: PaymentController, screen: Screen) -> None:
    """Until the screen ends. A signal stops the controller, never in the middle of drawing; a second one ends.

    Raises KeyboardInterrupt after Ctrl-C.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    told: set[int] = set()

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        told.add(number)
        controller.stop()

    worker = threading.Thread(target=controller.run, name="cashier")
    for number in before:
        signal.signal(number, stop)
    worker.start()
    try:
        screen.run()
    finally:
        controller.stop()
        worker.join(STOP_SECONDS)
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in told:
        raise KeyboardInterrupt


def _has_desktop() -> bool:
    """Whether a browser could open a window; without one some systems would start one in the text screen."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
