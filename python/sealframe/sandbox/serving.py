"""A bank over HTTP, in a thread of this process."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from sealframe.server.http.app import build_app
from sealframe.server.http.header_limits import HeaderLimitsProtocol
from sealframe.server.serving import address_of, listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealframe.sandbox.bank import Bank

START_SECONDS = 20


class ThreadedServer:
    """An ASGI application behind uvicorn, in a thread; it answers when this is made.

    Parameters
    ----------
    app : ASGI application
        What answers.
    port : int
        0 takes any that is free.
    closes_app : bool
        Whether the application is told that it ends: then a bank's service is closed with it.

    Raises
    ------
    PolicyError
        When the port is taken.

    """

    def __init__(self, app: Any, port: int = 0, *, closes_app: bool = False) -> None:
        self._listener = listen("127.0.0.1", port)
        self.address = address_of(self._listener)
        self.port = int(self._listener.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=HeaderLimitsProtocol,
                lifespan="on" if closes_app else "off",
                log_config=None,
                server_header=False,
            )
        )
        sockets = {"sockets": [self._listener]}
        self._thread = threading.Thread(target=self._server.run, kwargs=sockets, name="server", daemon=True)
        self._thread.start()
        end = time.monotonic() + START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish what was begun, and stop."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._listener.close()
        if self._thread.is_alive():
            raise RuntimeError("the server did not stop")


@contextmanager
def serve(bank: Bank) -> Iterator[str]:
    """Serve a bank over HTTP while the block runs; the bank stays open.

    Parameters
    ----------
    bank : Bank
        Whose service answers.

    Yields
    ------
    str
        The server's address, `http://127.0.0.1:PORT`.

    Examples
    --------
    >>> from urllib.request import urlopen
    >>> from sealframe.sandbox import Bank, serve
    >>> with Bank(".") as bank, serve(bank) as address, urlopen(f"{address}/health") as reply:
    ...     print(reply.status)
    200
    """
    server = ThreadedServer(build_app(bank.service))
    try:
        yield server.address
    finally:
        server.stop()
