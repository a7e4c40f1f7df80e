"""Rows as plain structures, and the short way from a request's bytes to them.

The generated models say what is taken. Where all of a row's fields are of kinds that msgspec checks
just as strictly, its decoder reads good bodies four times faster; whatever it refuses goes to the
models, which alone decide and word the refusal. So it may take less than they do and never more,
which tests/server/test_plain.py demands of it on hostile and random bodies.
"""

from collections.abc import Sequence
from operator import itemgetter
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from playbill.server.interface import Interface

Plain = msgspec.Struct
"""One row: a value for each column of the interface, in its order."""
values_of = msgspec.structs.astuple

NUMBER_BOUNDS = ("ge", "gt", "le", "lt")
LENGTH_BOUNDS = ("min_length", "max_length")
BOUNDS = {int: NUMBER_BOUNDS, float: NUMBER_BOUNDS, str: LENGTH_BOUNDS, bool: ()}
LARGEST = 2**63  # a bound of msgspec's is a 64-bit integer


class PlainRows:
    """Makes plain rows of bodies and of validated models.

    Args:
        interface: The served interface.

    Attributes:
        named: Whether a plain row, written as JSON, has its columns' names.
    """

    def __init__(self, interface: "Interface") -> None:
        fields = interface.row.model_fields
        types = [_checked(info) for info in fields.values()]
        self.kind, self.named = _kind(interface, types)
        self._get = itemgetter(*interface.columns.values())
        self._single = len(fields) == 1
        self._row: msgspec.json.Decoder[Any] | None = None
        self._rows: msgspec.json.Decoder[Any] | None = None
        limits = _bounds(interface.rows.model_fields["rows"], LENGTH_BOUNDS)
        if self.named and None not in types and limits is not None and _is_strict(interface):
            rows = Annotated[list[self.kind], msgspec.Meta(**limits)]  # type: ignore[name-defined]
            batch = msgspec.defstruct("Batch", [("rows", rows)], forbid_unknown_fields=True)
            self._row = msgspec.json.Decoder(self.kind)
            self._rows = msgspec.json.Decoder(batch)

    def read(self, content: bytes, *, many: bool) -> Sequence[Plain] | None:
        """Return the rows of a body, or None where the models have to decide."""
        decoder = self._rows if many else self._row
        if decoder is None:
            return None
        try:
            found = decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        rows: Sequence[Plain] = found.rows if many else (found,)
        return rows

    def of(self, models: Sequence["BaseModel"]) -> list[Plain]:
        """Return validated models as plain rows."""
        kind, get = self.kind, self._get
        if self._single:
            return [kind(get(model.__dict__)) for model in models]
        return [kind(*get(model.__dict__)) for model in models]


def _kind(interface: "Interface", types: Sequence[Any]) -> tuple[type[Plain], bool]:
    """Return the type of a row, and whether its JSON has the columns' names."""
    names = {f"c{place}": column for place, column in enumerate(interface.columns)}
    fields = [
        (name, Any if known is None else known) for name, known in zip(names, types, strict=True)
    ]
    options: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
    try:
        return msgspec.defstruct("Plain", fields, rename=names, **options), True
    except (TypeError, ValueError):  # a name with a quote or a control character in it
        return msgspec.defstruct("Plain", fields, **options), False


def _is_strict(interface: "Interface") -> bool:
    """Say whether the models are as the stage `server` writes them, with no check of their own."""
    return all(
        model.model_config.get("strict")
        and model.model_config.get("extra") == "forbid"
        and not any(getattr(model.__pydantic_decorators__, name) for name in VALIDATORS)
        for model in (interface.row, interface.rows)
    )


def _checked(info: "FieldInfo") -> Any:
    """Return the type with which msgspec checks a field as its model does, None if it cannot."""
    if not info.is_required():
        return None
    parts = _parts(info.annotation)
    inner = [part for part in parts if part is not NoneType]
    if len(inner) != 1:
        return None
    known = _inner(inner[0], info)
    return known | None if known is not None and NoneType in parts else known


def _parts(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in {Union, UnionType}
    return get_args(annotation) if is_union else (annotation,)


def _inner(kind: Any, info: "FieldInfo") -> Any:
    if get_origin(kind) is Literal:
        texts = all(type(each) is str for each in get_args(kind))
        return kind if texts and not info.metadata else None
    if kind not in BOUNDS:
        return None
    found = _bounds(info, BOUNDS[kind])
    if found is None:
        return None
    if kind is int and any(value != int(value) or value >= LARGEST for value in found.values()):
        return None
    plain = {name: kind(value) if kind is not str else value for name, value in found.items()}
    return Annotated[kind, msgspec.Meta(**plain)] if plain else kind


def _bounds(info: "FieldInfo", known: Sequence[str]) -> dict[str, Any] | None:
    """Return a field's bounds by name, None if it has a constraint of another kind."""
    found: dict[str, Any] = {}
    for each in info.metadata:
        names = [name for name in known if hasattr(each, name)]
        if len(names) != 1 and type(each).__name__ not in HARMLESS:
            return None
        found |= {name: getattr(each, name) for name in names}
    return found


VALIDATORS = ("validators", "field_validators", "root_validators", "model_validators")
# Constraints that change which fault is told and not what is taken.
HARMLESS = frozenset({"FailFast"})
