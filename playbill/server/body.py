"""Reads the body of a request: right kind, bounded in size, time and depth.

The limits are checked on the bytes before they are parsed; the depth only of what was refused,
because what the models take is flat.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeVar

import numpy as np
import pydantic_core
from fastapi import Request
from pydantic import BaseModel, ValidationError

from playbill.server.problem import (
    ProblemError,
    disconnected,
    from_parser,
    from_validation,
    too_deep,
)

Body = TypeVar("Body", bound=BaseModel)
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

DEPTH = 32
JSON = b"application/json"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


async def read_bytes(
    headers: Iterable[tuple[bytes, bytes]], receive: Receive, *, limit: int, seconds: float
) -> bytes:
    """Return the bytes of a JSON body.

    Args:
        headers: As ASGI has them, names in lower case.
        receive: ASGI's.
        limit: Largest body, in bytes.
        seconds: Time in which it must have arrived.

    Raises:
        ProblemError: 400 not UTF-8 or cut short, 408 too slow, 413 too large, 415 not JSON.
    """
    _check_headers(headers, limit)
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
            content = message.get("body", b"")
            if message["type"] != "http.request" or message.get("more_body"):
                content = await _rest(message, receive, limit)
    except TimeoutError:
        detail = "The body took too long to arrive."
        raise ProblemError(408, detail, kind="body_time") from None
    if len(content) > limit:
        raise _too_large(limit)
    try:
        content.decode()  # its own check: the parser's message does not tell it from bad JSON
    except UnicodeDecodeError:
        raise ProblemError(400, "The body is not UTF-8.", kind="encoding") from None
    return bytes(content)


def validated(content: bytes, model: type[Body], before: list[dict[str, Any]]) -> Body:
    """Return the body that the bytes are, parsed and validated in one native step.

    Raises:
        ProblemError: 400 nested too deeply, 413 too many rows, 422 not JSON or not as declared.
    """
    try:
        return model.__pydantic_validator__.validate_json(content)  # type: ignore[no-any-return]
    except ValidationError as error:
        check_depth(content)
        raise from_validation(error, before) from None


def parsed(content: bytes) -> Any:
    """Return the plain value of a JSON text, by the parser that `validated` uses.

    Raises:
        ProblemError: 400 nested too deeply, 422 not JSON.
    """
    try:
        return pydantic_core.from_json(content)
    except ValueError as error:
        check_depth(content)
        raise from_parser(str(error)) from None


def check_depth(content: bytes) -> None:
    """Refuse more than 32 open brackets; a megabyte takes some milliseconds.

    Raises:
        ProblemError: 400.
    """
    if content.count(b"[") + content.count(b"{") <= DEPTH:
        return
    brackets = np.frombuffer(_STRING.sub(b"", content), dtype=np.uint8)
    if brackets.size and int(np.cumsum(_STEPS[brackets], dtype=np.int64).max()) > DEPTH:
        raise too_deep()


class StrictRequest(Request):
    """A request whose body is read within the limits and parsed as strictly as `validated` does.

    Standard-library JSON, which FastAPI would use, takes UTF-16, a byte order mark, and numbers
    and nesting up to its own limits.
    """

    limit: int
    seconds: float

    async def body(self) -> bytes:
        """Return the bytes of the body; see `read_bytes`."""
        if not hasattr(self, "_body"):
            headers = self.scope["headers"]
            content = await read_bytes(
                headers, self.receive, limit=self.limit, seconds=self.seconds
            )
            if not content:
                parsed(content)  # raises; FastAPI would say that the body is missing
            self._body = content
        return self._body

    async def json(self) -> Any:
        """Return the plain value of the body; see `parsed`."""
        if not hasattr(self, "_json"):
            content = await self.body()
            check_depth(content)
            self._json = parsed(content)
        return self._json


async def _rest(message: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes:
    content = bytearray()
    while True:
        if message["type"] != "http.request":
            raise disconnected()
        content += message.get("body", b"")
        if len(content) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(content)
        message = await receive()


def _check_headers(headers: Iterable[tuple[bytes, bytes]], limit: int) -> None:
    kind = b""
    for name, value in headers:
        if name == b"content-type":
            kind = kind or value
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise ProblemError(415, "Compressed bodies are not read.", kind="media_type")
        # The declared length is not believed; the bytes are counted too.
        elif name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise _too_large(limit)
    # Compared as it mostly comes before it is taken apart.
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        raise ProblemError(415, "The content type must be application/json.", kind="media_type")


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, f"The body is larger than {limit} bytes.", kind="body_size")
