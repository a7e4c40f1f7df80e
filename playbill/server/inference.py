"""The Open Inference Protocol, version 2, over HTTP: the same model behind the routes of KServe.

Each column is a tensor of its own, `[n]` or `[n, 1]`; null stands for a missing value. The rows
are checked by the same generated models as those of `/predict/batch`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playbill.server import problem
from playbill.server.interface import Interface
from playbill.server.lane import REFUSALS, strict_route
from playbill.server.problem import Fault, ProblemError
from playbill.server.scoring import Answer, Scoring

DATATYPES = {
    "number": "FP64",
    "integer": "INT64",
    "text": "BYTES",
    "boolean": "BOOL",
    "datetime": "BYTES",
}
WHOLE = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
TAKEN = {
    "number": WHOLE | {"FP32", "FP64"},
    "integer": WHOLE,
    "text": frozenset({"BYTES"}),
    "boolean": frozenset({"BOOL"}),
    "datetime": frozenset({"BYTES"}),
}
NAME = Annotated[str, Path(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
PLAIN = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=(), extra="forbid")

Value = str | bool | int | float | None


class Tensor(BaseModel):
    """One column of a request or of an answer."""

    model_config = PLAIN

    name: str = Field(max_length=256)
    shape: list[Annotated[int, Field(ge=1, le=2**31)]] = Field(min_length=1, max_length=2)
    datatype: str = Field(max_length=16)
    parameters: dict[str, Value] | None = None
    data: list[Value]


class Output(BaseModel):
    """A tensor that is asked for."""

    model_config = PLAIN

    name: str = Field(max_length=256)
    parameters: dict[str, Value] | None = None


class InferenceRequest(BaseModel):
    """Rows as one tensor a column."""

    model_config = PLAIN

    id: str | None = Field(default=None, max_length=256)
    parameters: dict[str, Value] | None = None
    inputs: list[Tensor] = Field(min_length=1, max_length=10_000)
    outputs: list[Output] | None = Field(default=None, max_length=100)


class InferenceResponse(BaseModel):
    """Answers as tensors."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str | None = None
    id: str | None = None
    outputs: list[Tensor]


class TensorMetadata(BaseModel):
    """A tensor's name and kind; -1 stands for any number of rows."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(BaseModel):
    """What answers; the version is the protocol's."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """Whether the process lives."""

    live: Literal[True] = True


class Ready(BaseModel):
    """Whether it can answer."""

    ready: Literal[True] = True


def router(scoring: Scoring, seconds: float) -> APIRouter:
    """Return the routes of the protocol."""
    found = APIRouter(tags=["Open Inference Protocol"])
    _add_states(found, scoring)
    limit = scoring.interface.max_batch_bytes

    async def infer(name: NAME, body: InferenceRequest, request: Request) -> Any:
        """Predict rows that come as one tensor a column."""
        _known(scoring.interface, name)
        rows = rows_of(body, scoring.interface)
        answers = await scoring.answer(scoring.plain.of(rows), request.scope)
        outputs = outputs_of(answers, scoring.interface)
        if body.outputs is not None:
            wanted = {each.name for each in body.outputs}
            if strange := sorted(wanted - {each["name"] for each in outputs}):
                raise _fault("outputs", f"there is no output {strange[0][:64]!a}")
            outputs = [each for each in outputs if each["name"] in wanted]
        version = answers[0].get("model_version")
        head = {"model_name": name, "model_version": version, "id": body.id}
        return {**head, "outputs": outputs}

    found.add_api_route(
        "/v2/models/{name}/infer",
        infer,
        methods=["POST"],
        response_model=InferenceResponse,
        response_model_exclude_none=False,
        responses=problem.documented(404, *REFUSALS),
        operation_id="infer",
        route_class_override=strict_route(limit, seconds),
    )
    return found


