"""A payment service on a socket: listen, serve, and stop when told to."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from sealframe.errors import PolicyError
from sealframe.server.http.app import build_app
from sealframe.server.http.header_limits import HeaderLimitsProtocol
from sealframe.server.http.json_logs import log_as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.server.payments.service import PaymentService

STOP_SECONDS = 20
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Parameters
    ----------
    host
        An IPv4 or IPv6 address of this computer.
    port
        0 to 65535; 0 takes any that is free.

    Returns
    -------
    socket.socket
        For `serve`; the caller closes it.

    Raises
    ------
    PolicyError
        When the address is taken or not this computer's.

    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "the port must be 0 to 65535"
        raise PolicyError(
            f"The server cannot listen on {host}, port {port}: {why}; choose another --host or --port."
        ) from None
    # what is accepted inherits it; asyncio sets it on sockets of its own making alone, and an answer would wait 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(
    service: PaymentService,
    listener: socket.socket,
    *,
    allow_remote_operators: bool = False,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C; what was begun is finished first, for at most 20 seconds.

    Parameters
    ----------
    service
        Answers the requests; it is closed at the end.
    listener
        As `listen` makes it.
    allow_remote_operators
        Whether operators' calls are taken from other computers.
    ready
        Called with the server's address before the first request is answered.

    """
    log_as_json()
    config = uvicorn.Config(
        build_app(service, allow_remote_operators=allow_remote_operators),
        http=HeaderLimitsProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    for told_to_stop in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops at these, then raises them again; to have been told to stop is no failure
        signal.signal(told_to_stop, lambda *_: None)
    ready(address_of(listener))
    uvicorn.Server(config).run(sockets=[listener])


def address_of(listener: socket.socket) -> str:
    """The http:// address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_connections() -> None:
    """As many open files as this process may have: connections that idle must not use up the usual 1,024."""
    try:
        import resource
    except ImportError:  # not everywhere
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
