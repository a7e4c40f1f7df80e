"""What a server's openapi.json tells of its row: an example, and which field is of which kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playbill.errors import UsageError

REFERENCE = "#/components/schemas/"


@dataclass(frozen=True)
class Target:
    """The row that a server takes.

    Attributes:
        row: A row that it takes.
        fields: Each field's JSON Schema with the alternative null left out.
        nullable: Fields that may be null.
        model: Name of the model, for the Open Inference Protocol.
        most_rows: Rows that a batch may have, if it is said.
    """

    row: dict[str, Any]
    fields: dict[str, dict[str, Any]]
    nullable: frozenset[str]
    model: str
    most_rows: int | None = None

    def first(
        self, *types: str, enum: bool | None = None, nullable: bool | None = None
    ) -> str | None:
        """Return the first field of one of these types, or None."""
        for name, schema in self.fields.items():
            fits = schema.get("type") in types or (enum and "enum" in schema)
            if enum is not None:
                fits = fits and ("enum" in schema) is enum
            if nullable is not None:
                fits = fits and (name in self.nullable) is nullable
            if fits:
                return name
        return None


def read_target(document: Mapping[str, Any], row: dict[str, Any] | None, model: str) -> Target:
    """Return what an OpenAPI document says of `POST /predict` and its batch.

    Raises:
        UsageError: It does not describe the endpoint.
    """
    try:
        schema = _resolve(document, _body(document, "/predict"))
        properties = schema["properties"]
    except (KeyError, TypeError) as error:
        raise UsageError(
            "the server's openapi.json does not describe POST /predict",
            expected="a JSON body with properties",
        ) from error
    fields, nullable = {}, set()
    for name, raw in properties.items():
        found, may = _plain(document, raw)
        fields[str(name)] = found
        if may:
            nullable.add(str(name))
    if row is None:
        row = {name: _example(field, may=name in nullable) for name, field in fields.items()}
    return Target(row, fields, frozenset(nullable), model, _most_rows(document))


def _most_rows(document: Mapping[str, Any]) -> int | None:
    try:
        rows = _resolve(document, _body(document, "/predict/batch"))["properties"]["rows"]
        return int(rows["maxItems"])
    except (KeyError, TypeError):
        return None


def _body(document: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    schema: Mapping[str, Any] = content["application/json"]["schema"]
    return schema


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(REFERENCE)]
    return schema


def _plain(document: Mapping[str, Any], raw: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    schema = _resolve(document, raw)
    choices = [_resolve(document, one) for one in schema.get("anyOf", [])]
    others = [one for one in choices if one.get("type") != "null"]
    plain = {**schema, **(others[0] if others else {})}
    if "const" in plain:
        plain["enum"] = [plain["const"]]
    return plain, len(others) < len(choices)


def _example(schema: Mapping[str, Any], *, may: bool) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if may:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    return {"integer": int(low) + 1, "number": low + 1.0, "boolean": True}.get(
        str(schema.get("type")), "text"
    )
