"""Headless Chromium before a terminal's page, its camera a file of drawn faces, or none that it may use."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sealframe.sandbox.drawn_faces import draw_face
from sealframe.terminal.screen.page import Page, Shop
from tests.terminal.running_terminal import RunningTerminal

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WINDOW = {"width": 1024, "height": 768}


def write_camera_file(path: Path, person: int, frames: int = 8) -> Path:
    """Motion JPEG of a drawn person in the middle of 640x480, as Chromium's fake camera plays it."""
    with path.open("wb") as file:
        for capture in range(frames):
            frame = Image.new("RGB", (640, 480), (196, 202, 208))
            frame.paste(
                Image.fromarray(draw_face(person, 40 + capture)).resize((480, 480), Image.Resampling.BICUBIC), (80, 0)
            )
            jpeg = io.BytesIO()
            frame.save(jpeg, "JPEG", quality=95, subsampling=0)
            file.write(jpeg.getvalue())
    return path.absolute()


@contextmanager
def chromium(playwright: Any, camera: Path | None = None) -> Iterator[Any]:
    """A browser whose camera plays this file."""
    options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--disable-gpu", "--hide-scrollbars"]
    if camera is not None:
        options.append(f"--use-file-for-fake-video-capture={camera}")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
    try:
        yield browser
    finally:
        browser.close()


class ServedPage:
    """The page of a running till."""

    def __init__(self, till: RunningTerminal, **shop: Any) -> None:
        given = {"payee": "shop", "currency": "EUR", "language": "en", **shop}
        self.page = Page(till.controller, till.source, Shop(**given))
        self.address = self.page.address
        self.thread = threading.Thread(target=self.page.run)
        self.thread.start()

    def join(self) -> None:
        """Once the cashier has stopped."""
        self.thread.join(20)
        assert not self.thread.is_alive()


class Person:
    """Who stands before the page: sees what is visible, touches what can be touched."""

    def __init__(self, browser: Any, address: str, *, camera: bool = True, **context: Any) -> None:
        options = {"viewport": WINDOW, "permissions": ["camera"] if camera else [], **context}
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.tab.goto(address)

    def until(self, *states: str) -> str:
        wanted = ", ".join(f'body[data-state="{state}"]' for state in states)
        self.tab.wait_for_selector(wanted)
        return str(self.tab.evaluate("document.body.dataset.state"))

    def pay(self, amount: str = "2.50", account: str = "alice") -> None:
        self.until("idle")
        self.tab.fill("[name=amount]", amount)
        self.tab.fill("[name=account]", account)
        self.tab.keyboard.press("Enter")

    def rest(self) -> None:
        """A moment in which no key counts, since it may have been meant for the screen before."""
        self.tab.wait_for_timeout(500)

    def choose(self, choice: str) -> None:
        self.tab.click(f'[data-choice="{choice}"]:visible')

    def press(self, keys: str) -> None:
        """Keys of the pad on the screen."""
        for key in keys:
            self.tab.click(f'.pad [data-key="{key}"]')

    def finds(self, words: str) -> None:
        """Wait for words on the screen."""
        self.tab.locator("main").filter(has_text=words).wait_for()

    def reads(self) -> str:
        return str(self.tab.inner_text("main"))

    def close(self) -> None:
        self.context.close()


def has_picture(person: Person) -> bool:
    """Whether a moving picture stands in the oval: not all of it one colour."""
    shot = person.tab.locator(".camera").screenshot()
    return float(np.asarray(Image.open(io.BytesIO(shot)).convert("L")).std()) > 20
