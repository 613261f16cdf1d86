"""HTTP: one hot route for terminals, whose bodies are envelopes, and calls for operators, which need a token.

Every answer to a terminal that counts is signed; any other reply is a transport error and changes nothing there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sealframe import __version__
from sealframe.errors import MalformedEnvelope, SealframeError, UnsupportedEnvelope
from sealframe.payment import MAX_AMOUNT, Code
from sealframe.server import operators
from sealframe.server.group_commit import StoreUnavailable
from sealframe.server.metrics import Metrics
from sealframe.server.records import device_from_record
from sealframe.server.service import MAX_ENVELOPE_BYTES, PaymentService
from sealframe.server.settlement import Refused, Settled
from sealframe.trace import StageTimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from sqlalchemy import Connection

    from sealframe.trace import Mark

T = TypeVar("T")

ENVELOPE_TYPE = "application/vnd.sealframe.envelope"
ENVELOPES_TYPE = "application/vnd.sealframe.envelopes"
ANSWER_TYPE = "application/vnd.sealframe.answer"
_RAW_TYPES = {"application/octet-stream"}
_BODY_SECONDS = 10.0
_MAX_IN_FLIGHT = 64
_MAX_JSON_BYTES = 1 << 17
_MAX_ENROLMENT_BYTES = 8 * MAX_ENVELOPE_BYTES
_PASSWORD_THREADS = 2
_LENGTH = struct.Struct(">I")

_log = logging.getLogger("sealframe.server")
_bearer = HTTPBearer(auto_error=False, description="An operator's token.")


class Problem(BaseModel):
    """An unsigned reply: why there is no answer."""

    code: str
    message: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Account = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$")]
_PaymentId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
_Amount = Annotated[int, Field(gt=0, le=MAX_AMOUNT)]
_KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_AccountPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$")]
_PaymentPath = Annotated[str, Path(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]


class NewAccount(_Strict):
    """An account to open."""

    account: _Account
    name: str = Field(min_length=1, max_length=128)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    floor: int = Field(default=0, ge=-MAX_AMOUNT, le=0, description="How low the balance may go.")
    payment_limit: int = Field(default=MAX_AMOUNT, gt=0, le=MAX_AMOUNT)


class AccountFacts(NewAccount):
    """An account as it stands."""

    balance: int
    created_at: int
    enrolled_templates: int


class Deposit(_Strict):
    """Money from outside; the same payment_id deposits once."""

    payment_id: _PaymentId
    amount: _Amount


class Refund(_Strict):
    """Money back; the same refund_id refunds once."""

    refund_id: _PaymentId
    amount: _Amount


class NewPassword(_Strict):
    """A password to set."""

    password: str = Field(min_length=1, max_length=128)


class NewDevice(_Strict):
    """The content of a device's .pub file."""

    record: str = Field(min_length=1, max_length=65536)


class Named(BaseModel):
    """The id of what was made."""

    id: str


class PaymentFacts(BaseModel):
    """A payment as it stands."""

    payment_id: str
    account: str
    payee: str
    amount: int
    currency: str
    device: str | None
    state: str
    method: str | None
    mismatches: int
    refunded: int
    created_at: int
    closed_at: int | None


