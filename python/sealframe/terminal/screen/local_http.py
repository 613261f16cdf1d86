"""HTTP for one page on this computer: who may ask, how much, for how long.

Host and Origin are checked on every request, and the launch's token on all but public ones, so that no other page
reaches this one, not through a name of its own either. Lengths are checked before bodies are read.
"""

from __future__ import annotations

import hmac
import json
import logging
import socket
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger("sealframe.terminal")

HOST = "127.0.0.1"
MAX_COMMAND_BYTES = 4096
MOST_CONNECTIONS = 24
IDLE_SECONDS = 30.0
"""A connection on which nothing happens is closed; events say something more often."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class LocalServer(ThreadingHTTPServer):
    """A thread for each connection, at most 24, on 127.0.0.1. `port` 0 takes any that is free. Raises OSError."""

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, port: int, handler: type[LocalRequest], token: str) -> None:
        super().__init__((HOST, port), handler)
        self.token = token
        self.host = f"{HOST}:{self.server_address[1]}"
        self.origin = f"http://{self.host}"
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """One thread for each connection, and never more than there are places."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, then give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)
            self._places.release()

    def close_connections(self) -> None:
        """End what is still open: events and waiting frames."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A browser that goes away is no error; anything else is said without its content."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.error("the page failed: %s", type(error).__name__)


class HttpError(Exception):
    """A request that is not obeyed, and the status it gets."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LocalRequest(BaseHTTPRequestHandler, ABC):
    """One request. Subclasses say what is public and what each path does; `HttpError` ends it with its status."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server_version, sys_version = "sealframe", ""
    server: LocalServer

    @abstractmethod
    def obey(self, path: str) -> None:
        """Do what this path means for `self.command`. Raises HttpError."""

    @abstractmethod
    def is_public(self, path: str) -> bool:
        """Whether anybody may ask this."""

    def do_GET(self) -> None:
        """Check who asks, then obey."""
        path, _, self._query = self.path.partition("?")
        try:
            self._check_who_asks(is_public=self.is_public(path))
            self.obey(path)
        except HttpError as error:
            self.close_connection = True
            self.give(error.status)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing: what is asked for holds names and amounts."""

    def _check_who_asks(self, *, is_public: bool) -> None:
        origin, sites = self.headers.get_all("Origin", []), self.headers.get("Sec-Fetch-Site", "same-origin")
        if self.headers.get_all("Host") != [self.server.host]:
            raise HttpError(421)
        if origin not in ([], [self.server.origin]) or (self.command == "POST" and not origin):
            raise HttpError(403)
        if is_public:
            return
        given = self.headers.get("Authorization", "").encode("latin-1")
        if sites != "same-origin" or not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            raise HttpError(403)

    def number(self, name: str) -> int:
        """The query's `name`, at most 15 digits. Raises HttpError."""
        text = dict(parse_qsl(self._query)).get(name, "")
        if not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise HttpError(422)
        return int(text)

    def read_command(self, **fields: type) -> dict[str, Any]:
        """The command's fields, each of its type, and the number of the screen on which it was given."""
        body, kinds = self.read_body("application/json"), {"screen": int, **fields}
        with refusing((ValueError, RecursionError), 400):
            said = json.loads(body)
        if not isinstance(said, dict) or {name: type(value) for name, value in said.items()} != kinds:
            raise HttpError(400)
        return said

    def read_body(self, kind: str, exactly: int | None = None) -> bytes:
        """The body, of this content type; `exactly` so long, or at most a command's length. Raises HttpError."""
        length, given = self.headers.get("Content-Length", ""), self.headers.get("Content-Type", "")
        if given.split(";")[0].strip().lower() != kind or "Transfer-Encoding" in self.headers:
            raise HttpError(415)
        if not (length.isascii() and length.isdecimal() and len(length) < 10):
            raise HttpError(411)
        if int(length) > (MAX_COMMAND_BYTES if exactly is None else exactly):
            raise HttpError(413)
        body = self.rfile.read(int(length))
        if len(body) != (int(length) if exactly is None else exactly):
            raise HttpError(400)
        return body

    def give_json(self, status: int, content: object) -> None:
        """Reply with `content` as JSON."""
        self.give(status, json.dumps(content, separators=(",", ":")).encode(), "application/json")

    def give(
        self, status: int, content: bytes = b"", kind: str = "text/plain", more: dict[str, str] | None = None
    ) -> None:
        """The whole reply."""
        self.send_response(status)
        length = {} if status == 204 else {"Content-Length": str(len(content)), "Content-Type": kind}
        self.send_headers(length | (more or {}))
        self.wfile.write(content)

    def send_headers(self, more: dict[str, str]) -> None:
        """These, and what every reply says."""
        for name, value in (_HEADERS | more | ({"Connection": "close"} if self.close_connection else {})).items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def refusing(kind: type[Exception] | tuple[type[Exception], ...], status: int) -> Iterator[None]:
    """Turn an exception of this kind into a refusal."""
    try:
        yield
    except kind:
        raise HttpError(status) from None
