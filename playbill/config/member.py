"""What the typed models know at a key: its names, its kinds, the members of a union."""

from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from playbill.config.schema import Params
from playbill.config.table import Keeps

if TYPE_CHECKING:
    from playbill.config.origin import Key


def kinds(key: "Key", values: Any, name: str) -> list[str]:
    """Return the tags by which the members of a union are told apart."""
    fields = [getattr(place_, "model_fields", {}).get(name) for place_ in _places(key, values)]
    return [str(tag) for field in fields if field for tag in get_args(field.annotation)]


def known_names(path: "Key", values: Any = None) -> list[str]:
    """Return the keys that the models know under `path`.

    Args:
        path: Key of a mapping.
        values: The composed values, by which the right member of a union is found.
    """
    return sorted(
        {
            field.alias or name
            for annotation in _places(path, values)
            for name, field in getattr(annotation, "model_fields", {}).items()
        }
    )


def _places(path: "Key", values: Any) -> list[Any]:
    """Return the annotations of what stands at `path`."""
    places: list[Any] = [Params]
    for part in path:
        values = _item(values, part)
        inner = [found for place_ in places for found in _inside(place_, part)]
        places = [found for found in inner if _fits(found, values)] or inner
    return places


def _item(values: Any, part: str) -> Any:
    if isinstance(values, Mapping):
        return values.get(part)
    is_index = isinstance(values, list) and part.isdigit() and int(part) < len(values)
    return values[int(part)] if is_index else None


def _fits(annotation: Any, values: Any) -> bool:
    """Say whether a model of a union is the one that the `kind` of the values names."""
    field = getattr(annotation, "model_fields", {}).get("kind")
    kind = values.get("kind") if isinstance(values, Mapping) else None
    return field is None or kind in get_args(field.annotation)


def _inside(annotation: Any, part: str) -> list[Any]:
    """Return the annotations that `part` leads to: a model's field, any key of a mapping."""
    if fields := getattr(annotation, "model_fields", None):
        inner = [f for name, f in fields.items() if part == (f.alias or name)]
        kept = [mark.model for f in inner for mark in f.metadata if isinstance(mark, Keeps)]
        return kept or [member for f in inner for member in _members(f.annotation)]
    if get_origin(annotation) is dict:
        return _members(get_args(annotation)[1])
    if get_origin(annotation) is list:
        return _members(get_args(annotation)[0])
    return []


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, Annotated taken off; any other annotation by itself."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for item in get_args(annotation) for member in _members(item)]
    return [annotation]


def has(values: Any, part: Any) -> bool:
    """Say whether a part of a location leads on into the values."""
    if isinstance(values, list):
        return isinstance(part, int) and part < len(values)
    return isinstance(values, Mapping) and part in values
