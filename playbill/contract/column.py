"""The contract's columns as plain values: kind, bounds, categories, description, example.

Everything but validation reads the contract through these. Checks that have no field here are
still run by pandera; they only do not reach the server and the documentation.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from playbill.config.kind import Kind, kind_of
from playbill.config.nearest import nearest
from playbill.config.schema import Contract, ContractColumn
from playbill.errors import ConfigError

Value = str | float | int | bool | None

# Check by pandera's long and short name: the bound it sets and whether the bound itself is out.
BOUNDS: dict[str, tuple[str, bool]] = {
    "greater_than_or_equal_to": ("minimum", False),
    "ge": ("minimum", False),
    "greater_than": ("minimum", True),
    "gt": ("minimum", True),
    "less_than_or_equal_to": ("maximum", False),
    "le": ("maximum", False),
    "less_than": ("maximum", True),
    "lt": ("maximum", True),
}


@dataclass(frozen=True)
class Column:
    """One column of the contract; bounds are inclusive unless they say otherwise."""

    name: str
    kind: Kind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    categories: tuple[str, ...] | None = None
    description: str = ""
    example: Value = None
    personal: bool = False


def columns(contract: Contract) -> list[Column]:
    """Return every column of the schema, in its order."""
    plain = ContractColumn()
    return [
        _column(str(name), spec or {}, contract.columns.get(name, plain))
        for name, spec in contract.schema_["columns"].items()
    ]


def inputs(contract: Contract) -> list[Column]:
    """Return the columns that the model and the server may see, in the order of the schema."""
    names = set(contract.inputs)
    return [column for column in columns(contract) if column.name in names]


def columns_of(contract: Mapping[str, Any]) -> dict[str, Column]:
    """Return the input columns of a contract as params.yaml has it, of any version, by name.

    A column of which too little can be read is left out.
    """
    return _read(contract, inputs_only=True)


def every_column_of(contract: Mapping[str, Any]) -> dict[str, Column]:
    """Return the same of all columns, whatever their role."""
    return _read(contract, inputs_only=False)


def _read(contract: Mapping[str, Any], *, inputs_only: bool) -> dict[str, Column]:
    schema, extras = contract.get("schema"), contract.get("columns")
    specs = schema.get("columns") if isinstance(schema, Mapping) else None
    found = {}
    for name, spec in specs.items() if isinstance(specs, Mapping) else ():
        extra = extras.get(name) if isinstance(extras, Mapping) else None
        known = {k: v for k, v in (extra or {}).items() if k in ContractColumn.model_fields}
        with contextlib.suppress(ConfigError, ValueError, TypeError, KeyError, AttributeError):
            column = _column(str(name), spec or {}, plain := ContractColumn(**known))
            if plain.role == "input" or not inputs_only:
                found[column.name] = column
    return found


def as_dict(column: Column) -> dict[str, Any]:
    """Return the JSON form of a column."""
    plain = asdict(column)
    return plain | {"categories": list(column.categories) if column.categories else None}


def from_dict(plain: Mapping[str, Any]) -> Column:
    """Return the column that `as_dict` wrote."""
    names = plain.get("categories")
    return Column(**{**plain, "categories": tuple(names) if names else None})


def checks(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema column's checks by name, from the flat form and from the one nested."""
    nested = spec.get("checks") or {}
    if isinstance(nested, Sequence):  # a list of {check: value}
        nested = {name: value for check in nested for name, value in check.items()}
    return {**{key: value for key, value in spec.items() if key != "checks"}, **nested}


def _column(name: str, spec: Mapping[str, Any], extra: ContractColumn) -> Column:
    kind = _kind(name, str(spec.get("dtype")))
    found = checks(spec)
    return Column(
        name=name,
        kind=kind,
        nullable=bool(spec.get("nullable", False)),
        categories=_categories(found.get("isin")) if kind == "text" else None,
        description=extra.description or str(spec.get("description") or ""),
        example=extra.example,
        personal=extra.personal,
        **_bounds(found),
    )


def _kind(name: str, dtype: str) -> Kind:
    if (kind := kind_of(dtype)) is not None:
        return kind
    raise ConfigError(
        f"column `{name}` is of no kind that a contract knows: {dtype}",
        where=f"contract.schema.columns.{name}.dtype",
        expected=nearest(dtype, ["float64", "int64", "str", "bool", "datetime64[ns]"]),
    )


def _categories(value: Any) -> tuple[str, ...] | None:
    names = value.get("allowed_values") if isinstance(value, Mapping) else value
    return tuple(str(name) for name in names) if names else None


def _bounds(found: Mapping[str, Any]) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for check, (side, exclusive) in BOUNDS.items():
        if check in found:
            value = found[check]
            bounds[side] = next(iter(value.values())) if isinstance(value, Mapping) else value
            bounds[f"exclusive_{side}"] = exclusive
    for check in {"in_range", "between"} & set(found):
        span = found[check]
        bounds |= {
            "minimum": span["min_value"],
            "maximum": span["max_value"],
            "exclusive_minimum": not span.get("include_min", True),
            "exclusive_maximum": not span.get("include_max", True),
        }
    return bounds
