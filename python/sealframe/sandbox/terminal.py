"""The demonstration's bank behind HTTP, and `sealframe terminal` before it.

Two processes, as in life: this one serves, the other shows the page. It ends with the terminal, and tells the ledger.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from sealframe.image import frame_from_bytes, rgb_pixels
from sealframe.sandbox.demonstration import PASSWORD, Demonstration, open_demonstration
from sealframe.sandbox.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable
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
    shown = open_demonstration(folder, people, say)
    terminal = [*_terminal(folder, shown), "--ui", ui, *([] if opens_browser else ["--no-browser"])]
    payer, other = shown.customers
    say(f"{payer} stands before the camera: pay as {payer}; as {other} the face does not match")
    say(f"every password is {PASSWORD}; stop with Ctrl-C")
    with serve(shown.bank) as address:
        status = _run([*terminal, "--server", address])
    return shown.close_soundly() and status in (0, 130, -signal.SIGTERM)


def _terminal(folder: Path, shown: Demonstration) -> list[str]:
    """The command that starts the terminal; its keys and what its camera sees lie in `folder`."""
    shown.terminal.device.save(folder / "pos.key")
    shown.terminal.server.save(folder / "server.pub")
    camera = folder / "camera"
    camera.mkdir()
    payer = next(iter(shown.customers.values()))
    for number, picture in enumerate(payer.to_pay):
        pixels = rgb_pixels(frame_from_bytes(picture)) if isinstance(picture, bytes) else picture
        Image.fromarray(np.asarray(pixels)).save(camera / f"{number:02}.png")
    command = [sys.executable, "-m", "sealframe", "terminal", "--test", "--payee", "shop", "--source", str(camera)]
    return [*command, "--as", str(folder / "pos.key"), "--to", str(folder / "server.pub")]


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
