"""Builds the application: scoring, health, the model, metrics, pages, the project's own routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel

from playbill.server import feedback, inference, lane, pages, problem
from playbill.server.authentication import Gate
from playbill.server.description import describe
from playbill.server.edge import Edge
from playbill.server.interface import Interface
from playbill.server.measurement import Measurement
from playbill.server.model import Model, ModelPage
from playbill.server.plain import PlainRows
from playbill.server.problem import ProblemError
from playbill.server.scoring import Scoring, secret
from playbill.server.served import facts_of
from playbill.server.settings import Settings
from playbill.server.switch import Part, Switch, Switchboard

METRICS = "text/plain; version=0.0.4; charset=utf-8"
KNOWN = (401, 403, 429, 503)  # what any route behind the gate may answer


class Health(BaseModel):
    """A state in one word."""

    status: str


class Readiness(BaseModel):
    """Whether the model can answer, and whether its answers are logged."""

    status: str
    log: str


@dataclass(frozen=True)
class Worker:
    """Which of the workers this process is, and the file in which all of them count."""

    slot: int = 0
    board: Path | None = None
    switch: Path | None = None
    """Folder of the orders that the workers follow together; none: they serve one bundle."""


class Application(FastAPI):
    """A FastAPI application that serves one model, or none and then only describes itself."""

    def __init__(
        self, interface: Interface, model: Model | None, settings: Settings, worker: Worker
    ) -> None:
        super().__init__(
            title=interface.title,
            docs_url=None,  # its page loads from a content delivery network
            redoc_url=None,
            # FastAPI's own records addresses, queries and texts of exceptions; see `tracing`.
            telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
            redirect_slashes=False,  # the address would be made of the sender's Host
            lifespan=_lifespan,
        )
        self.interface = interface
        self.settings = settings
        profile = model.profile if model is not None else {}
        plain = PlainRows(interface)
        self.measurement = Measurement(
            interface,
            settings,
            profile,
            facts_of(model, settings.model_version),
            plain,
            slot=worker.slot,
            board=worker.board,
            key=secret(settings.log.personal_key_variable),
        )
        self.scoring = Scoring(interface, model, self.measurement, plain, settings.model_version)
        self.switch: Switch | None = None

    @property
    def model(self) -> Model | None:
        """The model that answers."""
        return self.scoring.model

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            self.openapi_schema = describe(self, self.interface)
        return self.openapi_schema


def build(
    interface: Interface,
    model: Model | None,
    settings: Settings | None = None,
    worker: Worker | None = None,
) -> Application:
    """Return the application of an interface."""
    settings = settings or Settings()
    app = Application(interface, model, settings, worker or Worker())
    seconds = settings.limits.body_seconds
    app.include_router(lane.twin(app.scoring, seconds))
    _add_states(app)
    app.include_router(inference.router(app.scoring, seconds))
    if interface.feedback is not None:
        app.include_router(feedback.router(interface, settings, app.measurement.board))
    for router in interface.routers:
        app.include_router(router, responses=problem.documented(401, 403, 429))
    pages.install(app)
    problem.install(app)
    return app


def follow(app: Application, bundle: Path, worker: Worker) -> None:
    """Follow the orders of the supervisor, first of all the one that is committed already.

    Raises:
        PlaybillError: The committed bundle cannot be had.
    """
    if worker.switch is None or app.scoring.served is None:
        return
    board = app.measurement.board_of_switches = Switchboard(worker.switch)
    first = Part(str(bundle), app.settings.model_version), app.scoring.served
    columns = list(app.interface.columns)
    app.switch = Switch(app.scoring, board, worker.slot, columns, first)
    app.scoring.follow(app.switch)
    app.switch.catch_up()


def enclose(app: Application) -> Edge:
    """Return what a server runs: the application behind its gate.

    Raises:
        UsageError: Authentication is on and there is nothing to authenticate with.
    """
    settings = app.settings
    seconds, most = settings.limits.body_seconds, settings.limits.in_flight
    direct = lane.endpoints(app.scoring, seconds) if app.interface.lane == "asgi" else {}
    return Edge(app, Gate(settings), app.measurement, most, direct, app.interface.name)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    assert isinstance(app, Application)
    await app.measurement.start()
    app.scoring.ready = app.model is not None
    following = asyncio.create_task(app.switch.follow()) if app.switch is not None else None
    yield
    app.scoring.ready = False
    if following is not None:
        following.cancel()
    await app.measurement.stop()


def _add_states(app: Application) -> None:
    @app.get("/healthz", responses=problem.documented(503), operation_id="healthz", tags=["state"])
    async def healthz() -> Health:
        """Say that the process lives."""
        return Health(status="ok")

    @app.get("/readyz", responses=problem.documented(503), operation_id="readyz", tags=["state"])
    async def readyz() -> Readiness:
        """Say whether the model can answer and its answers are logged."""
        if not app.scoring.ready:
            raise ProblemError(503, "The model is not ready.", kind="model")
        fails = app.measurement.log_fails
        if fails and app.settings.log.failing == "unready":
            raise ProblemError(503, "The prediction log cannot be written.", kind="model")
        logged = "ok" if app.settings.log.folder else "off"
        return Readiness(status="ready", log="failing" if fails else logged)

    @app.get("/model", responses=problem.documented(*KNOWN), operation_id="model", tags=["state"])
    async def model() -> ModelPage:
        """Tell which model answers, how good it is and what it was made from."""
        if app.model is None:
            raise ProblemError(503, "The model is not ready.", kind="model")
        return app.model.page

    @app.get(
        "/metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
                   **problem.documented(*KNOWN)},
        response_class=Response,
        operation_id="metrics",
        tags=["state"],
    )  # fmt: skip
    async def metrics() -> Response:
        """Return the metrics of all workers in Prometheus' text format."""
        return Response(app.measurement.render(), media_type=METRICS)
