"""What a generated application hands to the runtime half: its models and its limits."""

from dataclasses import dataclass, field

from pydantic import BaseModel


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
        max_body_bytes: Largest body that is read.
        body_seconds: Time in which a body must arrive.
    """

    name: str
    title: str
    description: str
    row: type[BaseModel]
    rows: type[BaseModel]
    prediction: type[BaseModel]
    predictions: type[BaseModel]
    max_body_bytes: int
    body_seconds: float = 10.0
    columns: dict[str, str] = field(init=False)
    """Field of `row` by the name of its column."""

    def __post_init__(self) -> None:
        """Derive the columns from the fields of a row."""
        columns = {info.alias or name: name for name, info in self.row.model_fields.items()}
        object.__setattr__(self, "columns", columns)
