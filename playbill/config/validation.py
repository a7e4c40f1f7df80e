"""The composed values against the typed models: every problem at once, each with its line."""

import difflib
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from playbill.config.schema import Params
from playbill.errors import ConfigError

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key


_LONGEST_VALUE = 80


def validate(composition: "Composition") -> Params:
    """Return the typed params of a composition.

    Raises:
        ConfigError: Something is unknown, missing, of the wrong type or out of range; the error
            lists every problem with file, line, key, what was expected and the nearest name.
    """
    from pydantic import ValidationError

    try:
        params = Params.model_validate(composition.values)
    except ValidationError as error:
        problems = [_schema_problem(composition, item) for item in error.errors()]
        raise combined(_told_once(problems)) from error
    from playbill.config.crosscheck import crosscheck
    from playbill.config.signature import target_problems
    from playbill.config.stagecheck import config_problems

    found = [*target_problems(params), *crosscheck(params)]
    found += config_problems(params, composition.values)
    if found:
        raise combined([_placed(composition, *problem) for problem in found])
    return params


def check_modules(composition: "Composition") -> None:
    """Refuse a stage whose module lacks its function, an argument of it or the call that runs it.

    Raises:
        ConfigError: The error lists every problem with file, line and key of conf/pipeline.
    """
    from playbill.config.stagecheck import module_problems

    if found := list(module_problems(composition.params, composition.root)):
        raise combined([_placed(composition, *problem) for problem in found])


def _told_once(problems: list[ConfigError]) -> list[ConfigError]:
    return list({(p.where, p.what): p for p in problems}.values())


def combined(problems: list[ConfigError]) -> ConfigError:
    """Return one error that tells all `problems`; a single problem stays as it is."""
    if len(problems) == 1:
        return problems[0]
    lines = []
    for problem in problems:
        lines.append(f"  {problem.where}: {problem.what}")
        if problem.expected:
            lines.append(f"      expected: {problem.expected}")
    return ConfigError(
        f"{len(problems)} problems in the configuration\n" + "\n".join(lines),
        run="mend these lines, then `playbill check`",
    )


def _placed(composition: "Composition", key: str, what: str, expected: str) -> ConfigError:
    path = tuple(key.split("."))
    return ConfigError(
        what + _by_override(composition, path),
        where=place(composition, path),
        expected=expected,
        run="mend the line, then `playbill check`",
    )


def place(composition: "Composition", key: "Key") -> str:
    """Return `file:line key` for a key of a composition."""
    origin = composition.origin(key)
    return f"{origin} {'.'.join(key)}" if origin else ".".join(key)


def _by_override(composition: "Composition", key: "Key") -> str:
    dotted = ".".join(key)
    mine = [
        override
        for override in composition.overrides
        if dotted.startswith(override.partition("=")[0].lstrip("+~"))
    ]
    if mine:
        return f" (set by the override {', '.join(mine)})"
    others = ", ".join(composition.overrides)
    return f" (overrides in force: {others})" if others else ""


def _schema_problem(composition: "Composition", item: Mapping[str, Any]) -> ConfigError:
    key = _key(composition.values, item["loc"])
    kind, shown = item["type"], repr(item.get("input"))
    by = _by_override(composition, key)
    if kind == "extra_forbidden":
        known = known_names(key[:-1])
        near = difflib.get_close_matches(key[-1], known, 1, 0.5)
        expected = (f"`{near[0]}`; " if near else "") + f"one of {sorted(known)}"
        what = f"unknown key `{key[-1]}`"
    elif kind == "missing":
        what, expected = f"the key `{key[-1]}` is missing", "a value for it"
    elif kind == "value_error":
        what, expected = str(item["msg"]).removeprefix("Value error, "), ""
    else:
        what = (
            f"`{'.'.join(key)}` is {shown if len(shown) < _LONGEST_VALUE else 'of the wrong form'}"
        )
        expected = str(item["msg"]).removeprefix("Input should be ")
    return ConfigError(
        what + by,
        where=place(composition, key),
        expected=expected,
        run="mend the line, then `playbill check`",
    )


def _key(values: Any, location: Iterable[Any]) -> "Key":
    """Drop from a pydantic location what is no key of ours: the tag of a discriminated union."""
    path: list[str] = []
    parts = list(location)
    for index, part in enumerate(parts):
        if isinstance(values, Mapping):
            if part in values:
                values = values[part]
            elif index + 1 < len(parts):
                continue
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        path.append(str(part))
    return tuple(path)


def known_names(path: "Key") -> list[str]:
    """Return the keys that the models know under `path` (of every member where it is a union)."""
    places: list[Any] = [Params]
    for part in path:
        places = [inner for place_ in places for inner in _inside(place_, part)]
    return sorted(
        {
            field.alias or name
            for annotation in places
            for name, field in getattr(annotation, "model_fields", {}).items()
        }
    )


def _inside(annotation: Any, part: str) -> list[Any]:
    """Return the annotations that `part` leads to: a model's field, any key of a mapping."""
    if fields := getattr(annotation, "model_fields", None):
        inner = [f.annotation for name, f in fields.items() if part == (f.alias or name)]
        return [member for item in inner for member in _members(item)]
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
