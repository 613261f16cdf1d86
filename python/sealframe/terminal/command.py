"""`sealframe terminal`: one terminal from its keys, its camera and its server, until told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sealframe as sf
from sealframe.cli.keys import Passwords
from sealframe.payment_protocol import Action, PaymentRequest, new_payment_id
from sealframe.terminal.camera.source import BROWSER, source_of
from sealframe.terminal.clock import CorrectedClock
from sealframe.terminal.drawn_counter import DrawnCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.latency import Latency
from sealframe.terminal.link import ServerLink
from sealframe.terminal.payment_controller import PaymentController

if TYPE_CHECKING:
    import argparse

    from sealframe.terminal.camera.source import Source

STOP_SECONDS = 10


class Screen(Protocol):
    """Shows a cashier and gives it commands."""

    def run(self) -> None:
        """Until the cashier is stopped, or the person ends it."""


def run(arguments: argparse.Namespace) -> int:
    """Serve payments; Ctrl-C and SIGTERM release the camera and leave the journal whole (A51)."""
    _check(arguments)
    _silence_opencv()
    latency = Latency()
    device = Path(arguments.device)
    key = Passwords(arguments).load(sf.DeviceKey.load, device)
    server = sf.ServerPublic.load(arguments.to)
    source = source_of(arguments.source)
    clock, counter = CorrectedClock(), DrawnCounter(sf.CounterFile(device.with_suffix(".counter")))
    sealer = sf.Sealer(to=server, device=key, counter=counter, clock=clock)
    with (
        Journal(arguments.journal or device.with_suffix(".journal")) as journal,
        ServerLink(arguments.server) as link,
    ):
        controller = PaymentController(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=clock,
            source=source,
            link=link,
            journal=journal,
            latency=latency,
        )
        try:
            _serve(controller, _screen(arguments, controller, source))
        finally:  # Ctrl-C is how a terminal ends
            if arguments.trace:
                _report(latency, arguments.trace)
    return 0


def _report(latency: Latency, picture: str) -> None:
    from sealframe.terminal.latency_plot import report

    report(latency, Path(picture))


def _check(arguments: argparse.Namespace) -> None:
    """Refuse at the start what no payment could carry."""
    other = "a" if arguments.payee != "a" else "b"
    try:
        PaymentRequest(Action.PAY, new_payment_id(), arguments.payee, 1, arguments.currency, other)
    except ValueError as error:
        raise sf.PolicyError(f"Payee or currency cannot be used: {error}.") from None
    if arguments.ui == "text" and arguments.source == BROWSER:
        raise sf.PolicyError("A browser's camera needs the page; leave out --ui text, or name another --source.")


def _silence_opencv() -> None:
    """Its warnings would stand in the middle of the screen, which says itself that a camera does not work."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def _screen(arguments: argparse.Namespace, controller: PaymentController, source: Source) -> Screen:
    if arguments.ui == "text":
        from sealframe.terminal.screen.text_screen import TextScreen

        return TextScreen(controller, arguments.payee, arguments.currency, arguments.language)
    from sealframe.terminal.screen.page import Page, Shop

    shop = Shop(arguments.payee, arguments.currency, arguments.language, is_test=arguments.test)
    return Page(controller, source, shop, port=arguments.port, opens_browser=arguments.browser and _has_desktop())


def _has_desktop() -> bool:
    """Whether a browser could open a window; without one some systems would start one in the text screen."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _serve(controller: PaymentController, screen: Screen) -> None:
    """Until the screen ends. A signal stops the cashier, and is never lost in the middle of drawing; a second one ends.

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
