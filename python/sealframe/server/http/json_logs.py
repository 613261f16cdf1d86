"""Structured logs: one JSON object a line, of fields that are named here and hold no secret, picture or password.

Values are written as JSON strings, so nothing that a device sends can end a line or forge a field. What other
libraries log goes the same way: their warnings and errors, of which texts that may quote what came in are left out.
"""

from __future__ import annotations

import json
import logging
import sys

_FIELDS = ("request_id", "code", "stored", "why", "device", "payment_id", "status", "ms", "actor", "route", "where")
_encode = json.JSONEncoder(default=str).encode


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"at": int(record.created * 1000), "level": record.levelname.lower(), "event": _event_of(record)}
        line.update((name, getattr(record, name)) for name in _FIELDS if hasattr(record, name))
        if record.exc_info and record.exc_info[0] is not None:
            # The kind of error and its place, never its text: a text may quote what came in.
            line["why"] = record.exc_info[0].__name__
            line["where"] = _innermost_place(record)
        return _encode(line)


def log_as_json(level: int = logging.INFO) -> None:
    """Send this server's logs to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.getLogger("sealframe").setLevel(level)


def _event_of(record: logging.LogRecord) -> str:
    ours = record.name.partition(".")[0] in ("sealframe", "uvicorn")
    return record.getMessage() if ours else f"{record.name}: {record.module}:{record.lineno}"


def _innermost_place(record: logging.LogRecord) -> str:
    place = record.exc_info[2] if record.exc_info else None
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place is not None else ""
