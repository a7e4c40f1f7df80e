"""The served models as text that people review: a row, a prediction, feedback in pydantic."""

import keyword
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from playbill.bundle.literal import EDIT, number_of, text_of, value_of
from playbill.bundle.truth import feedback_models

if TYPE_CHECKING:
    from playbill.config.schema import Server
    from playbill.contract.column import Column
    from playbill.contract.outcome import Outcome

INT64 = 2**63
ANNOTATIONS = {
    "number": "float",
    "integer": "int",
    "text": "str",
    "boolean": "bool",
    "datetime": "Moment",
}


def attribute(column: str) -> str:
    """Return the Python name under which a column is a field; any text may name a column."""
    plain = re.sub(r"\W", "_", column, flags=re.ASCII)
    taken = keyword.iskeyword(plain) or hasattr(BaseModel, plain) or plain in {"Row", "Moment"}
    if taken or not plain or not plain[0].isalpha():
        return f"field_{plain.strip('_') or 'x'}"
    return plain


def schemas(
    name: str, inputs: "Sequence[Column]", target: "Column", server: "Server", asked: "Outcome"
) -> str:
    """Return the module of the served models.

    Args:
        name: The model.
        inputs: The contract's input columns: the fields of a request's row.
        target: The column that is predicted.
        server: The `server` group of conf/.
        asked: What the contract asks for: the fields of a prediction.
    """
    moments = any(column.kind == "datetime" for column in inputs)
    body = "\n".join(_field(column, attr, server) for column, attr in _attributes(inputs))
    literal = asked.task != "regression" or any(c.categories for c in inputs)
    return _SCHEMAS.format(
        edit=EDIT,
        name=name,
        datetime="import re\nfrom datetime import datetime\n" if moments else "",
        typing=", ".join(["Annotated"] + (["Literal"] if literal else [])),
        validator="BeforeValidator, " if moments else "",
        moment=_MOMENT if moments else "",
        row=body,
        rows=server.max_batch_rows,
        probabilities=_probabilities(target, asked),
        answer=_answer(target, asked),
        feedback=_feedback(target, server, asked),
        whole=", field_validator" if _whole(asked) else "",
    )


def _feedback(target: "Column", server: "Server", asked: "Outcome") -> str:
    text = text_of(f"The true `{target.name}`.")
    if asked.task != "regression":
        classes, whole = _literal(asked.classes), _whole(asked)
        return feedback_models(text, classes, {}, server.max_batch_rows, whole=whole)
    bounds = _bounds(target, server.max_text_length)
    kind = ANNOTATIONS[target.kind]
    return feedback_models(text, kind, bounds, server.max_batch_rows, whole=False)


def _whole(asked: "Outcome") -> bool:
    """Say whether the classes are whole numbers."""
    return bool(asked.classes) and not isinstance(asked.classes[0], str)


def _probabilities(target: "Column", asked: "Outcome") -> str:
    """Return the model of the probability of each class; there is none in a regression."""
    if asked.task == "regression":
        return ""
    fields = [
        _PROBABILITY.format(
            field=f"class_{number}",
            alias=text_of(str(each)),
            description=text_of(f"Probability that `{target.name}` is {each}."),
        )
        for number, each in enumerate(asked.classes)
    ]
    return _PROBABILITIES.format(fields="\n".join(fields))


def _answer(target: "Column", asked: "Outcome") -> str:
    """Return the fields of a prediction that depend on the task."""
    if asked.task == "regression":
        return _REGRESSION.format(value=text_of(f"Predicted `{target.name}`."))
    if asked.task == "multiclass":
        return _CLASSES.format(
            kind=_literal(asked.classes),
            label=text_of(f"Most probable `{target.name}`."),
            probability=text_of("Probability of that class."),
        )
    positive = asked.positive
    return _CLASSES.format(
        kind="bool",
        label=text_of(
            f"Whether `{target.name}` is predicted to be {positive}: "
            "the probability reaches the threshold."
        ),
        probability=text_of(f"Probability that `{target.name}` is {positive}."),
    )


def _attributes(inputs: "Sequence[Column]") -> "list[tuple[Column, str]]":
    """Return each column with its field name, made unique."""
    used: set[str] = set()
    pairs = []
    for column in inputs:
        attr = attribute(column.name)
        while attr in used:
            attr += "_"
        used.add(attr)
        pairs.append((column, attr))
    return pairs


