"""`sealframe demo pay --terminal`: the demonstration's bank behind HTTP, and `sealframe terminal` before it.

Two processes, as in life: this one serves, the other shows the page. It ends with the terminal, and prints the ledger.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import uvicorn
from PIL import Image

from sealframe.image import frame_from_bytes, rgb_pixels
from sealframe.sandbox.bank import PASSWORD, Bank, open_demo_bank
from sealframe.server.command import listen
from sealframe.server.http.app import build_app

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def run_terminal(arguments: argparse.Namespace) -> int:
    """Until the terminal is ended. Exit 1 when it failed, or an invariant of the ledger does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        bank = open_demo_bank(Path(folder), arguments.faces)
        terminal = _terminal(Path(folder), bank, arguments)
        payer, other = bank.customers
        print(f"TEST       {payer} stands before the camera: pay as {payer}; as {other} the face does not match")
        print(f"TEST       passwords are {PASSWORD}; Ctrl-C ends it", flush=True)
        with _served(bank) as address:
            status = _run([*terminal, "--server", address])
        is_sound = bank.close_soundly()
    return 0 if is_sound and status in (0, 130, -signal.SIGTERM) else 1


def _terminal(folder: Path, bank: Bank, arguments: argparse.Namespace) -> list[str]:
    """The command that starts the terminal; its keys and what its camera sees lie in `folder`."""
    bank.device.save(folder / "pos.key")
    bank.server.save(folder / "server.pub")
    camera = folder / "camera"
    camera.mkdir()
    payer = next(iter(bank.customers.values()))
    for number, picture in enumerate(payer.to_pay):
        pixels = rgb_pixels(frame_from_bytes(picture)) if isinstance(picture, bytes) else picture
        Image.fromarray(np.asarray(pixels)).save(camera / f"{number:02}.png")
    command = [sys.executable, "-m", "sealframe", "terminal", "--test", "--payee", "shop", "--source", str(camera)]
    command += ["--as", str(folder / "pos.key"), "--to", str(folder / "server.pub"), "--ui", arguments.ui]
    return command if arguments.browser else [*command, "--no-browser"]


@contextmanager
def _served(bank: Bank) -> Iterator[str]:
    """The bank's server in a thread; its address."""
    with listen("127.0.0.1", 0) as listener:
        # without lifespan the application leaves the service open: the ledger is printed at the end
        config = uvicorn.Config(build_app(bank.service), lifespan="off", log_config=None, server_header=False)
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server")
        serving.start()
        while not server.started and serving.is_alive():
            time.sleep(0.01)
        try:
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            serving.join()


def _run(command: list[str]) -> int:
    """The terminal's exit status. Ctrl-C reaches both; the terminal ends at it, and so this does."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with subprocess.Popen(command) as terminal:  # noqa: S603  (this program)
            signal.signal(signal.SIGTERM, lambda *_: terminal.terminate())
            return terminal.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
