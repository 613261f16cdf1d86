"""Who may talk to the terminal's page, and what it takes. Covers A62."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sealframe.errors import PolicyError
from sealframe.terminal import screen
from sealframe.terminal.camera.source import BrowserCamera
from sealframe.terminal.screen import texts
from sealframe.terminal.screen.local_http import MOST_CONNECTIONS
from sealframe.terminal.screen.page import Page, Shop
from sealframe.terminal.states import State
from tests.terminal.browser import ServedPage
from tests.terminal.running_terminal import DrawnCamera, RunningTerminal
from tests.terminal.served_bank import ServedBank

START = json.dumps({"screen": 1, "amount": "2.50", "account": "alice"})
FRAME = bytes(64 * 64 * 4)
SMALL = "/frame?width=64&height=48"
BYTES: dict[str, Any] = {"Content_Type": "application/octet-stream"}


class Caller:
    """Asks the page as a program or another web page would, header by header."""

    def __init__(self, page: ServedPage | Page) -> None:
        self.origin, self.token = page.address.split("/#")
        self.host = self.origin.removeprefix("http://")

    def ask(self, method: str, path: str, body: bytes | str = b"", **changes: str | None) -> int:
        headers: dict[str, Any] = {
            "Host": self.host,
            "Origin": self.origin,
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        with closing(http.client.HTTPConnection(self.host, timeout=10)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body if isinstance(body, bytes) else body.encode())
            reply = connection.getresponse()
            self.headers, self.content = dict(reply.getheaders()), reply.read(1000)
            return reply.status


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTerminal]:
    """One for all: none of these tests changes anything. Its camera is the browser's."""
    folder = tmp_path_factory.mktemp("guard")
    site = ServedBank(folder / "bank")
    till = RunningTerminal(site, folder / "till", source=BrowserCamera())
    yield till
    till.stop()
    site.close()


@pytest.fixture(scope="module")
def page(till: RunningTerminal) -> Iterator[ServedPage]:
    page = ServedPage(till)
    yield page
    till.stop()
    page.join()


@pytest.fixture
def caller(page: ServedPage) -> Caller:
    return Caller(page)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Host": "terminal.example"}, 421),
        ({"Host": "localhost:80"}, 421),
        ({"Host": None}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Authorization": None}, 403),
        ({"Authorization": "Bearer "}, 403),
        ({"Authorization": "Bearer " + "A" * 43}, 403),
        ({"Authorization": "Bearer \u00e9"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": None}, 411),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "9999999"}, 413),
    ],
)
def test_a62_no_other_page_starts_a_payment(
    till: RunningTerminal, caller: Caller, changes: dict[str, str | None], status: int
) -> None:
    assert caller.ask("POST", "/start", START, **changes) == status
    assert till.now.state is State.IDLE


@pytest.mark.parametrize("path", ["/setup", "/events", "/preview?after=0"])
@pytest.mark.parametrize(
    "changes", [{"Authorization": None}, {"Origin": "http://evil.example"}, {"Host": "x"}, {"Sec-Fetch-Site": "none"}]
)
def test_a62_no_other_page_sees_anything(caller: Caller, path: str, changes: dict[str, str | None]) -> None:
    assert caller.ask("GET", path, **changes) in (403, 421)
    assert caller.content == b""


def test_a62_the_page_itself_holds_nothing_and_lies_in_no_frame(caller: Caller) -> None:
    plain = {"Authorization": None, "Origin": None, "Content-Type": None, "Content-Length": None}
    for path in ("/", "/page.js", "/page.css", "/wire.js", "/camera.js", "/pad.js", "/icon.svg", "/closed"):
        assert caller.ask("GET", path, **plain) == 200
        assert caller.token.encode() not in caller.content
        assert "frame-ancestors 'none'" in caller.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in caller.headers
    for path in ("/../command.py", "/static/index.html", "/page.py", "/%2e%2e/command.py"):
        assert caller.ask("GET", path) == 404


def test_the_page_names_nothing_outside_itself() -> None:
    folder = Path(screen.__file__).parent / "static"
    for path in folder.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        assert "@import" not in text, path


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "null", "{", '{"screen": 1}', '{"screen": true, "amount": "1", "account": "a"}', "[" * 4000],
)
def test_commands_that_are_none_are_refused(till: RunningTerminal, caller: Caller, body: str) -> None:
    assert caller.ask("POST", "/start", body) == 400
    assert till.now.state is State.IDLE


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/start", {"amount": "nothing", "account": "alice"}),
        ("/start", {"amount": "1", "account": "../x"}),
        ("/start", {"amount": "1", "account": "shop"}),
        ("/choose", {"choice": "everything"}),
    ],
)
def test_commands_that_cannot_be_are_refused(
    till: RunningTerminal, caller: Caller, path: str, said: dict[str, str]
) -> None:
    assert caller.ask("POST", path, json.dumps({"screen": till.now.screen, **said})) == 422
    assert till.now.state is State.IDLE


