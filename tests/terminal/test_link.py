"""The connection to the server: what it takes for a reply, and how long it waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sealframe.errors import PolicyError
from sealframe.terminal.link import NoReply, NotSent, ServerLink

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Peer:
    """A server that does one thing to every connection after it has read a request, whose body is of the letter x."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.act, self.connections = act, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            received = b""
            while piece := connection.recv(1 << 20):
                received += piece
                if received.endswith(b"x"):  # head and body may come apart
                    received = b""
                    self.act(connection)

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made: list[Peer] = []
    yield made
    for each in made:
        each.close()


def drip(connection: socket.socket) -> None:
    for _ in range(200):
        connection.sendall(b"H")
        time.sleep(0.05)


def test_one_connection_serves_many_requests_and_a_closed_one_is_opened_anew(peers: list[Peer]) -> None:
    peers.append(Peer(lambda connection: connection.sendall(OK)))
    marks: list[str] = []
    with ServerLink(peers[0].address) as link:
        for _ in range(3):
            assert link.send(b"x" * 100, lambda: marks.append("sent")) == b"hello"
        assert (peers[0].connections, marks) == (1, ["sent"] * 3)
        link._connection.sock.shutdown(socket.SHUT_RDWR)
        assert link.send(b"x") == b"hello"
        assert peers[0].connections == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000),
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    ],
)
def test_anything_else_is_no_reply(peers: list[Peer], reply: bytes) -> None:
    peers.append(Peer(lambda connection: connection.sendall(reply)))
    with ServerLink(peers[0].address) as link, pytest.raises(NoReply) as caught:
        link.send(b"x")
    assert not isinstance(caught.value, NotSent)


@pytest.mark.parametrize("act", [drip, lambda connection: time.sleep(5), lambda connection: connection.close()])
def test_a_reply_has_its_time_as_a_whole(peers: list[Peer], act: Callable[[socket.socket], None]) -> None:
    peers.append(Peer(act))
    began = time.monotonic()
    with ServerLink(peers[0].address, reply_seconds=0.3) as link, pytest.raises(NoReply):
        link.send(b"x")
    assert time.monotonic() - began < 4, "the drops alone would take ten seconds"


def test_without_a_connection_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ServerLink(address) as link:
        with pytest.raises(NotSent):
            link.send(b"x")
        assert not link.is_reachable()


REFUSED = [
    "bank.example",
    "ftp://bank.example",
    "http://bank.example",
    "https://",
    "https://a:b@bank.example",
    "http://[::1",
    "https://bank.example/path",
    "https://bank.example?x",
    "http://127.0.0.1:99999",
    "http://127.0.0.1.evil.example",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(PolicyError, match="address"):
        ServerLink(address)


def test_addresses_that_are_taken() -> None:
    for address in ("https://bank.example", "https://bank.example:8443/", "http://127.0.0.1:8700", "http://[::1]:80"):
        ServerLink(address).close()
