"""Bytes to the server, bytes back. A reply is nothing before its signature has been checked, elsewhere."""

from __future__ import annotations

import json
import select
import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sealframe.envelope.answer import MAX_BODY_BYTES
from sealframe.errors import PolicyError
from sealframe.payment_protocol import ENVELOPE_TYPE, ENVELOPES_TYPE, join_envelopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

CONNECT_SECONDS, REPLY_SECONDS = 2.0, 6.0
_MAX_REPLY_BYTES = MAX_BODY_BYTES + 16384
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _nothing() -> None:
    """Done where nobody asked for more."""


class NoReply(Exception):
    """No reply that could be a signed answer."""


class NotSent(NoReply):
    """Not even a connection: nothing of the request has left this computer."""


class ServerLink:
    """A kept-alive connection to one server. `address`: http(s)://host[:port]; plain http to this computer alone.

    One request at a time; `abandon` from any thread. Certificates are checked against those that the system trusts;
    proxies of the environment are not asked. Raises PolicyError for any other address.
    """

    def __init__(self, address: str, *, reply_seconds: float = REPLY_SECONDS, allow_plain: bool = False) -> None:
        self._new_connection = partial(_connection_to, address, allow_plain=allow_plain)
        self._connection = self._new_connection()
        self._abandoned: list[HTTPConnection] = []
        self._reply_seconds = reply_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self, envelope: bytes, sent: Callable[[], object] = _nothing, leaves: Callable[[], object] = _nothing
    ) -> bytes:
        """Post one envelope; `leaves` is called before its first byte is, and may raise NotSent; `sent` after its last.

        Raises NotSent when there was no connection, NoReply for everything but a reply of status 200 and a sensible
        size.
        """
        return self._ask_well("POST", "/v1/attempts", envelope, {"Content-Type": ENVELOPE_TYPE}, sent, leaves)

    def enrol(self, account: str, envelopes: Sequence[bytes], token: str) -> str:
        """Enrol an account's owner as an operator; the template's id.

        Raises PolicyError with the server's reason, NoReply when it gave none.
        """
        headers = {"Content-Type": ENVELOPES_TYPE, "Authorization": f"Bearer {token}"}
        path = f"/v1/accounts/{account}/templates"
        status, content = self._ask("POST", path, join_envelopes(envelopes), headers)
        try:
            said = json.loads(content)
            if status == 201:
                return str(said["id"])
            reason = str(said["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NoReply from None
        raise PolicyError(reason if reason.isprintable() else "The server refused the request; ask the operator.")

    def is_reachable(self) -> bool:
        """Whether anything answers there; nothing is believed of what it says."""
        try:
            self._ask_well("GET", "/v1/server")
        except NoReply:
            return False
        return True

    def abandon(self) -> None:
        """From any thread: whoever waits for a reply gets none, and the next request has another connection."""
        left, self._connection = self._connection, self._new_connection()
        if left.sock is not None:
            _shut(left.sock)
        self._abandoned = [each for each in (*self._abandoned, left) if each.sock is not None]

    def close(self) -> None:
        """Close the connection, and what was abandoned."""
        for each in (*self._abandoned, self._connection):
            each.close()

    def _ask_well(self, method: str, path: str, *more: Any) -> bytes:
        """What a reply of status 200 holds; any other is no reply."""
        status, content = self._ask(method, path, *more)
        if status != 200:
            raise NoReply
        return content

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        sent: Callable[[], object] = _nothing,
        leaves: Callable[[], object] = _nothing,
    ) -> tuple[int, bytes]:
        """Status and content of the reply. Raises NotSent, NoReply."""
        connection = self._connection
        try:
            _connect(connection, self._reply_seconds)
            leaves()
        except (OSError, HTTPException, NotSent):
            connection.close()
            raise NotSent from None
        try:
            connection.request(method, path, body, headers or {})
            sent()
            with _bounded(connection.sock, self._reply_seconds):
                reply = connection.getresponse()
                content = reply.read(_MAX_REPLY_BYTES + 1)
        except (OSError, HTTPException):
            connection.close()
            raise NoReply from None
        if len(content) > _MAX_REPLY_BYTES:
            connection.close()
            raise NoReply
        return reply.status, content


def _connect(connection: HTTPConnection, reply_seconds: float) -> None:
    """A connection on which nothing is waiting: one that the server has closed meanwhile is not used again."""
    if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
        connection.close()
    if connection.sock is None:
        connection.timeout = CONNECT_SECONDS
        connection.connect()
    connection.sock.settimeout(reply_seconds)


@contextmanager
def _bounded(stream: socket.socket, seconds: float) -> Iterator[None]:
    """The whole reply in its time: a server that sends drop by drop does not hold the terminal."""
    watch = threading.Timer(seconds, _shut, [stream])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _shut(stream: socket.socket) -> None:
    """End both directions, beneath TLS, which another thread may be reading."""
    with suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)


def _connection_to(address: str, *, allow_plain: bool) -> HTTPConnection:
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        raise PolicyError("--server is not a valid address; give https://HOST.") from None
    if url.scheme not in ("http", "https") or not host or url.path.strip("/") or url.query or url.username:
        raise PolicyError("--server is not a valid address; give https://HOST.")
    if url.scheme == "https":
        import ssl

        return HTTPSConnection(host, port, context=ssl.create_default_context())
    if host not in _LOOPBACK and not allow_plain:
        raise PolicyError(
            "--server is a plain http address, which is allowed only for a server on this computer; give https://HOST."
        )
    return HTTPConnection(host, port)
