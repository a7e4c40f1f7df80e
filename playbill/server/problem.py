"""Everything that goes wrong becomes `application/problem+json` (RFC 9457), and never an echo.

An answer names the field and the reason. It never holds a value of the request, a file path, a
stack trace or a version. The texts are ours where pydantic's depend on how a body was parsed, so
that both lanes (see `playbill.server.lane`) give the same answer.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MEDIA_TYPE = "application/problem+json"
LISTED = 20  # faults that an answer lists
NAMED = 64  # characters of a key that the sender made up
# In the words of RFC 9110; the standard library's own depend on Python's version.
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
DETAILS = {404: "There is nothing here.", 405: "This path takes other methods."}
# The whole body or a row is of another form; pydantic's words differ between bytes and objects.
REASONS = {
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "list_type": "Input should be an array",
}
NOT_JSON = "Invalid JSON: "
SENDERS = {400, 401, 408, 413, 415}  # after these the rest of the body is not worth reading

Kind = Literal[
    "authentication", "forbidden", "rate", "busy", "body_size", "body_time", "rows", "media_type",
    "encoding", "depth", "json", "contract", "disconnect", "model", "other",
]  # fmt: skip


class Fault(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Path of the field, as `rows.3.temp`; empty: the whole body.")
    reason: str = Field(description="What was expected.")


class Problem(BaseModel):
    """Why a request was not answered."""

    model_config = ConfigDict(json_schema_extra={"description": "RFC 9457 problem details."})

    type: str = Field(description="Always about:blank: the status says the kind.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, in a sentence.")
    errors: list[Fault] = Field(description="Fields at fault, at most 20.")
    error: str = Field(description="The detail again, where the Open Inference Protocol has it.")


class ProblemError(HTTPException):
    """Ends a request with a status, a sentence and the faults of its fields.

    Args:
        status: The HTTP status.
        detail: What is wrong; holds nothing that the sender wrote.
        faults: What is wrong with which field.
        kind: Under what it is counted.
        seen: Columns and pydantic's error types, for the metrics.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        kind: Kind = "other",
        seen: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers=headers)
        self.status = status
        self.faults = list(faults)
        self.kind = kind
        self.seen = list(seen)


def from_validation(
    error: ValidationError, before: Sequence[Mapping[str, Any]] = ()
) -> ProblemError:
    """Return the problem that a refused body is.

    Args:
        error: What pydantic says of the body.
        before: Errors of the query, in pydantic's form.
    """
    found = error.errors(include_input=False, include_url=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return from_parser(found[0]["msg"])
    return from_errors([*before, *found])


def from_parser(message: str) -> ProblemError:
    """Return the problem that a body is which cannot be parsed."""
    reason = message.removeprefix(NOT_JSON)
    if "recursion" in reason:
        return too_deep()
    fault = Fault(field="", reason=NOT_JSON + reason)
    return ProblemError(422, "The body is not JSON.", [fault], kind="json")


def too_deep() -> ProblemError:
    """Return the problem of a body with too many brackets inside each other."""
    return ProblemError(400, "The body is nested too deeply.", kind="depth")


def from_errors(found: Sequence[Mapping[str, Any]]) -> ProblemError:
    """Return the problem of errors in pydantic's form, their places without `body` or `query`."""
    faults = [_fault(each) for each in found[:LISTED]]
    seen = [(str(each["loc"][-1]), str(each["type"])) for each in found[:LISTED] if each["loc"]]
    if any(each["type"] == "too_long" and each["loc"] == ("rows",) for each in found):
        return ProblemError(413, "The batch has too many rows.", faults, kind="rows")
    more = f", of which {LISTED} are listed" if len(found) > LISTED else ""
    count = "One field is" if len(found) == 1 else f"{len(found)} fields are"
    text = f"{count} not as the contract says{more}."
    return ProblemError(422, text, faults, kind="contract", seen=seen)


def content_of(status: int, detail: str, faults: Sequence[Fault] = ()) -> bytes:
    """Return the body of a problem."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "errors": [{"field": fault.field, "reason": fault.reason} for fault in faults],
        "error": detail,
    }
    # ASCII alone: no text, whatever it holds, can make the answer unreadable.
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()


def headers_of(status: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers of a problem that do not follow from its body."""
    closing = {"connection": "close"} if status in SENDERS else {}
    return closing | {name.lower(): value for name, value in (more or {}).items()}


def respond(error: ProblemError) -> Response:
    """Return the response of a problem."""
    return Response(
        content_of(error.status, error.detail, error.faults),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(error.status, error.headers),
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may end in these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem, and leave its kind for the metrics."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_request)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


def bug() -> ProblemError:
    """Return the problem of an error that nobody thought of."""
    return ProblemError(500, "The server failed; its log says more.")


def disconnected() -> ProblemError:
    """Return the problem of a body that ended early; nobody is there to read it."""
    return ProblemError(400, "The body ended early.", kind="disconnect")


def _tell(request: Request, error: ProblemError) -> Response:
    request.scope["playbill.problem"] = error
    return respond(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if not isinstance(error, ProblemError):
        status = error.status_code
        detail = DETAILS.get(status, "The request was refused.")
        error = ProblemError(status, detail, headers=error.headers)
    return _tell(request, error)


async def _on_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{**each, "loc": tuple(each["loc"])[1:]} for each in error.errors()]
    # A body that is `null` counts as none for FastAPI.
    for each in found:
        if each["loc"] == () and each["type"] == "missing":
            each["type"] = "model_type"
    return _tell(request, from_errors(found))


async def _on_disconnect(request: Request, _: Exception) -> Response:
    return _tell(request, disconnected())


async def _on_bug(request: Request, __: Exception) -> Response:
    return _tell(request, bug())


def _fault(error: Mapping[str, Any]) -> Fault:
    path = [str(part)[:NAMED] for part in error["loc"]]
    reason = REASONS.get(error["type"], str(error["msg"]))
    return Fault(field=".".join(path), reason=reason[:500])
