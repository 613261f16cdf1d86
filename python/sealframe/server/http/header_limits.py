"""Heads of requests on their way in: within a limit of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sealframe.server.http.request_bodies import BODY_SECONDS

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 10.0


class HeaderLimitsProtocol(HttpToolsProtocol):
    """uvicorn's HTTP; a connection whose next head is not whole in time is cut.

    The time runs from the connection's begin, then from the first byte after a request was answered; where that was
    before the request had arrived, the rest may take as long as a body. Between requests a connection may rest as long
    as uvicorn allows.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that began and did not end is waited for."""
        before = self.cycle
        if self._deadline is None and (before is None or before.response_complete):
            self._wait_for_head(after_rest=before is not None and before.more_body)
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self, *, after_rest: bool = False) -> None:
        seconds = HEAD_SECONDS + BODY_SECONDS if after_rest else HEAD_SECONDS
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
