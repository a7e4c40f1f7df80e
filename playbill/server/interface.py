"""What a generated application hands to the runtime half: its models and its limits."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from playbill.contract.outcome import BINARY, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter


@dataclass(frozen=True)
class Interface:
    """The served interface of one model.

    Attributes:
        name: Name of the model.
        title: Title of the API's documentation.
        description: A sentence for it.
        row: Model of one row.
        rows: Model of a batch; its field `rows` is a list of `row`.
        prediction: Model of the answer to one row.
        predictions: Model of the answer to a batch.
        max_body_bytes: Largest body of one row.
        max_batch_bytes: Largest body of many rows.
        lane: How the scoring endpoints are reached; both answer the same.
        asked: What the contract asks for: task, classes, positive class.
        personal: Columns that must not be logged as they are.
        kinds: What each column holds, by its name.
        routers: The project's own routers.
        feedback: Model of what turned out to be true; its field `feedback` is a list.
    """

    name: str
    title: str
    description: str
    row: type[BaseModel]
    rows: type[BaseModel]
    prediction: type[BaseModel]
    predictions: type[BaseModel]
    max_body_bytes: int
    max_batch_bytes: int
    kinds: dict[str, str]
    lane: Literal["asgi", "fastapi"] = "asgi"
    asked: Outcome = BINARY
    personal: frozenset[str] = frozenset()
    routers: "Sequence[APIRouter]" = ()
    feedback: type[BaseModel] | None = None
    columns: dict[str, str] = field(init=False)
    """Field of `row` by the name of its column."""

    def __post_init__(self) -> None:
        """Derive the columns from the fields of a row."""
        columns = {info.alias or name: name for name, info in self.row.model_fields.items()}
        object.__setattr__(self, "columns", columns)

    @property
    def max_rows(self) -> int:
        """Rows that a batch may have."""
        found = self.rows.model_fields["rows"].metadata
        return next(int(each.max_length) for each in found if hasattr(each, "max_length"))