@pytest.mark.parametrize(
    ("amount", "account", "complaint"),
    [
        ("1,250", "alice", "Write the amount as 1250 or 1250.00: no comma, at most 2 decimals."),
        ("0", "alice", "Check the amount (for example 12.50)."),
        ("1", "../x", "Check the account name."),
        ("1", "shop", "Check the account name."),
    ],
)
def test_a_complaint_says_which_field_in_every_language(
    till: RunningTerminal, caller: Caller, amount: str, account: str, complaint: str
) -> None:
    said = json.dumps({"screen": till.now.screen, "amount": amount, "account": account})
    assert caller.ask("POST", "/start", said) == 422
    told = json.loads(caller.content)
    assert told["en"] == complaint
    assert set(told) == {*texts.LANGUAGES}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(caller: Caller, method: str) -> None:
    assert caller.ask(method, "/") == 501


def test_a_page_whose_terminal_has_its_own_camera_gives_no_frames(till: RunningTerminal) -> None:
    page = Page(till.controller, DrawnCamera(), Shop("shop", "EUR", "en"))
    threading.Thread(target=page._server.serve_forever, args=(0.05,), daemon=True).start()
    caller = Caller(page)
    assert caller.ask("POST", "/frame?width=64&height=64", FRAME, **BYTES) == 404
    page._server.shutdown()
    page._server.server_close()


@pytest.mark.parametrize(
    ("size", "length", "status"),
    [
        ("width=64&height=64", len(FRAME), 204),
        ("width=64&height=64", len(FRAME) - 1, 400),
        ("width=64&height=64", len(FRAME) + 1, 413),
        ("width=31&height=64", 31 * 64 * 4, 422),
        ("width=1921&height=64", 10, 422),
        ("width=-1&height=64", 10, 422),
        ("width=64", 10, 422),
        ("width=9999999999999999&height=64", 10, 422),
    ],
)
def test_frames_have_the_size_they_say(caller: Caller, size: str, length: int, status: int) -> None:
    assert caller.ask("POST", f"/frame?{size}", bytes(length), **BYTES) == status


def test_a_frame_arrives_as_it_was_sent(till: RunningTerminal, caller: Caller) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (48, 64, 4), np.uint8)
    with till.source.open() as frames:
        assert next(frames) is None
        sending = threading.Thread(target=caller.ask, args=("POST", SMALL, frame.tobytes()), kwargs=BYTES)
        sending.start()
        arrived = next(each for each in frames if each is not None)
    sending.join()
    assert np.array_equal(arrived, frame[:, :, 2::-1])


def test_a_frame_nobody_waits_for_is_not_used_later(till: RunningTerminal, caller: Caller) -> None:
    with till.source.open() as frames:
        threads = [
            threading.Thread(target=caller.ask, args=("POST", SMALL, bytes([shade]) * 12288), kwargs=BYTES)
            for shade in (1, 2)
        ]
        assert next(frames) is None
        threads[0].start()
        assert next(each for each in frames if each is not None).max() == 1
        # The terminal seals and sends now; a frame that comes meanwhile would be old when the next try begins.
        threads[1].start()
        time.sleep(0.2)
        assert next(frames) is None
    for thread in threads:
        thread.join()


def test_too_many_connections_do_not_lock_the_page_out(caller: Caller) -> None:
    host, port = caller.host.split(":")
    idle = [socket.create_connection((host, int(port)), timeout=5) for _ in range(MOST_CONNECTIONS + 5)]
    for connection in idle:
        connection.close()
    until = time.monotonic() + 10
    while True:  # The places come back when their threads have seen the end, which takes a busy machine a while.
        try:
            assert caller.ask("GET", "/setup") == 200
            break
        except ConnectionError:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_port_that_is_taken_says_so(till: RunningTerminal, page: ServedPage) -> None:
    with pytest.raises(PolicyError, match="choose another"):
        Page(till.controller, till.source, Shop("shop", "EUR", "en"), port=page.page._server.server_address[1])
