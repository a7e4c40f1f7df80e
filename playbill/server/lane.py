"""The scoring endpoints, twice: ASGI endpoints that need no router, and FastAPI routes.

The ASGI endpoint validates the bytes once, with the generated models, and writes the answer's bytes
itself; FastAPI's own path (dependencies, body to dict to model, response model) costs more than
scoring a row does, and its middleware and router cost as much again. So the endpoint is called by
`playbill.server.edge`, which lets requests in and counts them in either lane. The FastAPI routes
are its twin: same models, same errors, and the conformance tests demand the same status and body
for every request. They document the endpoints and answer the other methods; `lane: fastapi` in
conf/server makes them answer everything.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
import pydantic_core
from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from playbill.server import problem
from playbill.server.body import StrictRequest, read_bytes, validated
from playbill.server.scoring import Scoring

REFUSALS = (400, 401, 403, 408, 413, 415, 422, 429, 503)
EXPLAIN = "explain"
_JSON = (b"content-type", b"application/json")
_NOT_A_CHOICE = {
    "type": "literal_error",
    "loc": (EXPLAIN,),
    "msg": "Input should be 'true' or 'false'",
}
Explain = Annotated[
    Literal["true", "false"],
    Query(
        description="`true` adds by how much each value moved the answer away from its reference "
        "value's: one more scoring for each feature."
    ),
]


class Endpoint:
    """Answers one row or many, as an ASGI application.

    Args:
        scoring: Answers rows.
        seconds: Time in which a body must arrive.
        many: Whether the body is a batch.
    """

    def __init__(self, scoring: Scoring, seconds: float, *, many: bool) -> None:
        interface = scoring.interface
        self._scoring = scoring
        self._many = many
        self._model = interface.rows if many else interface.row
        self._limit = interface.max_batch_bytes if many else interface.max_body_bytes
        self._seconds = seconds
        # msgspec takes a third of the time and writes the same, but for the exponents of numbers
        # beyond 1e16, which a probability has not.
        regression = interface.asked.task == "regression"
        self._write = pydantic_core.to_json if regression else msgspec.json.Encoder().encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Raises:
            ProblemError: What is wrong with it; the caller writes the answer.
        """
        content = await read_bytes(
            scope["headers"], receive, limit=self._limit, seconds=self._seconds
        )
        query = scope["query_string"]
        explain, before = _explained(query) if query else (False, [])
        rows = None if before else self._scoring.plain.read(content, many=self._many)
        if rows is None:
            body: Any = validated(content, self._model, before)
            if before:
                raise problem.from_errors(before)
            rows = self._scoring.plain.of(body.rows if self._many else (body,))
        found = await self._scoring.answer(rows, scope, explain=explain)
        answer = self._write({"predictions": found} if self._many else found[0])
        headers = [_JSON, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def endpoints(scoring: Scoring, seconds: float) -> dict[str, Endpoint]:
    """Return the ASGI endpoints by their path; all of them take POST."""
    return {
        "/predict": Endpoint(scoring, seconds, many=False),
        "/predict/batch": Endpoint(scoring, seconds, many=True),
    }


def twin(scoring: Scoring, seconds: float) -> APIRouter:
    """Return the same endpoints as FastAPI routes."""
    interface = scoring.interface
    router = APIRouter()
    row, rows = interface.row, interface.rows
    plain = scoring.plain.of

    async def predict(body: Any, request: Request, explain: Explain = "false") -> Any:
        """Predict one row."""
        return (await scoring.answer(plain([body]), request.scope, explain=explain == "true"))[0]

    async def predict_batch(body: Any, request: Request, explain: Explain = "false") -> Any:
        """Predict many rows; the answers come in their order."""
        found = await scoring.answer(plain(body.rows), request.scope, explain=explain == "true")
        return {"predictions": found}

    predict.__annotations__["body"] = row
    predict_batch.__annotations__["body"] = rows
    for path, function, answer, limit in (
        ("/predict", predict, interface.prediction, interface.max_body_bytes),
        ("/predict/batch", predict_batch, interface.predictions, interface.max_batch_bytes),
    ):
        router.add_api_route(
            path,
            function,
            methods=["POST"],
            response_model=answer,
            response_model_exclude_none=True,
            responses=problem.documented(*REFUSALS),
            operation_id=function.__name__,
            tags=["predictions"],
            route_class_override=strict_route(limit, seconds),
        )
    return router


def strict_route(limit: int, seconds: float) -> type[APIRoute]:
    """Return a class of FastAPI routes whose bodies are read by `StrictRequest`."""

    class Strict(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def handle(request: Request) -> Response:
                strict = StrictRequest(request.scope, request.receive)
                strict.limit, strict.seconds = limit, seconds
                return await answer(strict)

            return handle

    return Strict


def _explained(query: bytes) -> tuple[bool, list[dict[str, Any]]]:
    """Return whether contributions are asked for, and what is wrong with the question."""
    said = [
        value
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        if name == EXPLAIN
    ]
    if not said:
        return False, []
    if said[-1] not in {"true", "false"}:
        return False, [_NOT_A_CHOICE]
    return said[-1] == "true", []
