"""`sealframe terminal` as a person meets it: through a pseudo-terminal, against a real server. Covers A51, M27, M28."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import sealframe as sf
from sealframe.sandbox.drawn_faces import draw_face
from sealframe.server.payments import administration
from sealframe.server.storage.device_records import record_of
from tests.server.bank import ALICE, BOB, FUNDS, PASSWORD
from tests.terminal.network import Network
from tests.terminal.served_bank import ServedBank


class Session:
    """The program under a pseudo-terminal."""

    def __init__(self, site: ServedBank, folder: Path, person: int, *options: str) -> None:
        key = sf.DeviceKey.generate("POS-TEXT")
        site.bank.operate(administration.register_device, device=key.public, record=record_of(key.public))
        key.save(folder / "pos.key")
        site.bank.key.public.save(folder / "server.pub")
        pictures = folder / "faces"
        pictures.mkdir()
        for capture in range(3):
            Image.fromarray(draw_face(person, 20 + capture)).save(pictures / f"{capture}.png")
        self.folder = folder
        self.ours, theirs = pty.openpty()
        code = "import sys; from sealframe.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [
            sys.executable,
            "-c",
            code,
            "terminal",
            "--ui",
            "text",
            "--as",
            str(folder / "pos.key"),
            "--payee",
            "shop",
        ]
        command += ["--to", str(folder / "server.pub"), "--server", site.address, "--source", str(pictures), *options]
        plain = {**os.environ, "TERM": "dumb"}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=plain)
        os.close(theirs)
        self.text = ""

    def until(self, wanted: str, timeout_s: float = 30) -> str:
        """Read until this stands on the screen; gives what came up to it, and goes on behind it."""
        end = time.monotonic() + timeout_s
        while wanted not in self.text:
            assert time.monotonic() < end, f"no {wanted!r} in {self.text!r}"
            if not select.select([self.ours], [], [], 0.2)[0]:
                continue
            try:
                self.text += os.read(self.ours, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended without {wanted!r}: {self.text!r}") from None
        before, self.text = self.text.split(wanted, 1)
        return before

    def type(self, line: str) -> None:
        os.write(self.ours, line.encode() + b"\n")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def sessions() -> Iterator[list[Session]]:
    opened: list[Session] = []
    yield opened
    for session in opened:
        session.close()


def test_m27_m28_a_stranger_fails_the_password_pays_and_is_never_shown(
    site: ServedBank, tmp_path: Path, sessions: list[Session]
) -> None:
    session = Session(site, tmp_path, BOB, "--trace", str(tmp_path / "trace.png"))
    sessions.append(session)
    session.until("Ready for a payment")
    session.type("2.50 alice")
    session.until("Not paid")
    session.until("f  Face again    p  Password    c  Cancel")
    session.type("p")
    session.until("Enter the password")
    session.until("cancels")
    time.sleep(0.3)
    session.type(PASSWORD)
    receipt = session.until("Paid ")
    assert PASSWORD not in receipt
    receipt = session.until("Next payment")
    assert re.search(r"Payee\s+shop", receipt)
    assert re.search(r"Amount\s+2\.50 EUR", receipt)
    assert re.search(r"Reference\s+[0-9A-F]{12}", receipt)
    session.type("")
    session.until("Ready for a payment")
    session.type("q")
    session.until("the terminal adds")
    assert session.process.wait(20) == 0
    with Image.open(tmp_path / "trace.png") as trace:
        assert trace.width > 600
    assert site.bank.balance("alice") == FUNDS - 250
    assert not list((tmp_path / "pos.journal").glob("*.open"))


def test_a51_an_interrupt_releases_everything_and_the_face_pays_in_chinese(
    site: ServedBank, tmp_path: Path, sessions: list[Session]
) -> None:
    session = Session(site, tmp_path, ALICE, "--language", "zh")
    sessions.append(session)
    session.until("请输入金额")
    session.type("nonsense")
    session.until("请输入正确的金额\uff08如 12.50\uff09")
    session.type("2.50 a/b")
    session.until("请输入账户")
    session.type("\uff12\uff0e\uff15\uff10 alice")
    session.until("付款成功")
    session.process.send_signal(signal.SIGINT)
    assert session.process.wait(20) == 130
    assert site.bank.balance("alice") == FUNDS - 250


def test_m28_cancel_waits_for_no_server_and_a_charge_that_was_made_is_shown(
    site: ServedBank, network: Network, tmp_path: Path, sessions: list[Session]
) -> None:
    session = Session(site, tmp_path, ALICE, "--server", network.address)
    sessions.append(session)
    session.until("Ready for a payment")
    session.type("1 alice")  # sets the terminal's clock by the bank's
    session.until("Next payment")
    session.type("")
    session.until("Ready for a payment")
    network.hold_replies()
    session.type("2.50 alice")
    assert network.has_reply.wait(30)
    session.type("c")
    session.until("Cancelling, do not pay again")
    network.release()
    session.until("Paid ")
    session.until("The payment was made before the cancellation")
    assert site.bank.balance("alice") == FUNDS - 350


@pytest.mark.parametrize(
    ("currency", "typed", "sentence"),
    [
        ("EUR", "1,250 alice", "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("RWF", "12.50 alice", "Write the amount as 1250: no comma, no decimals."),
        ("KWD", "12 shop", "Check the account name."),
    ],
)
def test_what_cannot_be_paid_is_said_and_starts_nothing(
    site: ServedBank, tmp_path: Path, sessions: list[Session], currency: str, typed: str, sentence: str
) -> None:
    session = Session(site, tmp_path, ALICE, "--currency", currency)
    sessions.append(session)
    session.until("Ready for a payment")
    session.type(typed)
    session.until(sentence)
    session.type("q")
    assert session.process.wait(20) == 0
    assert not list((tmp_path / "pos.journal").glob("*.open"))


def test_a_third_language_is_found_by_its_catalogue(
    site: ServedBank, tmp_path: Path, sessions: list[Session], third_language: str
) -> None:
    session = Session(site, tmp_path, BOB, "--language", third_language)
    sessions.append(session)
    session.until("xx state idle")
    session.type("1,250 alice")
    session.until("xx amount decimals")
    session.type("2.50 alice")
    session.until("xx state failed")
    session.until("xx code face_mismatch")
    session.until("xx label left 4")
    session.until("xx label cancel")
    session.type("c")
    session.until("xx state cancelled")
    session.until("xx code cancelled")
