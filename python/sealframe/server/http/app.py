"""HTTP: one hot route for terminals, whose bodies are envelopes, facts for whoever watches, and the operators' calls.

    problems         replies without a signature
    bodies           what comes in, within its limits
    operator_calls   what needs a token

Every answer to a terminal that counts is signed; any other reply is a transport error and changes nothing there.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import text

from sealframe import __version__
from sealframe.envelope import MAX_START_BYTES
from sealframe.errors import BadSignature, MalformedEnvelope, StoreUnavailable, UnsupportedEnvelope
from sealframe.payment_protocol import ANSWER_TYPE, ENVELOPE_TYPE, Code, request_id
from sealframe.server.http.metrics import Metrics
from sealframe.server.http.operator_routes import OperatorGate, add_operator_calls
from sealframe.server.http.problems import BODY_ERRORS, Problem, TransportError, add_problems
from sealframe.server.http.request_bodies import PlainRoute, StrictRoute, UploadLimiter, described_body, incoming_body
from sealframe.server.http.thread_pools import ConcurrencyLimit, Pools
from sealframe.server.payments.service import MAX_ENVELOPE_BYTES, REST_MS, OpenedRequest, PaymentService
from sealframe.server.payments.settlement import Attempt, Refused, Settled
from sealframe.trace import StageTimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sealframe.envelope import SignedStart
    from sealframe.trace import StageCallback

MAX_IN_FLIGHT = 64

_log = logging.getLogger("sealframe.server")


def build_app(
    service: PaymentService, *, allow_remote_operators: bool = False, upload_limiter: UploadLimiter | None = None
) -> FastAPI:
    """The ASGI application. It closes the service when it is shut down."""
    pools, upload_limiter = Pools(lambda: Refused(Code.SERVER_BUSY)), upload_limiter or UploadLimiter()
    metrics = Metrics(lambda: upload_limiter.arriving)

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
    app.router.route_class = StrictRoute
    app.state.upload_limiter = upload_limiter
    add_problems(app, metrics)
    _add_attempts(app, service, pools, metrics)
    _add_facts(app, service, metrics)
    add_operator_calls(app, service, pools, OperatorGate(service, allow_remote=allow_remote_operators))
    return app


def _add_attempts(app: FastAPI, service: PaymentService, pools: Pools, metrics: Metrics) -> None:
    # Only whole bodies take a place.
    places = ConcurrencyLimit(MAX_IN_FLIGHT, lambda: TransportError.of(503, Code.SERVER_BUSY))

    async def verify_person(opened: OpenedRequest, on_stage: StageCallback) -> Attempt:
        loop = asyncio.get_running_loop()
        if not opened.needs_password:
            return await loop.run_in_executor(pools.networks, service.verify_person, opened, on_stage)
        with pools.password_places:
            return await loop.run_in_executor(pools.passwords, service.verify_person, opened, on_stage)

    async def answer(envelope: bytes, start: SignedStart | None, on_stage: StageCallback) -> Settled:
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(pools.networks, service.open, envelope, start, on_stage)
        if isinstance(opened, Settled):
            return opened
        try:
            attempt = await verify_person(opened, on_stage)
            settled = await asyncio.wrap_future(service.settle(attempt))
            on_stage("settling")
            return settled
        except Refused as refused:
            return service.refusal(opened, refused)

    async def attempt(request: Request) -> Response:
        try:
            async with incoming_body(request, {ENVELOPE_TYPE}, MAX_ENVELOPE_BYTES) as body:
                recognised = service.recognise(await body.first(MAX_START_BYTES))
                envelope = await body.whole()
            started, times = time.perf_counter(), StageTimes()
            with metrics.in_flight.track_inprogress(), places:
                settled = await answer(envelope, recognised, times)
        except UnsupportedEnvelope:
            raise TransportError.of(400, Code.VERSION_UNSUPPORTED) from None
        except (MalformedEnvelope, BadSignature):
            raise TransportError.of(400, Code.REJECTED) from None
        seconds = time.perf_counter() - started
        metrics.seconds.observe(seconds)
        for stage, spent in times.nanoseconds.items():
            metrics.stages.labels(stage=stage).inc(spent / 1e9)
        metrics.answers.labels(code=settled.code.value, stored=str(settled.stored).lower()).inc()
        said = {"request_id": request_id(settled.envelope_id), "code": settled.code.value, "stored": settled.stored}
        _log.info("answered", extra={**said, "ms": round(1000 * seconds, 1)})
        if settled.code is Code.SERVER_BUSY:
            await _rest()
        return Response(settled.answer, media_type=ANSWER_TYPE)

    app.router.add_api_route(
        "/v1/attempts",
        attempt,
        methods=["POST"],
        summary="Answer a sealed capture",
        description="Pay, pay by password, cancel or ask for the state: whatever the envelope's sealed data says.",
        response_class=Response,
        responses=_SIGNED_ANSWER,
        openapi_extra=described_body(ENVELOPE_TYPE, "One envelope."),
        tags=["terminals"],
        route_class_override=PlainRoute,
    )


async def _rest() -> None:
    """Who asks again at once is the load, so the answer waits, in no place; not alike for those told so together."""
    await asyncio.sleep(random.uniform(1, 2) * REST_MS / 1000)  # noqa: S311  (no secret)


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


_SIGNED_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The signed answer, sealed when the envelope could be opened.",
        "content": {ANSWER_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    **BODY_ERRORS,
}
