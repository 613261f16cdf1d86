"""HTTP: one hot route for terminals, whose bodies are envelopes, facts for whoever watches, and the operators' calls.

    problems         replies without a signature
    bodies           what comes in, within its limits
    attempt_route    envelopes in, signed answers out
    operator_calls   what needs a token

Every answer to a terminal that changes anything there is signed; any other reply is a transport error and changes
nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import text

from sealframe import __version__
from sealframe.errors import StoreUnavailable
from sealframe.payment_protocol import Code
from sealframe.server.http.attempt_route import add_attempt_route
from sealframe.server.http.metrics import Metrics
from sealframe.server.http.operator_routes import OperatorGate, add_operator_calls
from sealframe.server.http.problems import Problem, add_problems
from sealframe.server.http.request_bodies import StrictRoute, UploadLimiter
from sealframe.server.http.thread_pools import Pools
from sealframe.server.payments.attempt import AttemptRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sealframe.server.payments.service import PaymentService


def build_app(
    service: PaymentService, *, allow_remote_operators: bool = False, upload_limiter: UploadLimiter | None = None
) -> FastAPI:
    """Build the ASGI application. It closes the service when it is shut down.

    Parameters
    ----------
    service : PaymentService
        What answers.
    allow_remote_operators : bool
        Whether operators may call from other machines.
    upload_limiter : UploadLimiter, optional
        Limits of the bodies that are arriving.

    """
    pools, upload_limiter = Pools(lambda: AttemptRefused(Code.SERVER_BUSY)), upload_limiter or UploadLimiter()
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
    add_attempt_route(app, service, pools, metrics)
    _add_facts(app, service, metrics)
    add_operator_calls(app, service, pools, OperatorGate(service, allow_remote=allow_remote_operators))
    return app


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
        raise StoreUnavailable("The database writer has stopped; restart the server.")
    with service.database.reading() as connection:
        connection.execute(text("SELECT 1"))