class _TransportError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _StrictRequest(Request):
    """A request whose JSON is small and has no field twice (A53)."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await _read_limited(self, _MAX_JSON_BYTES)
        return self._body

    async def json(self) -> Any:
        return json.loads(await self.body(), object_pairs_hook=_without_doubles)


class _StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise _TransportError(400, "invalid", "A field is there twice; send each once.")
    return dict(pairs)


class _Places:
    """So many requests at once; one more is told to come again."""

    def __init__(self, free: int) -> None:
        self._free = free

    def __enter__(self) -> None:
        if not self._free:
            raise _TransportError(503, Code.SERVER_BUSY, Code.SERVER_BUSY.message)
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


class _Pools:
    """Threads for networks and for passwords, apart, so that neither waits for the other (A60)."""

    def __init__(self) -> None:
        self.networks = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="networks")
        self.passwords = ThreadPoolExecutor(_PASSWORD_THREADS, thread_name_prefix="passwords")

    def close(self) -> None:
        self.networks.shutdown()
        self.passwords.shutdown()


def build_app(service: PaymentService, *, allow_remote_operators: bool = False) -> FastAPI:
    """The ASGI application. It closes the service when it is shut down."""
    pools, metrics = _Pools(), Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        pools.close()
        service.close()

    app = FastAPI(
        title="sealframe server",
        version=__version__,
        description="Sealed captures in, signed answers out.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.router.route_class = _StrictRoute
    _add_errors(app, metrics)
    _add_attempts(app, service, pools, metrics)
    _add_facts(app, service, metrics)
    _add_operator_calls(app, service, pools, _OperatorGate(service, allow_remote=allow_remote_operators))
    return app


def _add_errors(app: FastAPI, metrics: Metrics) -> None:
    def reply(status: int, code: str, message: str) -> JSONResponse:
        metrics.refusals.labels(status=str(status)).inc()
        headers = {"Retry-After": "1"} if status == 503 else None
        return JSONResponse({"code": code, "message": message}, status, headers)

    @app.exception_handler(_TransportError)
    async def _transport(_request: Request, error: _TransportError) -> JSONResponse:
        return reply(error.status, error.code, str(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # Names the fields, never their values: one of them may be a password.
        places = sorted({".".join(str(part) for part in each["loc"][1:]) or "body" for each in error.errors()})
        return reply(422, "invalid", f"These do not have the documented form: {', '.join(places)}.")

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        cause = error.__cause__
        if isinstance(cause, _TransportError):
            return reply(cause.status, cause.code, str(cause))
        return reply(error.status_code, "http", str(error.detail))

    @app.exception_handler(StoreUnavailable)
    async def _busy(_request: Request, error: StoreUnavailable) -> JSONResponse:
        _log.error("the database did not take a transaction", exc_info=error)
        return reply(503, Code.SERVER_BUSY, Code.SERVER_BUSY.message)

    @app.exception_handler(DBAPIError)
    async def _store(_request: Request, error: DBAPIError) -> JSONResponse:
        _log.error("the database cannot be read", exc_info=error)
        return reply(503, Code.SERVER_BUSY, Code.SERVER_BUSY.message)

    @app.exception_handler(operators.NotFound)
    async def _missing(_request: Request, error: operators.NotFound) -> JSONResponse:
        return reply(404, "not_found", str(error))

    @app.exception_handler(operators.Conflict)
    async def _conflict(_request: Request, error: operators.Conflict) -> JSONResponse:
        return reply(409, "conflict", str(error))

    @app.exception_handler(SealframeError)
    async def _refused(_request: Request, error: SealframeError) -> JSONResponse:
        return reply(422, "refused", str(error))


def _add_attempts(app: FastAPI, service: PaymentService, pools: _Pools, metrics: Metrics) -> None:
    places = _Places(_MAX_IN_FLIGHT)

    async def answer(envelope: bytes, mark: Mark) -> Settled:
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(pools.networks, service.open, envelope, mark)
        if isinstance(opened, Settled):
            return opened
        try:
            pool = pools.passwords if opened.needs_password else pools.networks
            attempt = await loop.run_in_executor(pool, service.judge, opened, mark)
            settled = await asyncio.wrap_future(service.settle(attempt))
            mark("settling")
            return settled
        except Refused as refused:
            return service.refusal(opened, refused)

    async def attempt(request: Request) -> Response:
        with metrics.in_flight.track_inprogress(), places:
            envelope = await _read_body(request, {ENVELOPE_TYPE, *_RAW_TYPES}, MAX_ENVELOPE_BYTES)
            started, times = time.perf_counter(), StageTimes()
            try:
                settled = await answer(envelope, times)
            except UnsupportedEnvelope:
                message = Code.VERSION_UNSUPPORTED.message
                raise _TransportError(400, Code.VERSION_UNSUPPORTED, message) from None
            except MalformedEnvelope:
                raise _TransportError(400, Code.REJECTED, Code.REJECTED.message) from None
        seconds = time.perf_counter() - started
        metrics.seconds.observe(seconds)
        for stage, spent in times.nanoseconds.items():
            metrics.stages.labels(stage=stage).inc(spent / 1e9)
        metrics.answers.labels(code=settled.code.value, stored=str(settled.stored).lower()).inc()
        said = {"code": settled.code.value, "stored": settled.stored, "ms": round(1000 * seconds, 1)}
        _log.info("answered", extra=said)
        return Response(settled.answer, media_type=ANSWER_TYPE)

    app.add_api_route(
        "/v1/attempts",
        attempt,
        methods=["POST"],
        summary="Answer a sealed capture",
        description="Pay, pay by password, cancel or ask for the state: whatever the envelope's sealed data says.",
        response_class=Response,
        responses=_SIGNED_ANSWER,
        openapi_extra=_raw_body(ENVELOPE_TYPE, "One envelope."),
        tags=["terminals"],
    )


def _add_facts(app: FastAPI, service: PaymentService, metrics: Metrics) -> None:
    @app.get("/v1/server", response_class=PlainTextResponse, tags=["terminals"])
    async def public_record() -> str:
        """The server's public record. A terminal pins it; take it over a way that you trust."""
        return service.public_record

    @app.get("/health", tags=["operation"], responses={503: {"model": Problem}})
    async def health() -> dict[str, str]:
        """Whether the database answers and the writer runs."""
        await asyncio.to_thread(_ping, service)
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse, tags=["operation"])
    async def counters() -> Response:
        """Counters for Prometheus; nothing in them names a person."""
        return PlainTextResponse(metrics.text())


