"""The demonstration's bank behind HTTP, and `sealframe terminal` before it.

Two processes, as in life: this one serves, the other shows the page. It ends with the terminal, and tells the ledger.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import uvicorn
from PIL import Image

from sealframe.image import frame_from_bytes, rgb_pixels
from sealframe.sandbox.bank import PASSWORD, Bank, open_demo_bank
from sealframe.server.http.app import build_app
from sealframe.server.serving import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def run_terminal(
    folder: Path, people: Path | None, *, ui: str, opens_browser: bool, say: Callable[[str], None]
) -> bool:
    """Serve a bank until the terminal before it is ended.

    Parameters
    ----------
    folder
        An empty one, for keys, database and what the camera sees.
    people
        A folder for each of two people, at least four pictures in each; None draws two faces.
    ui
        The terminal's screen, "page" or "text".
    opens_browser
        Whether the page is opened in a browser.
    say
        Called with each line of what happens.

    Returns
    -------
    bool
        Whether the terminal ended well, and the ledger is sound.

    Raises
    ------
    ImageError
        When there are not two people who can be enrolled.

    """
    bank = open_demo_bank(folder, people, say)
    terminal = [*_terminal(folder, bank), "--ui", ui, *([] if opens_browser else ["--no-browser"])]
    payer, other = bank.customers
    say(f"{payer} stands before the camera: pay as {payer}; as {other} the face does not match")
    say(f"every password is {PASSWORD}; stop with Ctrl-C")
    with _served(bank) as address:
        status = _run([*terminal, "--server", address])
    return bank.close_soundly() and status in (0, 130, -signal.SIGTERM)


def _terminal(folder: Path, bank: Bank) -> list[str]:
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
    return [*command, "--as", str(folder / "pos.key"), "--to", str(folder / "server.pub")]


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