def _field(column: "Column", attr: str, server: "Server") -> str:
    annotation = ANNOTATIONS[column.kind]
    if column.categories:
        annotation = _literal(column.categories)
    if column.nullable:
        annotation += " | None"
    arguments = _bounds(column, server.max_text_length)
    if attr != column.name:
        arguments["alias"] = text_of(column.name)
    if column.description:
        arguments["description"] = text_of(column.description)
    arguments["examples"] = f"[{value_of(example(column))}]"
    lines = [f"        {key}={value}," for key, value in arguments.items()]
    return "\n".join([f"    {attr}: {annotation} = Field(", *lines, "    )"])


def _literal(categories: Sequence[str | int]) -> str:
    names = [value_of(each) for each in categories]
    line = f"Literal[{', '.join(names)}]"
    if len(line) <= 70:  # noqa: PLR2004 - what fits on one line of the class
        return line
    return "Literal[\n" + "".join(f"        {each},\n" for each in names) + "    ]"


def _bounds(column: "Column", longest: int) -> dict[str, str]:
    bounds: dict[str, str] = {}
    if column.kind == "text" and not column.categories:
        bounds["max_length"] = str(longest)
    if column.kind in {"number", "integer"}:
        whole = column.kind == "integer"
        low, high = column.minimum, column.maximum
        if whole:
            low, high = (-INT64 if low is None else low), (INT64 - 1 if high is None else high)
        if low is not None:
            bounds["gt" if column.exclusive_minimum else "ge"] = number_of(low)
        if high is not None:
            bounds["lt" if column.exclusive_maximum else "le"] = number_of(high)
    return bounds


def example(column: "Column") -> Any:
    """Return a value for the documentation: the declared one, else one that the contract takes."""
    if column.example is not None:
        return float(column.example) if column.kind == "number" else column.example
    if column.nullable:
        return None
    if column.categories:
        return column.categories[0]
    if column.kind in {"number", "integer"}:
        low = column.minimum if column.minimum is not None else 0.0
        high = column.maximum if column.maximum is not None else max(low, 0.0) + 2
        middle = low + (high - low) / 2
        return int(middle) if column.kind == "integer" else middle
    return {"text": "text", "boolean": True, "datetime": "2026-01-31T12:00:00Z"}[column.kind]


_SCHEMAS = '''"""What `{name}` is asked and what it answers.

{edit}
"""

{datetime}from typing import {typing}

from pydantic import BaseModel, {validator}ConfigDict, FailFast, Field{whole}

# Nothing is coerced ("3" is not 3, true is not 1), unknown keys and NaN are refused.
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
{moment}

class Row(BaseModel):
    """One row to predict. Every key is needed; null says that a value is missing."""

    model_config = STRICT

{row}


class Rows(BaseModel):
    """Many rows to predict, answered in their order."""

    model_config = STRICT

    rows: Annotated[list[Row], FailFast()] = Field(min_length=1, max_length={rows})


{probabilities}class Prediction(BaseModel):
    """The answer to one row."""

    model_config = STRICT

    prediction_id: str = Field(
        pattern="^[0-9a-f-]{{36}}$",
        description="Identifies this answer (UUIDv7); the truth can be reported under it later.",
    )
{answer}    model: str = Field(description="Name of the model.")
    model_version: str | None = Field(
        default=None, description="Its version in the registry, where the deployment names it."
    )
    model_digest: str = Field(
        pattern="^sha256:[0-9a-f]{{64}}$",
        description="Identity of the model: SHA-256 of its layer of the bundle.",
    )
    contributions: dict[str, float] | None = Field(
        default=None,
        description=(
            "If asked for: by how much each value moved the answer away from that of the "
            "reference median or commonest category."
        ),
    )


class Predictions(BaseModel):
    """The answers to many rows, in their order."""

    model_config = STRICT

    predictions: list[Prediction]
{feedback}'''

_PROBABILITIES = '''class Probabilities(BaseModel):
    """The probability of each class."""

    model_config = STRICT

{fields}


'''
_PROBABILITY = """\
    {field}: float = Field(
        ge=0,
        le=1,
        alias={alias},
        description={description},
    )"""
_CLASSES = """\
    label: {kind} = Field(
        description={label},
    )
    probability: float = Field(
        ge=0,
        le=1,
        description={probability},
    )
    probabilities: Probabilities = Field(description="The probability of each class.")
"""
_REGRESSION = """\
    value: float = Field(
        description={value},
    )
"""
_MOMENT = '''
ISO_8601 = re.compile(r"\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d.{0,30}")


def _iso_text(value: object) -> str:
    """Refuse everything but ISO 8601 text, Unix timestamps for one."""
    if not isinstance(value, str) or not ISO_8601.fullmatch(value):
        raise ValueError("a time must be ISO 8601 text")
    return value


# Not strict, for it is text that becomes a time.
Moment = Annotated[datetime, Field(strict=False), BeforeValidator(_iso_text)]
'''
