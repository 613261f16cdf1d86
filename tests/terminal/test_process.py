"""`sealframe terminal` as a process with its page: interrupted, killed, running for long. Covers A51."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sealframe as sf
from sealframe.payment_protocol import Code
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments import administration
from sealframe.server.storage.device_records import record_of
from sealframe.terminal.camera.source import BrowserCamera
from sealframe.terminal.states import Reason, State
from tests.programs.terminal_endurance import endure
from tests.server.bank import BOB, FUNDS
from tests.terminal.browser import CHROMIUM, Person, chromium
from tests.terminal.running_terminal import QUICK, RunningTerminal
from tests.terminal.served_bank import ServedBank

FRAMES, CAPTURES = 10_000, 200
GROWTH_KIB = 4096


def terminal(site: ServedBank, folder: Path) -> Process:
    keys = ["--as", str(folder / "pos.key"), "--to", str(folder / "server.pub"), "--payee", "shop"]
    trace = ["--trace", str(folder / "trace.png")]
    return Process("terminal", *keys, "--server", site.address, "--source", str(folder / "faces"), *trace)


class Process:
    """The program, and its page as a program sees it."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sealframe", *command, "--no-browser"],
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert self.process.stdout is not None
        self.said = ""
        while not (found := re.search(r"(http://\S+)/#(\S+)\n", self.said)):
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        self.origin, self.token = found.groups()

    def post(self, path: str, said: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Origin": self.origin, "Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(self.origin + path, json.dumps(said).encode(), headers)).close()

    def until(self, *states: State) -> dict[str, Any]:
        """The first view in one of these states."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with urllib.request.urlopen(
            urllib.request.Request(self.origin + "/events", headers=headers), timeout=30
        ) as said:
            for line in said:
                if line.startswith(b"data: ") and (view := json.loads(line[6:]))["state"] in states:
                    return dict(view)
        raise AssertionError(f"the events ended without {states}")

    def end(self, number: int) -> int:
        """As Ctrl-C does, the signal goes to all processes of the program; what it says to the end is kept."""
        os.killpg(self.process.pid, number)
        rest, self.complaints = self.process.communicate(timeout=30)
        self.said += rest
        return self.process.returncode


@pytest.fixture
def folder(site: ServedBank, tmp_path: Path) -> Path:
    """Keys that the bank knows, and a stranger before the camera."""
    key = sf.DeviceKey.generate("POS-PAGE")
    site.bank.operate(administration.register_device, device=key.public, record=record_of(key.public))
    key.save(tmp_path / "pos.key")
    site.bank.key.public.save(tmp_path / "server.pub")
    (tmp_path / "faces").mkdir()
    for capture in range(3):
        Image.fromarray(draw_face(BOB, 20 + capture)).save(tmp_path / "faces" / f"{capture}.png")
    return tmp_path


@pytest.fixture
def started(site: ServedBank, folder: Path) -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for each in processes:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a51_an_interrupt_in_the_middle_ends_cleanly(
    site: ServedBank, folder: Path, started: list[Process], number: int, status: int
) -> None:
    started.append(terminal(site, folder))
    (one,) = started
    one.post("/start", {"screen": one.until(State.IDLE)["screen"], "amount": "2.50", "account": "alice"})
    one.until(State.READY)
    assert one.end(number) == status
    assert "medians of" in one.said or "nothing to trace" in one.said
    with pytest.raises(urllib.error.URLError):
        one.until(State.IDLE)
    assert len(list((folder / "pos.journal").glob("*.open"))) == 1, "what has no end stays in the journal"


def test_a51_a_terminal_killed_in_the_middle_resolves_the_payment_when_it_starts_again(
    site: ServedBank, folder: Path, started: list[Process]
) -> None:
    started.append(terminal(site, folder))
    first = started[0]
    first.post("/start", {"screen": first.until(State.IDLE)["screen"], "amount": "2.50", "account": "alice"})
    first.until(State.FAILED)
    first.end(signal.SIGKILL)
    started.append(terminal(site, folder))
    ended = started[1].until(State.CANCELLED)
    assert ended["amount"] == "2.50"
    assert not list((folder / "pos.journal").glob("*.open"))
    assert site.bank.balance("alice") == FUNDS


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; apt-get install chromium")
@pytest.mark.skipif(find_spec("playwright") is None, reason="there is no Playwright; pip install playwright")
def test_a_third_language_is_everywhere_on_the_page(
    site: ServedBank, folder: Path, started: list[Process], third_language: str
) -> None:
    from playwright.sync_api import sync_playwright

    started.append(terminal(site, folder))
    origin, token = started[0].origin, started[0].token
    with sync_playwright() as playwright, chromium(playwright) as browser:
        stranger = Person(browser, origin)
        stranger.finds("xx label closed")
        person = Person(browser, f"{origin}/#{token}")
        person.until("idle")
        walked = []
        for _ in range(4):
            walked.append(person.tab.inner_text("h1"))
            person.tab.click("#language")
        assert walked == ["Ready for a payment", "xx state idle", "请输入金额", "Ready for a payment"]
        assert person.tab.evaluate("document.documentElement.lang") == third_language
        assert person.tab.inner_text("#language") == "中文"
        for name in ("amount", "account", "pay"):
            person.finds(f"xx label {name}")
        person.pay("1,250", "alice")
        person.finds("xx amount decimals 1250 1250.00 2")
        person.pay("2.50", "alice")
        person.until("failed")
        for text in ("xx state failed", "xx code face_mismatch", "xx label left 4", "xx label payee"):
            person.finds(text)
        person.tab.reload()
        person.finds("xx state failed")
        person.choose("cancel")
        person.finds("xx code cancelled")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--payee", "no such name"], "--payee or --currency"),
        (["--currency", "euro"], "--payee or --currency"),
        (["--currency", "XAU"], "ISO 4217"),
        (["--port", "70000"], "the port must be 0 to 65535"),
        (["--source", "nowhere.mp4"], "nowhere.mp4 does not exist"),
        (["--ui", "text", "--source", "browser"], "needs the web page"),
        (["--server", "http://bank.example"], "plain http"),
        (["--splice-rule", "missing.toml"], "missing.toml"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(
    site: ServedBank, folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    from sealframe.cli import main

    keys = ["--as", str(folder / "pos.key"), "--to", str(folder / "server.pub"), "--payee", "shop"]
    given = ["--server", site.address, "--source", str(folder / "faces"), "--no-browser"]
    assert main(["terminal", *keys, *given, *options]) == 1
    assert sentence in capsys.readouterr().err


def test_the_demonstration_opens_server_and_terminal_together(started: list[Process]) -> None:
    started.append(Process("demo", "pay", "--terminal"))
    (demo,) = started
    demo.post("/start", {"screen": demo.until(State.IDLE)["screen"], "amount": "12.50", "account": "alice"})
    paid = demo.until(State.PAID)
    demo.post("/choose", {"screen": paid["screen"], "choice": "done"})
    demo.post("/start", {"screen": demo.until(State.IDLE)["screen"], "amount": "12.50", "account": "bob"})
    assert demo.until(State.FAILED)["texts"]["en"]["why"] == Code.FACE_MISMATCH.message
    assert demo.end(signal.SIGINT) == 0
    assert paid["reference"] in demo.said
    assert "balances: shop 12.50, alice 87.50, bob 100.00" in demo.said
    assert "Traceback" not in demo.complaints


def test_captures_that_are_sealed_and_sent_leave_nothing_behind(tmp_path: Path) -> None:
    """A short form of `python -m tests.programs.terminal_endurance`; an envelope has 35 KiB."""
    first, *_, last = endure(CAPTURES, tmp_path, looks=4)
    assert last.kib - first.kib < GROWTH_KIB, (first, last)
    assert (last.threads, last.files) == (first.threads, first.files)


def test_memory_is_flat_over_ten_thousand_frames(site: ServedBank, tmp_path: Path) -> None:
    from dataclasses import replace

    camera = BrowserCamera()
    till = RunningTerminal(site, tmp_path / "till", replace(QUICK, no_good_picture=600), source=camera)
    dark, ended = np.zeros((480, 640, 3), np.uint8), threading.Event()

    def show_darkness() -> None:
        while not ended.is_set():
            camera.offer(dark.copy(), 0.2)

    page = threading.Thread(target=show_darkness)
    till.pay()
    page.start()
    before = _kib_after(till, FRAMES // 10)
    after = _kib_after(till, FRAMES)
    ended.set()
    page.join()
    till.cancel()
    assert till.until(State.CANCELLED).reason is Reason.BY_PERSON
    till.stop()
    assert after - before < GROWTH_KIB, f"from {before} KiB to {after} KiB"


def _kib_after(till: RunningTerminal, frames: int) -> int:
    """Resident memory once so many frames were shown."""
    seen = 0
    while seen < frames:
        seen, _ = till.controller.board.wait_for_frame(seen, 5)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