def _add_states(found: APIRouter, scoring: Scoring) -> None:
    interface = scoring.interface
    unready = problem.documented(503)
    unknown = problem.documented(401, 403, 404, 422, 429, 503)

    @found.get("/v2", responses=problem.documented(401, 403, 429, 503), operation_id="v2_server")
    async def server() -> ServerMetadata:
        """Tell what answers."""
        return ServerMetadata(name="playbill", version="2", extensions=[])

    @found.get("/v2/health/live", responses=unready, operation_id="v2_live")
    async def live() -> Live:
        """Say that the process lives."""
        return Live()

    @found.get("/v2/health/ready", responses=unready, operation_id="v2_ready")
    async def ready() -> Ready:
        """Say whether the model can answer."""
        _ready(scoring)
        return Ready()

    @found.get("/v2/models/{name}/ready", responses=unknown, operation_id="v2_model_ready")
    async def model_ready(name: NAME) -> Ready:
        """Say whether the model can answer."""
        _known(interface, name)
        _ready(scoring)
        return Ready()

    @found.get("/v2/models/{name}", responses=unknown, operation_id="v2_model")
    async def model(name: NAME) -> ModelMetadata:
        """Tell what the model takes and gives."""
        _known(interface, name)
        inputs = [
            TensorMetadata(name=column, datatype=DATATYPES[kind], shape=[-1])
            for column, kind in interface.kinds.items()
        ]
        versions = [scoring.version] if scoring.version else []
        outputs = [
            TensorMetadata(name=column, datatype=datatype, shape=[-1])
            for column, datatype in output_types(interface).items()
        ]
        return ModelMetadata(
            name=name, versions=versions, platform="playbill", inputs=inputs, outputs=outputs
        )


def rows_of(body: InferenceRequest, interface: Interface) -> Sequence[BaseModel]:
    """Return the rows of a request, validated.

    Raises:
        ProblemError: 413 too many rows, 422 whatever else is wrong.
    """
    names = [each.name for each in body.inputs]
    if len(set(names)) != len(names):
        raise _fault("inputs", "a tensor is given twice")
    count = body.inputs[0].shape[0]
    for number, tensor in enumerate(body.inputs):
        _check(tensor, f"inputs.{number}", count, interface)
    if count > interface.max_rows:
        raise ProblemError(413, "The batch has too many rows.", kind="rows")
    columns = [each.data for each in body.inputs]
    plain = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    try:
        found: Any = interface.rows.model_validate({"rows": plain})
    except ValidationError as error:
        raise problem.from_validation(error) from None
    return list(found.rows)


def _check(tensor: Tensor, where: str, count: int, interface: Interface) -> None:
    kind = interface.kinds.get(tensor.name)
    if kind is None:
        raise _fault(f"{where}.name", "the model has no such input")
    if tensor.datatype not in TAKEN[kind]:
        raise _fault(f"{where}.datatype", f"should be {DATATYPES[kind]}")
    if tensor.shape[0] != count or tensor.shape[1:] not in ([], [1]):
        raise _fault(f"{where}.shape", "should be [n] or [n, 1], the same n for each input")
    if len(tensor.data) != count:
        raise _fault(f"{where}.data", "has not as many values as its shape says")


def output_types(interface: Interface) -> dict[str, str]:
    """Return the datatype of each output by its name."""
    asked = interface.asked
    if asked.task == "regression":
        return {"value": "FP64", "prediction_id": "BYTES"}
    shares = {f"probability_{each}": "FP64" for each in asked.classes}
    label = {"label": "BOOL" if asked.task == "binary" else "BYTES"}
    return {**label, "probability": "FP64", **shares, "prediction_id": "BYTES"}


def outputs_of(answers: Sequence[Answer], interface: Interface) -> list[dict[str, Any]]:
    """Return answers as tensors."""
    found = []
    for name, datatype in output_types(interface).items():
        if name.startswith("probability_"):
            key = name.removeprefix("probability_")
            data = [each["probabilities"][key] for each in answers]
        else:
            data = [each[name] for each in answers]
        if datatype == "BYTES":
            data = [str(value) for value in data]
        found.append({"name": name, "shape": [len(answers)], "datatype": datatype, "data": data})
    return found


def _known(interface: Interface, name: str) -> None:
    if name != interface.name:
        raise ProblemError(404, "There is no such model.")


def _ready(scoring: Scoring) -> None:
    if not scoring.ready:
        raise ProblemError(503, "The model is not ready.", kind="model")


def _fault(field: str, reason: str) -> ProblemError:
    faults = [Fault(field=field, reason=reason)]
    return ProblemError(422, "The tensors are not as the model's.", faults, kind="contract")
