"""Everything that goes wrong becomes `application/problem+json` (RFC 9457), and never an echo.

An answer names the field and the reason. It never holds a value of the request, a file path, a
stack trace or a version.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MEDIA_TYPE = "application/problem+json"
LISTED = 20  # faults that an answer lists
NAMED = 64  # characters of a key that the sender made up


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


class ProblemError(Exception):
    """Ends a request with a status, a sentence and the faults of its fields."""

    def __init__(self, status: int, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = list(faults)


def from_validation(error: ValidationError) -> ProblemError:
    """Return the problem that a refused body is."""
    found: list[Any] = error.errors(
        include_input=False, include_url=False, include_context=False
    )
    first = found[0]
    if first["type"] == "json_invalid":
        if "recursion" in first["msg"]:
            return ProblemError(400, "The body is nested too deeply.")
        return ProblemError(422, "The body is not JSON.", [Fault(field="", reason=first["msg"])])
    faults = [_fault(each) for each in found[:LISTED]]
    if first["type"] == "too_long" and first["loc"] == ("rows",):
        return ProblemError(413, "The batch has too many rows.", faults)
    more = f", of which {LISTED} are listed" if len(found) > LISTED else ""
    count = "One field is" if len(found) == 1 else f"{len(found)} fields are"
    return ProblemError(422, f"{count} not as the contract says{more}.", faults)


def respond(status: int, detail: str, faults: Sequence[Fault] = ()) -> Response:
    """Return the response of a problem."""
    body = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(faults),
    )
    # ASCII alone: no text, whatever it holds, can make the answer unreadable.
    content = json.dumps(body.model_dump(), ensure_ascii=True).encode()
    # What is left of a refused body is not worth reading.
    headers = {"Connection": "close"} if status in {408, 413} else None
    return Response(content, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may end in these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_request)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return respond(error.status, error.detail, error.faults)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = respond(error.status_code, HTTPStatus(error.status_code).description or "Refused.")
    response.headers.update(error.headers or {})
    return response


async def _on_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(each) for each in error.errors()[:LISTED]]
    return respond(422, "The request is not as it must be.", faults)


async def _on_disconnect(_: Request, __: Exception) -> Response:
    return respond(400, "The body ended early.")


async def _on_bug(_: Request, __: Exception) -> Response:
    return respond(500, "The server failed; its log says more.")


def _fault(error: Mapping[str, Any]) -> Fault:
    path = [str(part)[:NAMED] for part in error["loc"]]
    return Fault(field=".".join(path), reason=str(error["msg"])[:500])
