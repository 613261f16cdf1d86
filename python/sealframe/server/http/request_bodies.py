"""Bodies of requests on their way in: of the right type, within limits of size, time and number."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from sealframe.payment_protocol import Code
from sealframe.server.http.problems import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from fastapi import Response

OCTETS = "application/octet-stream"
MAX_ARRIVING = 256
MAX_ARRIVING_BYTES = 256 << 20
BODY_SECONDS = 15.0
"""Less than a stop waits, so that whoever is slow is told so."""
_MAX_JSON_BYTES = 1 << 17


class IncomingBody:
    """One body on its way in; what is not asked for stays with its sender.

    Parameters
    ----------
    request : Request
        Whose body it is.
    most : int
        Bytes that it may have.
    address : str
        Who sends it.
    deadline : asyncio.Timeout
        When it must have arrived.
    grown : callable
        Called after every piece.

    """

    def __init__(
        self, request: Request, most: int, address: str, deadline: asyncio.Timeout, grown: Callable[[], None]
    ) -> None:
        self.address, self.deadline, self.received = address, deadline, 0
        self._most, self._grown = most, grown
        self._announced = "content-length" in request.headers
        self._stream = request.stream()
        self._pieces: list[bytes] = []

    async def first(self, length: int) -> bytes:
        """Its first bytes, so many or, of a shorter body, all; as soon as they are there if its length was announced.

        Whoever is answered then sends the rest in vain, which without a length could go on for ever.
        """
        if not self._announced:
            return (await self.whole())[:length]
        while self.received < length and (piece := await anext(self._stream, None)) is not None:
            self._take(piece)
        return b"".join(self._pieces)[:length]

    async def whole(self) -> bytes:
        """All of it."""
        async for piece in self._stream:
            self._take(piece)
        return b"".join(self._pieces)

    def _take(self, piece: bytes) -> None:
        self.received += len(piece)
        if self.received > self._most:
            raise TransportError.of(413, Code.TOO_LARGE)
        self._pieces.append(piece)
        self._grown()


class UploadLimiter:
    """All bodies that are arriving. When they are too many, or too much, slow ones make room for new ones.

    Room is made by the address that sends the most bodies, by the one that it began first. So whoever sends slowly
    on purpose, however often, keeps nobody else out.

    Parameters
    ----------
    bodies : int
        How many may arrive at once.
    total_bytes : int
        How much of them may be held together.
    seconds : float
        In which each must arrive.

    """

    def __init__(
        self, bodies: int = MAX_ARRIVING, total_bytes: int = MAX_ARRIVING_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        self._bodies, self._bytes, self._seconds = bodies, total_bytes, seconds
        self._arriving: list[IncomingBody] = []

    @property
    def arriving(self) -> int:
        """How many bodies."""
        return len(self._arriving)

    @asynccontextmanager
    async def incoming_body(self, request: Request, most: int) -> AsyncIterator[IncomingBody]:
        """A body of at most `most` bytes while it arrives.

        Raises
        ------
        TransportError
            When it is larger, too slow, or truncated.

        """
        address = request.client.host if request.client else ""
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                body = IncomingBody(request, most, address, deadline, self._make_room)
                self._arriving.append(body)
                self._make_room()
                try:
                    yield body
                finally:
                    self._arriving.remove(body)
        except TimeoutError:
            raise TransportError(408, "too_slow", "The body did not arrive in time; send the request again.") from None
        except ClientDisconnect:
            raise TransportError(400, "cut", "The body was truncated; send the request again.") from None

    def _make_room(self) -> None:
        now = asyncio.get_running_loop().time()
        staying = [each for each in self._arriving if not _is_leaving(each, now)]
        while len(staying) > self._bodies or sum(each.received for each in staying) > self._bytes:
            leaving = _slowest(staying)
            leaving.deadline.reschedule(now)
            staying.remove(leaving)


def _is_leaving(arriving: IncomingBody, now: float) -> bool:
    return (arriving.deadline.when() or 0.0) <= now


def _slowest(arriving: list[IncomingBody]) -> IncomingBody:
    """What was begun first by the address that sends the most."""
    of_address = Counter(each.address for each in arriving)
    most = max(of_address.values())
    return next(each for each in arriving if of_address[each.address] == most)


def incoming_body(request: Request, types: set[str], most: int) -> AbstractAsyncContextManager[IncomingBody]:
    """A body while it arrives.

    Parameters
    ----------
    request : Request
        Whose body it is.
    types : set of str
        Media types that it may have, besides plain octets.
    most : int
        Bytes that it may have.

    Raises
    ------
    TransportError
        When it is of another type, larger, too slow, or truncated.

    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in types | {OCTETS}:
        raise TransportError(
            415, "unsupported_type", f"The content type is not accepted; send {' or '.join(sorted(types | {OCTETS}))}."
        )
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 12 or int(announced) > most:
        raise TransportError.of(413, Code.TOO_LARGE)
    return upload_limiter_of(request).incoming_body(request, most)


async def read_body(request: Request, types: set[str], most: int) -> bytes:
    """As `arriving_body`, once it has arrived."""
    async with incoming_body(request, types, most) as body:
        return await body.whole()


def upload_limiter_of(request: Request) -> UploadLimiter:
    """The one of the application."""
    upload_limiter: UploadLimiter = request.app.state.upload_limiter
    return upload_limiter


class StrictRequest(Request):
    """A request whose JSON is small and has no field twice."""

    async def body(self) -> bytes:
        """The whole body, read once."""
        if not hasattr(self, "_body"):
            async with upload_limiter_of(self).incoming_body(self, _MAX_JSON_BYTES) as body:
                self._body = await body.whole()
        return self._body

    async def json(self) -> Any:
        """The body as JSON."""
        return json.loads(await self.body(), object_pairs_hook=_without_doubles)


class StrictRoute(APIRoute):
    """A route whose requests are strict."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, with a `StrictRequest`."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


class PlainRoute(APIRoute):
    """A route that takes the request as it is; FastAPI describes it, and reads nothing for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise TransportError(400, "invalid", "A field is given twice; send every field once.")
    return dict(pairs)


def described_body(media_type: str, description: str) -> dict[str, Any]:
    """A raw body, for the OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "requestBody": {"required": True, "description": description, "content": {media_type: binary, OCTETS: binary}}
    }
