"""The server's own log: one object of JSON a line, on standard error, uvicorn's lines among them.

Each line written while a request is answered has its identifier. No line holds what a request said:
neither its path nor its query, no header, no address, no name of a key; of an exception its type
and where it was raised, for its text may quote a value.
"""

import json
import logging
import time
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any

Scope = MutableMapping[str, Any]
# What is being answered, in ASGI's form; every task and thread of a request has its own.
CURRENT: ContextVar[Scope | None] = ContextVar("playbill_request", default=None)
REQUEST, PREDICTIONS, TRACE = "playbill.request", "playbill.predictions", "playbill.trace"
FIELDS = "fields"  # attribute of a record: more keys of its line
LONGEST = 4000  # characters of a message
FRAMES = 30  # places of an exception, the innermost ones
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ERROR = 500  # the first status that is the server's fault

access = logging.getLogger("playbill.access")
server = logging.getLogger("playbill.server")


class Lines(logging.Formatter):
    """Writes each record as one line of ASCII JSON: no text that was sent can start another.

    Args:
        texts: Whether the texts of exceptions are written, which may quote values.
    """

    def __init__(self, *, texts: bool = False) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{second}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
            **_of_request(CURRENT.get()),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = self._exception(record.exc_info[1])
        return json.dumps(line, default=str)

    def _exception(self, error: BaseException) -> dict[str, Any]:
        kind = type(error)
        found: dict[str, Any] = {
            "type": f"{kind.__module__}.{kind.__qualname__}",
            "frames": _frames(error.__traceback__),
        }
        if self._texts:
            found["text"] = str(error)[:LONGEST]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            found["cause"] = self._exception(cause)
        return found


def answered(scope: Scope, route: str, status: int, seconds: float) -> None:
    """Write the line of a request that was answered.

    Args:
        scope: The request, in ASGI's form.
        route: The label that its path is counted under, which is one of ours.
        status: Of the answer.
        seconds: That it took.
    """
    level = logging.ERROR if status >= ERROR else logging.INFO
    if not access.isEnabledFor(level):
        return
    method = scope["method"]
    fields = {
        "method": method if method in METHODS else "other",
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 3),
        **_of_request(scope),
    }
    access.log(level, "answered", extra={FIELDS: fields})


def configuration(level: str) -> dict[str, Any]:
    """Return the configuration of Python's `logging` under which all lines have this form.

    Args:
        level: Least level that is written; `debug` writes the texts of exceptions too.
    """
    lines = {"()": "playbill.server.journal.Lines", "texts": level == "debug"}
    handler = {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}
    # Its own handler would write lines of another form.
    through = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "handlers": {"lines": handler},
        "root": {"handlers": ["lines"], "level": level.upper()},
        "loggers": dict.fromkeys(("uvicorn", "uvicorn.error", "asyncio", "fastapi"), through),
    }


def _of_request(scope: Mapping[str, Any] | None) -> dict[str, Any]:
    if scope is None:
        return {}
    found = {"request_id": scope.get(REQUEST)}
    if TRACE in scope:
        found["trace_id"] = scope[TRACE]
    made = scope.get(PREDICTIONS)
    if made is not None:
        found["rows"] = len(made)
        if len(made) == 1:
            found["prediction_id"] = made[0]
    return found


def _frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_qualname}")
        trace = trace.tb_next
    return found[-FRAMES:]
