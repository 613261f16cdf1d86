"""The network between a terminal and its server, over which a test loses, holds or cuts what passes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Network:
    """Forwards connections to one port of this computer, until told otherwise."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._passes = threading.Event()
        self._passes.set()
        self._takes_requests = True
        self.has_request = threading.Event()
        """Set once bytes of a terminal have come here."""
        self.has_reply = threading.Event()
        """Set once the server has answered, heard or not."""
        self.connections = 0
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._in_thread(self._accept)

    def hold_replies(self) -> None:
        """From now on the server is heard no more, but hears."""
        self._passes.clear()
        self.has_request.clear()
        self.has_reply.clear()

    def swallow(self) -> None:
        """From now on nothing arrives, and nobody is told."""
        self._takes_requests = False
        self.hold_replies()

    def release(self) -> None:
        """What was held arrives; what was swallowed never does."""
        self._takes_requests = True
        self._passes.set()

    def close(self) -> None:
        self.release()
        for each in list(self._open):
            _shut(each)
        for thread in list(self._threads):
            thread.join(20)
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            theirs, _ = self._listener.accept()
            self.connections += 1
            ours = socket.create_connection(("127.0.0.1", self._server_port))
            self._open += [theirs, ours]
            self._in_thread(self._carry, theirs, ours, self._to_server)
            self._in_thread(self._carry, ours, theirs, self._to_terminal)

    def _carry(
        self, source: socket.socket, target: socket.socket, passes: Callable[[socket.socket, bytes], None]
    ) -> None:
        try:
            while piece := source.recv(1 << 16):
                passes(target, piece)
        finally:
            _shut(target)

    def _to_server(self, server: socket.socket, piece: bytes) -> None:
        self.has_request.set()
        if self._takes_requests:
            server.sendall(piece)

    def _to_terminal(self, terminal: socket.socket, piece: bytes) -> None:
        self.has_reply.set()
        self._passes.wait(60)
        terminal.sendall(piece)

    def _in_thread(self, work: Callable[..., object], *arguments: object) -> None:
        def until_it_ends() -> None:
            with suppress(OSError):
                work(*arguments)

        self._threads.append(threading.Thread(target=until_it_ends, daemon=True))
        self._threads[-1].start()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
