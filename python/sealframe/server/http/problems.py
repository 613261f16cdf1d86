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
    from collections.abc import Mapping

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
        _log.error("the database refused a transaction", exc_info=error)
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
        return reply(500, "failed", "The server failed and changed nothing; its log holds the cause.")


def _what_is_invalid(error: RequestValidationError) -> str:
    """Say which fields are wrong and what form each needs, never what was sent: one value may be a password."""
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        # The body is the decoded text, and the place one of its characters.
        before = str(error.body)[: found[0]["loc"][-1]]
        return f"Not valid JSON at byte {len(before.encode(errors='surrogatepass')) + 1}."
    return f"{'; '.join(sorted({_needed_form(each) for each in found}))}."


def _needed_form(error: Mapping[str, Any]) -> str:
    """Name one field and the form that it needs."""
    field = ".".join(str(part) for part in error["loc"][1:]) or "body"
    if error["type"] == "string_pattern_mismatch":
        return f"{field} {_PATTERNS.get(field, _DOCUMENTED)}"
    return f"{field} {_FORMS.get(error['type'], _DOCUMENTED).format_map(error.get('ctx', {}))}"


_DOCUMENTED = "must have the documented form"
_PATTERNS = {
    "account": "must be 1 to 64 letters, digits and . _ : -",
    "currency": "must be an ISO 4217 code of three capital letters",
    "payment_id": "must be a UUID of version 7 in lower case",
    "refund_id": "must be a UUID of version 7 in lower case",
    "key_id": "must be 32 hexadecimal digits in lower case",
    "template_id": "must be 32 hexadecimal digits in lower case",
}
"""By field: the pattern in words."""
_FORMS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "model_attributes_type": "must be a JSON object",
}
"""By the kind of the error in pydantic's words."""

_HEADERS = {
    503: {"Retry-After": "1"},
    # What is left of such a body is not worth reading.
    408: {"Connection": "close"},
    413: {"Connection": "close"},
}

_FAILED: dict[int | str, dict[str, Any]] = {
    500: {"model": Problem, "description": "The server failed. Nothing was changed."}
}
BODY_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is truncated, or is not an envelope of a known version."},
    408: {
        "model": Problem,
        "description": "The body did not arrive in time, or was dropped to make room for faster uploads.",
    },
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body has a content type that is not accepted."},
    **_FAILED,
    503: {
        "model": Problem,
        "description": "The server is busy, or the database is down. Nothing was changed; send the same request again.",
    },
}
OPERATOR_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not JSON, or a field is given twice."},
    401: {"model": Problem, "description": "The operator's token is missing or not valid."},
    403: {"model": Problem, "description": "The call came from another machine."},
    404: {"model": Problem, "description": "The named object does not exist."},
    408: {"model": Problem, "description": "The body did not arrive in time."},
    409: {"model": Problem, "description": "The request conflicts with what is stored."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {
        "model": Problem,
        "description": "A field has the wrong form, or the request was refused for the reason given.",
    },
    **_FAILED,
    503: {"model": Problem, "description": "The database is down. Nothing was changed."},
}
