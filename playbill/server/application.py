"""Builds the application: routes for predictions, health and the model, and the offline pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from playbill.contract.outcome import from_dict
from playbill.errors import DataError
from playbill.server import pages, problem
from playbill.server.answer import fields
from playbill.server.body import read_body
from playbill.server.description import REFERENCE, describe
from playbill.server.headers import SecurityHeaders
from playbill.server.identifier import new_identifier
from playbill.server.interface import Interface
from playbill.server.model import Model, ModelPage
from playbill.server.problem import Fault, ProblemError

REFUSALS = (400, 408, 413, 415, 422, 503)


class Health(BaseModel):
    """A state in one word."""

    status: str


class Application(FastAPI):
    """A FastAPI application that serves one model, or none and then only describes itself."""

    def __init__(self, interface: Interface, model: Model | None) -> None:
        super().__init__(
            title=interface.title,
            docs_url=None,  # its page loads from a content delivery network
            redoc_url=None,
            lifespan=_lifespan,
        )
        self.interface = interface
        self.model = model
        self.ready = False

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            self.openapi_schema = describe(self, self.interface)
        return self.openapi_schema

    async def answer(self, rows: Sequence[BaseModel]) -> list[BaseModel]:
        """Return a prediction for each row.

        Raises:
            ProblemError: 503 there is no model (yet), 422 the model cannot take a value.
        """
        if self.model is None or not self.ready:
            raise ProblemError(503, "The model is not ready.")
        page, known = self.model.page, self.interface.columns
        values = {name: [getattr(row, field) for row in rows] for name, field in known.items()}
        try:
            answers = await run_in_threadpool(self.model.runtime.predict, values)
        except DataError as error:  # its text may hold a value: only the place is told
            fault = Fault(field=error.where, reason="The model cannot take this value.")
            raise ProblemError(422, "A value cannot be used.", [fault]) from None
        return [
            self.interface.prediction(
                prediction_id=str(new_identifier()),
                **said,
                model=page.name,
                model_digest=page.model_digest,
            )
            for said in fields(answers, from_dict(page.contract), page.threshold)
        ]


def build(interface: Interface, model: Model | None) -> Application:
    """Return the application of an interface."""
    app = Application(interface, model)
    _add_predictions(app)
    _add_states(app)
    pages.install(app)
    problem.install(app)
    app.add_middleware(SecurityHeaders)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    assert isinstance(app, Application)
    app.ready = app.model is not None
    yield
    app.ready = False


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _add_predictions(app: Application) -> None:
    interface = app.interface
    limits: dict[str, Any] = {
        "max_bytes": interface.max_body_bytes,
        "seconds": interface.body_seconds,
    }

    @app.post(
        "/predict",
        response_model=interface.prediction,
        responses=problem.documented(*REFUSALS),
        openapi_extra=_body_of(interface.row),
        operation_id="predict",
        tags=["predictions"],
    )
    async def predict(request: Request) -> BaseModel:
        """Predict one row."""
        row = await read_body(request, interface.row, **limits)
        return (await app.answer([row]))[0]

    @app.post(
        "/predict/batch",
        response_model=interface.predictions,
        responses=problem.documented(*REFUSALS),
        openapi_extra=_body_of(interface.rows),
        operation_id="predict_batch",
        tags=["predictions"],
    )
    async def predict_batch(request: Request) -> BaseModel:
        """Predict many rows; the answers come in their order."""
        batch: Any = await read_body(request, interface.rows, **limits)
        return interface.predictions(predictions=await app.answer(batch.rows))


def _add_states(app: Application) -> None:
    @app.get("/healthz", operation_id="healthz", tags=["state"])
    async def healthz() -> Health:
        """Say that the process lives."""
        return Health(status="ok")

    @app.get("/readyz", responses=problem.documented(503), operation_id="readyz", tags=["state"])
    async def readyz(response: Response) -> Health:
        """Say whether the model can answer."""
        if not app.ready:
            raise ProblemError(503, "The model is not ready.")
        response.headers["Cache-Control"] = "no-store"
        return Health(status="ready")

    @app.get("/model", responses=problem.documented(503), operation_id="model", tags=["state"])
    async def model() -> ModelPage:
        """Tell which model answers, how good it is and what it was made from."""
        if app.model is None:
            raise ProblemError(503, "The model is not ready.")
        return app.model.page
