"""Replies without a signature: why there is no answer. They change nothing at a terminal, which sends again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from sealframe.errors import SealframeError, StoreUnavailable
from sealframe.payment_protocol import Code
from sealframe.server.payments import administration

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from sealframe.server.http.metrics import Metrics

_log = logging.getLogger("sealframe.server")


class Problem(BaseModel):
    """An unsigned reply: why there is no answer."""

    code: str
    message: str


class TransportError(Exception):
    """Ends a request with a `Problem`.

    Parameters
    ----------
    status : int
        Of HTTP.
    code, message : str
        Of the problem.

    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    @classmethod
    def of(cls, status: int, code: Code) -> TransportError:
        """With a code of the closed list, and its sentence."""
        return cls(status, code, code.message)


def add_problems(app: FastAPI, metrics: Metrics) -> None:
    """Turn every exception into a `Problem`."""

    def reply(status: int, code: str, message: str) -> JSONResponse:
        metrics.refusals.labels(status=str(status)).inc()
        return JSONResponse({"code": code, "message": message}, status, _HEADERS.get(status))

    @app.exception_handler(TransportError)
    async def _transport(_request: Request, error: TransportError) -> JSONResponse:
        return reply(error.status, error.code, str(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return reply(422, "invalid", _what_is_invalid(error))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        cause = error.__cause__
        if isinstance(cause, TransportError):
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

    @app.exception_handler(administration.NotFound)
    async def _missing(_request: Request, error: administration.NotFound) -> JSONResponse:
        return reply(404, "not_found", str(error))

    @app.exception_handler(administration.Conflict)
    async def _conflict(_request: Request, error: administration.Conflict) -> JSONResponse:
        return reply(409, "conflict", str(error))

    @app.exception_handler(SealframeError)
    async def _refused(_request: Request, error: SealframeError) -> JSONResponse:
        return reply(422, "refused", str(error))

    @app.exception_handler(Exception)
    async def _failed(_request: Request, _error: Exception) -> JSONResponse:
        return reply(500, "failed", "The server has a fault; its log says where. Nothing was changed.")


def _what_is_invalid(error: RequestValidationError) -> str:
    """Names the fields, never their values: one of them may be a password."""
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return f"The body is not valid JSON at character {found[0]['loc'][-1]}."
    places = sorted({".".join(str(part) for part in each["loc"][1:]) or "body" for each in found})
    return f"These do not have the documented form: {', '.join(places)}."


_HEADERS = {
    503: {"Retry-After": "1"},
    # What is left of such a body is not worth reading.
    408: {"Connection": "close"},
    413: {"Connection": "close"},
}

_FAILED: dict[int | str, dict[str, Any]] = {
    500: {"model": Problem, "description": "A fault of the server. Nothing was changed."}
}
BODY_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is truncated, or no envelope of a version known here."},
    408: {"model": Problem, "description": "The body did not arrive in time, or others came who sent faster."},
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body is of another type."},
    **_FAILED,
    503: {
        "model": Problem,
        "description": "Too busy, or the database is down. Nothing was changed; send the same again.",
    },
}
OPERATOR_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "No JSON, or a field is there twice."},
    401: {"model": Problem, "description": "No valid token."},
    403: {"model": Problem, "description": "From another machine."},
    404: {"model": Problem, "description": "What was named is not there."},
    408: {"model": Problem, "description": "The body did not arrive in time."},
    409: {"model": Problem, "description": "It contradicts what is there."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "Not of the documented form, or refused for the reason given."},
    **_FAILED,
    503: {"model": Problem, "description": "The database is down. Nothing was changed."},
}
