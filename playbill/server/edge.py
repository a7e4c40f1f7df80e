"""The outermost layer: lets a request in, gives it an identifier, counts it, dresses its answer.

It stands outside of FastAPI's own error handling, so that no answer leaves without it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playbill.server import journal
from playbill.server.authentication import Gate
from playbill.server.headers import ALWAYS, PAGES
from playbill.server.identifier import identifier_text
from playbill.server.measurement import Measurement, now
from playbill.server.problem import MEDIA_TYPE, ProblemError, bug, content_of, headers_of

REQUEST_ID = b"x-request-id"
CLOSE = (b"connection", b"close")
_IDENTIFIER = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SCORING = frozenset({"/predict", "/predict/batch"})


class Edge:
    """An ASGI application around another.

    Args:
        app: The application.
        gate: Lets requests in.
        measurement: Counts them.
        in_flight: Requests that are answered at a time.
        direct: Endpoints of `POST` by path that need nothing of the application.
        name: The served model.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        measurement: Measurement,
        in_flight: int,
        direct: Mapping[str, ASGIApp],
        name: str,
    ) -> None:
        self._direct = dict(direct)
        self.app = app
        self.name = name
        self.draining = False
        self._gate = gate
        self._measurement = measurement
        self._most = in_flight
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = now()
        path = scope["path"]
        identifier = _identifier(scope["headers"])
        more = [*(ALWAYS if path in _SCORING else PAGES), (REQUEST_ID, identifier)]
        if self.draining:
            more.append(CLOSE)
        status, begun_to_answer, whole = 500, False, False

        def dressed(message: Message) -> Any:
            nonlocal status, begun_to_answer, whole
            if message["type"] == "http.response.start":
                begun_to_answer = True
                status = message["status"]
                message["headers"] = [*message["headers"], *more]
            else:
                whole = not message.get("more_body", False)
            return send(message)

        measurement = self._measurement
        scope[journal.REQUEST] = identifier.decode()
        journal.CURRENT.set(scope)  # of this request's task alone
        self._active += 1
        measurement.begun(1)
        try:
            await self._answer(scope, receive, dressed)
            if status >= 400:  # noqa: PLR2004 - where errors begin
                measurement.refused(scope.get("playbill.problem") or _plain(status))
        except ProblemError as error:  # of this layer: the application answers its own
            measurement.refused(error)
            await _respond(error, dressed)
        except Exception:
            if not begun_to_answer:
                fault = bug()
                measurement.refused(fault)
                await _respond(fault, dressed)
            if not whole:  # uvicorn cuts the connection: half an answer is not taken for one
                raise
            journal.server.exception("a request failed")
        finally:
            self._active -= 1
            measurement.begun(-1)
            seconds = now() - begun
            scope["playbill.status"] = status
            route = measurement.requested(path, status, seconds)
            journal.answered(scope, route, status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._make_room()
        path = scope["path"]
        scope["playbill.principal"] = self._gate.admit(path, scope["headers"])
        endpoint = self._direct.get(path)
        if endpoint is not None and scope["method"] == "POST":
            await endpoint(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _make_room(self) -> None:
        if self._active > self._most:
            text = "Too many requests are being answered."
            raise ProblemError(503, text, kind="busy", headers={"retry-after": "1"})


async def _respond(error: ProblemError, send: Send) -> None:
    content = content_of(error.status, error.detail, error.faults)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(content))}
    headers |= headers_of(error.status, error.headers)
    plain = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": plain})
    await send({"type": "http.response.body", "body": content})


def _identifier(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the sender's own identifier if it is harmless, else a new one."""
    for name, value in headers:
        if name == REQUEST_ID and _IDENTIFIER.fullmatch(value):
            return value
    return identifier_text().encode()


def _plain(status: int) -> ProblemError:
    return ProblemError(status, "")
