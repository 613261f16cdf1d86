"""Bodies of requests on their way in: of the right type, within limits of size, time and number (A53)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from sealframe.payment import Code
from sealframe.server.problems import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from fastapi import Response

OCTETS = "application/octet-stream"
MAX_ARRIVING = 256
MAX_ARRIVING_BYTES = 256 << 20
BODY_SECONDS = 15.0
"""Less than a stop waits, so that whoever is slow is told so."""
_MAX_JSON_BYTES = 1 << 17


@dataclass(slots=True, eq=False)
class _Arriving:
    address: str
    deadline: asyncio.Timeout
    received: int = 0


class Intake:
    """All bodies that are arriving. When they are too many, or too much, slow ones make room for new ones.

    Room is made by the address that sends the most bodies, by the one that it began first. So whoever sends slowly
    on purpose, however often, keeps nobody else out.
    """

    def __init__(
        self, bodies: int = MAX_ARRIVING, total_bytes: int = MAX_ARRIVING_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        self._bodies, self._bytes, self._seconds = bodies, total_bytes, seconds
        self._arriving: list[_Arriving] = []

    @property
    def arriving(self) -> int:
        """How many bodies."""
        return len(self._arriving)

    async def read(self, request: Request, most: int) -> bytes:
        """The whole body. Raises TransportError when it is larger, too slow, or cut."""
        pieces, received = [], 0
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                with self._arrives(request, deadline) as mine:
                    async for piece in request.stream():
                        received += len(piece)
                        if received > most:
                            raise TransportError.of(413, Code.TOO_LARGE)
                        pieces.append(piece)
                        mine.received = received
                        self._make_room()
        except TimeoutError:
            raise TransportError(408, "too_slow", "The body did not arrive in time; send it again.") from None
        except ClientDisconnect:
            raise TransportError(400, "cut", "The body was cut; send it again.") from None
        return b"".join(pieces)

    @contextmanager
    def _arrives(self, request: Request, deadline: asyncio.Timeout) -> Iterator[_Arriving]:
        arriving = _Arriving(request.client.host if request.client else "", deadline)
        self._arriving.append(arriving)
        self._make_room()
        try:
            yield arriving
        finally:
            self._arriving.remove(arriving)

    def _make_room(self) -> None:
        now = asyncio.get_running_loop().time()
        staying = [each for each in self._arriving if not _is_leaving(each, now)]
        while len(staying) > self._bodies or sum(each.received for each in staying) > self._bytes:
            leaving = _slowest(staying)
            leaving.deadline.reschedule(now)
            staying.remove(leaving)


def _is_leaving(arriving: _Arriving, now: float) -> bool:
    return (arriving.deadline.when() or 0.0) <= now


def _slowest(arriving: list[_Arriving]) -> _Arriving:
    """What was begun first by the address that sends the most."""
    of_address = Counter(each.address for each in arriving)
    most = max(of_address.values())
    return next(each for each in arriving if of_address[each.address] == most)


async def read_body(request: Request, types: set[str], most: int) -> bytes:
    """The body of one of these types or of plain octets, at most so long. Raises TransportError."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in types | {OCTETS}:
        raise TransportError(415, "unsupported_type", f"Send {' or '.join(sorted(types | {OCTETS}))}.")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 12 or int(announced) > most:
        raise TransportError.of(413, Code.TOO_LARGE)
    return await intake_of(request).read(request, most)


def intake_of(request: Request) -> Intake:
    """The one of the application."""
    intake: Intake = request.app.state.intake
    return intake


class StrictRequest(Request):
    """A request whose JSON is small and has no field twice."""

    async def body(self) -> bytes:
        """The whole body, read once."""
        if not hasattr(self, "_body"):
            self._body = await intake_of(self).read(self, _MAX_JSON_BYTES)
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


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise TransportError(400, "invalid", "A field is there twice; send each once.")
    return dict(pairs)


def described_body(media_type: str, description: str) -> dict[str, Any]:
    """A raw body, for the OpenAPI document."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        "requestBody": {"required": True, "description": description, "content": {media_type: binary, OCTETS: binary}}
    }
