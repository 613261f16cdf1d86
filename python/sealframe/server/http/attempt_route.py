"""The hot route of terminals: an envelope comes in, its signed answer goes out."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request, Response

from sealframe.errors import BadSignature, MalformedEnvelope, UnsupportedEnvelope
from sealframe.payment_protocol import ANSWER_TYPE, ENVELOPE_TYPE, Code, request_id
from sealframe.server.http.problems import BODY_ERRORS, TransportError
from sealframe.server.http.request_bodies import PlainRoute, described_body, incoming_body
from sealframe.server.http.thread_pools import ConcurrencyLimit
from sealframe.server.payments.request_opener import REST_MS
from sealframe.server.payments.service import MAX_ENVELOPE_BYTES, PaymentService
from sealframe.trace import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

    from sealframe.server.http.metrics import Metrics
    from sealframe.server.http.thread_pools import Pools
    from sealframe.server.payments.attempt import Settled
    from sealframe.trace import StageCallback

T = TypeVar("T")

MAX_IN_FLIGHT = 64

_log = logging.getLogger("sealframe.server")


class ThreadPoolRunner:
    """Runs the steps of one attempt on the server's threads, in one of its places, and measures them.

    Parameters
    ----------
    pools : Pools
        The threads.
    places : ConcurrencyLimit
        Shared by all attempts.
    metrics : Metrics
        Where the measurements go.

    """

    def __init__(self, pools: Pools, places: ConcurrencyLimit, metrics: Metrics) -> None:
        self._pools = pools
        self._places = places
        self._metrics = metrics
        self._begun = 0.0
        self._times = StageTimes()

    @contextmanager
    def place(self) -> Iterator[StageCallback]:
        """A place; the time runs from here. Raises TransportError when all are taken."""
        self._begun = time.perf_counter()
        self._times.restart()
        with self._metrics.in_flight.track_inprogress(), self._places:
            yield self._times

    async def on_networks(self, work: Callable[[], T]) -> T:
        """Run it on a thread of the networks."""
        return await _run_on(self._pools.networks, work)

    async def on_passwords(self, work: Callable[[], T]) -> T:
        """Run it on the passwords' thread. Raises AttemptRefused when too many wait for that."""
        with self._pools.password_places:
            return await _run_on(self._pools.passwords, work)

    async def committed(self, result: Future[T]) -> T:
        """Wait until the writer has written it."""
        return await asyncio.wrap_future(result)

    def report(self, settled: Settled) -> None:
        """Count an answer, and log it."""
        seconds = time.perf_counter() - self._begun
        self._metrics.seconds.observe(seconds)
        for stage, spent in self._times.nanoseconds.items():
            self._metrics.stages.labels(stage=stage).inc(spent / 1e9)
        self._metrics.answers.labels(code=settled.code.value, stored=str(settled.stored).lower()).inc()
        said = {"request_id": request_id(settled.message_digest), "code": settled.code.value, "stored": settled.stored}
        _log.info("answered", extra={**said, "ms": round(1000 * seconds, 1)})


def add_attempt_route(app: FastAPI, service: PaymentService, pools: Pools, metrics: Metrics) -> None:
    """Add `POST /v1/attempts`. Only whole bodies take a place."""
    places = ConcurrencyLimit(MAX_IN_FLIGHT, lambda: TransportError.of(503, Code.SERVER_BUSY))

    async def answer(request: Request) -> Response:
        upload = incoming_body(request, {ENVELOPE_TYPE}, MAX_ENVELOPE_BYTES)
        runner = ThreadPoolRunner(pools, places, metrics)
        try:
            settled = await service.attempts.answer(upload, runner)
        except UnsupportedEnvelope:
            raise TransportError.of(400, Code.VERSION_UNSUPPORTED) from None
        except (MalformedEnvelope, BadSignature):
            raise TransportError.of(400, Code.REJECTED) from None
        runner.report(settled)
        if settled.code is Code.SERVER_BUSY:
            await _rest()
        return Response(settled.answer, media_type=ANSWER_TYPE)

    app.router.add_api_route(
        "/v1/attempts",
        answer,
        methods=["POST"],
        summary="Answer a sealed capture",
        description="Pay, pay by password, cancel or ask for the state, as the sealed data of the envelope says.",
        response_class=Response,
        responses=_SIGNED_ANSWER,
        openapi_extra=described_body(ENVELOPE_TYPE, "One envelope."),
        tags=["terminals"],
        route_class_override=PlainRoute,
    )


async def _run_on(executor: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, work)


async def _rest() -> None:
    """Who asks again at once is the load, so the answer waits, in no place; not alike for those told so together."""
    await asyncio.sleep(random.uniform(1, 2) * REST_MS / 1000)  # noqa: S311  (no secret)


_SIGNED_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The signed answer, sealed when the envelope could be opened.",
        "content": {ANSWER_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    **BODY_ERRORS,
}
