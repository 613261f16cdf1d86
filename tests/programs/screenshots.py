"""The pictures of docs/terminal.md: `python -m tests.programs.screenshots docs/pictures`.

Every state, in English one by one and in Chinese on a sheet, from the real page before the real server, with a drawn
face. Needs the extras `terminal`, `server`, `test`, Playwright and Chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from sealframe.terminal.states import State
from tests.terminal.browser import Person, ServedPage, chromium
from tests.terminal.every_state import walk
from tests.terminal.running_terminal import RunningTerminal
from tests.terminal.served_bank import ServedBank, close_fronts

STEP = 4


def take_pictures(language: str) -> dict[State, Image.Image]:
    taken = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, chromium(playwright) as browser:
        site = ServedBank(Path(folder) / "bank")
        till = RunningTerminal(site, Path(folder) / "till", start=False)
        till.start(is_cut=True)
        page = ServedPage(till, language=language, is_test=True)
        person = Person(browser, page.address, reduced_motion="reduce")
        try:
            for state in walk(till, person):
                person.tab.mouse.move(1, 1)
                person.tab.wait_for_timeout(150)
                taken[state] = Image.open(io.BytesIO(person.tab.screenshot()))
        finally:
            till.stop()
            page.join()
            site.close()
            close_fronts()
    return taken


def save(picture: Image.Image, path: Path) -> None:
    """Fine differences of shade are left out, for a smaller file."""
    Image.fromarray(np.asarray(picture.convert("RGB")) // STEP * STEP + STEP // 2).save(path, optimize=True)
    print(path, path.stat().st_size)


def save_sheet(pictures: list[Image.Image], path: Path) -> None:
    """All in one picture, three in a row, at 45 %."""
    width, height = (int(side * 0.45) for side in pictures[0].size)
    sheet = Image.new("RGB", (3 * width, -(-len(pictures) // 3) * height))
    for number, each in enumerate(pictures):
        small = each.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, (number % 3 * width, number // 3 * height))
    save(sheet, path)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    for name, picture in take_pictures("en").items():
        save(picture, out / f"terminal-en-{name}.png")
    save_sheet(list(take_pictures("zh").values()), out / "terminal-zh.png")
