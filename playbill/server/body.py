"""Reads the body of a request: right kind, bounded in size and time, validated once from its bytes.

The JSON is parsed and validated in one native step. Nothing is parsed that a limit refuses.
"""

import asyncio
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from playbill.server.problem import ProblemError, from_validation

Body = TypeVar("Body", bound=BaseModel)


async def read_body(
    request: Request, model: type[Body], *, max_bytes: int, seconds: float
) -> Body:
    """Return the validated body.

    Raises:
        ProblemError: 400 not UTF-8 or nested too deeply, 408 too slow, 413 too large, 415 not
            JSON by its content type, 422 not JSON or not what the model says.
    """
    _check_kind(request)
    try:
        async with asyncio.timeout(seconds):
            content = await _bytes(request, max_bytes)
    except TimeoutError:
        raise ProblemError(408, "The body took too long to arrive.") from None
    try:
        content.decode()  # its own check: the parser's message does not tell it from bad JSON
    except UnicodeDecodeError:
        raise ProblemError(400, "The body is not UTF-8.") from None
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise from_validation(error) from None


def _check_kind(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "The content type must be application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "Compressed bodies are not read.")


async def _bytes(request: Request, limit: int) -> bytes:
    """Return the body; the declared length is not believed, the bytes are counted."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise _too_large(limit)
    return bytes(content)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, f"The body is larger than {limit} bytes.")