def _ping(service: PaymentService) -> None:
    if not service.writer.alive:
        raise StoreUnavailable("The writer has stopped; restart the server.")
    with service.database.reading() as connection:
        connection.execute(text("SELECT 1"))


class _OperatorGate:
    """Lets a request through that has an operator's token, and comes from this machine unless allowed (A61)."""

    def __init__(self, service: PaymentService, *, allow_remote: bool) -> None:
        self._service = service
        self._allow_remote = allow_remote

    async def __call__(
        self, request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        """Who asks, for the audit."""
        if not self._allow_remote and not _is_local(request):
            raise _TransportError(403, "forbidden", "Operator calls are taken from this machine alone.")
        name = await asyncio.to_thread(self._name_of, token.credentials) if token else None
        if name is None:
            raise _TransportError(401, "unauthorized", "Give a valid operator's token.")
        return f"operator:{name}"

    def _name_of(self, token: str) -> str | None:
        with self._service.database.reading() as connection:
            return operators.operator_of(connection, token)


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _add_operator_calls(app: FastAPI, service: PaymentService, pools: _Pools, gate: _OperatorGate) -> None:
    actor_of = Depends(gate)
    shared: dict[str, Any] = {"tags": ["operators"], "responses": _OPERATOR_ERRORS}

    async def write(work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(service.writer.submit(work))

    async def read(work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with service.database.reading() as connection:
                return work(connection)

        return await asyncio.to_thread(run)

    @app.post("/v1/accounts", status_code=201, **shared)
    async def open_account(body: NewAccount, actor: str = actor_of) -> Named:
        """Open an account with nothing on it."""
        fields = body.model_dump()
        await write(lambda connection: operators.create_account(connection, actor, service.now(), **fields))
        return Named(id=body.account)

    @app.get("/v1/accounts/{account}", **shared)
    async def show_account(account: _AccountPath, actor: str = actor_of) -> AccountFacts:  # noqa: ARG001
        """An account, its balance, and how many templates it has."""
        return AccountFacts(**await read(lambda connection: operators.account_facts(connection, account)))

    @app.post("/v1/accounts/{account}/deposits", status_code=204, **shared)
    async def pay_in(account: _AccountPath, body: Deposit, actor: str = actor_of) -> None:
        """Put money from outside on an account."""
        fields = {"account": account, **body.model_dump()}
        await write(lambda connection: operators.deposit(connection, actor, service.now(), **fields))

    @app.put("/v1/accounts/{account}/password", status_code=204, **shared)
    async def set_password(account: _AccountPath, body: NewPassword, actor: str = actor_of) -> None:
        """Set an account's password."""
        loop = asyncio.get_running_loop()
        hashed = await loop.run_in_executor(pools.passwords, service.passwords.hash, body.password)
        await write(lambda connection: operators.set_password(connection, actor, service.now(), account, hashed))

    async def enrol(account: _AccountPath, request: Request, actor: str = actor_of) -> Named:
        body = await _read_body(request, {ENVELOPES_TYPE, *_RAW_TYPES}, _MAX_ENROLMENT_BYTES)
        loop = asyncio.get_running_loop()
        envelopes = split_envelopes(body)
        return Named(id=await loop.run_in_executor(pools.networks, service.enrol, account, envelopes, actor))

    app.add_api_route(
        "/v1/accounts/{account}/templates",
        enrol,
        methods=["POST"],
        status_code=201,
        summary="Enrol a face",
        description="At least three envelopes sealed for this enrolment, each after its length (4 bytes, big-endian).",
        openapi_extra=_raw_body(ENVELOPES_TYPE, "Lengths and envelopes in turn."),
        tags=["operators"],
        responses={**_OPERATOR_ERRORS, **_BODY_ERRORS},
    )

    @app.delete("/v1/templates/{template_id}", status_code=204, **shared)
    async def revoke_template(template_id: _KeyId, actor: str = actor_of) -> None:
        """Take a template out of use and delete it."""
        await write(lambda connection: operators.revoke_template(connection, actor, service.now(), template_id))

    @app.post("/v1/devices", status_code=201, **shared)
    async def register_device(body: NewDevice, actor: str = actor_of) -> Named:
        """Let a device in, by the content of its .pub file."""
        device = device_from_record(body.record)
        return Named(
            id=await write(
                lambda connection: operators.register_device(connection, actor, service.now(), device, body.record)
            )
        )

    @app.delete("/v1/devices/{key_id}", status_code=204, **shared)
    async def revoke_device(key_id: _KeyId, actor: str = actor_of) -> None:
        """Take a device out of service for good."""
        await write(lambda connection: operators.revoke_device(connection, actor, service.now(), key_id))

    @app.get("/v1/payments/{payment_id}", **shared)
    async def show_payment(payment_id: _PaymentPath, actor: str = actor_of) -> PaymentFacts:  # noqa: ARG001
        """A payment as it stands."""
        return PaymentFacts(**await read(lambda connection: operators.payment_facts(connection, payment_id)))

    @app.post("/v1/payments/{payment_id}/refunds", status_code=204, **shared)
    async def refund(payment_id: _PaymentPath, body: Refund, actor: str = actor_of) -> None:
        """Give back all or part of a payment."""
        fields = {"payment_id": payment_id, **body.model_dump()}
        await write(lambda connection: operators.refund(connection, actor, service.now(), **fields))


async def _read_body(request: Request, types: set[str], most: int) -> bytes:
    """The body of one of these types, within its limits of size and time (A53)."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in types:
        raise _TransportError(415, "unsupported_type", f"Send {' or '.join(sorted(types))}.")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 12 or int(announced) > most:
        raise _TransportError(413, Code.TOO_LARGE, Code.TOO_LARGE.message)
    return await _read_limited(request, most)


async def _read_limited(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise _TransportError(413, Code.TOO_LARGE, Code.TOO_LARGE.message)
    except TimeoutError:
        raise _TransportError(408, "too_slow", "The body did not arrive in time; send it again.") from None
    except ClientDisconnect:
        raise _TransportError(400, "cut", "The body was cut; send it again.") from None
    return bytes(body)


def split_envelopes(body: bytes) -> list[bytes]:
    """The envelopes of an enrolment. Raises MalformedEnvelope when the lengths do not add up."""
    envelopes, position = [], 0
    while position < len(body):
        if len(body) - position < _LENGTH.size:
            raise MalformedEnvelope("The enrolment ends inside a length; send each envelope after its length.")
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        if length > len(body) - position:
            raise MalformedEnvelope("The enrolment ends inside an envelope; send each envelope after its length.")
        envelopes.append(body[position : position + length])
        position += length
    return envelopes


def join_envelopes(envelopes: list[bytes]) -> bytes:
    """Inverse of `split_envelopes`."""
    return b"".join(_LENGTH.pack(len(envelope)) + envelope for envelope in envelopes)


def _raw_body(media_type: str, description: str) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {media_type: binary, "application/octet-stream": binary}
    return {"requestBody": {"required": True, "description": description, "content": content}}


_BODY_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is cut, or no envelope of a version known here."},
    408: {"model": Problem, "description": "The body did not arrive in time."},
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body is of another type."},
    503: {"model": Problem, "description": "Too busy, or the database is down. Nothing counts; send the same again."},
}
_SIGNED_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The signed answer, sealed when the envelope could be opened.",
        "content": {ANSWER_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    **_BODY_ERRORS,
}
_OPERATOR_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "No JSON, or a field is there twice."},
    401: {"model": Problem, "description": "No valid token."},
    403: {"model": Problem, "description": "From another machine."},
    404: {"model": Problem, "description": "What was named is not there."},
    409: {"model": Problem, "description": "It contradicts what is there."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "Not of the documented form, or refused for the reason given."},
    503: {"model": Problem, "description": "The database is down. Nothing was changed."},
}
