"""`sealframe terminal`: one terminal from its keys, its camera and its server, until told to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sealframe as sf
from sealframe.cli.streams import password_of
from sealframe.payment import require_account_name
from sealframe.terminal.cashier import Cashier
from sealframe.terminal.clock import CorrectedClock, NotedCounter
from sealframe.terminal.journal import Journal
from sealframe.terminal.link import ServerLink
from sealframe.terminal.source import source_of
from sealframe.terminal.text_screen import TextScreen

if TYPE_CHECKING:
    import argparse

STOP_SECONDS = 10


def run(arguments: argparse.Namespace) -> int:
    """Serve payments; Ctrl-C and SIGTERM release the camera and leave the journal whole (A51)."""
    try:
        require_account_name(arguments.payee)
    except ValueError as error:
        raise sf.PolicyError(f"The payee cannot be used: {error}.") from None
    times = sf.StageTimes()
    device = Path(arguments.device)
    key = sf.DeviceKey.load(device, password_of(arguments))
    server = sf.ServerPublic.load(arguments.to)
    clock, counter = CorrectedClock(), NotedCounter(sf.CounterFile(device.with_suffix(".counter")))
    sealer = sf.Sealer(to=server, device=key, counter=counter, clock=clock)
    with (
        Journal(arguments.journal or device.with_suffix(".journal")) as journal,
        ServerLink(arguments.server) as link,
    ):
        cashier = Cashier(
            sealer=sealer,
            server=server,
            counter=counter,
            clock=clock,
            source=source_of(arguments.source),
            link=link,
            journal=journal,
            times=times,
        )
        _serve(cashier, TextScreen(cashier, arguments.payee, arguments.currency, arguments.language))
    if arguments.trace:
        _print_trace(times)
    return 0


def _serve(cashier: Cashier, screen: TextScreen) -> None:
    worker = threading.Thread(target=cashier.run, name="cashier")
    before = signal.signal(signal.SIGTERM, lambda *_: cashier.stop())
    worker.start()
    try:
        screen.run()
    finally:
        cashier.stop()
        worker.join(STOP_SECONDS)
        signal.signal(signal.SIGTERM, before)


def _print_trace(times: sf.StageTimes) -> None:
    """Milliseconds of all captures together, from the frame in memory to the server's answer."""
    print("\nfrom frame to answer, all requests together")
    for stage, spent in times.nanoseconds.items():
        print(f"  {stage:16} {spent / 1e6:10.2f} ms")
