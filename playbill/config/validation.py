"""The composed values against the typed models: every problem at once, each with its line."""

import difflib
from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from playbill.config.nearest import nearest
from playbill.config.schema import Params
from playbill.config.table import Keeps
from playbill.config.target import Refusal
from playbill.errors import ConfigError, TargetError

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

    from playbill.config.crosscheck import crosscheck
    from playbill.config.signature import target_problems
    from playbill.config.stagecheck import config_problems

    targets = [
        _placed(composition, p) for p in target_problems(composition.values, composition.root)
    ]
    try:
        params = Params.model_validate(composition.values)
    except ValidationError as error:
        problems = [_schema_problem(composition, item) for item in error.errors()]
        raise combined(_told_once([*problems, *targets])) from error
    found = [*crosscheck(params), *config_problems(params, composition.values)]
    told = [*targets, *(_placed(composition, problem) for problem in found)]
    if told:
        raise combined(told)
    return params


def check_modules(composition: "Composition") -> None:
    """Refuse a stage whose module lacks its function, an argument of it or the call that runs it.

    Raises:
        ConfigError: The error lists every problem with file, line and key of conf/pipeline.
    """
    from playbill.config.stagecheck import module_problems

    if found := list(module_problems(composition.params, composition.root)):
        raise combined([_placed(composition, problem) for problem in found])


def _told_once(problems: list[ConfigError]) -> list[ConfigError]:
    """Drop repetitions; what the members of a union each expect at one place is told as one."""
    found: dict[tuple[str, str], ConfigError] = {}
    for problem in problems:
        first = found.setdefault((problem.where, problem.what), problem)
        if problem.expected not in first.expected.split(" or "):
            first.expected = f"{first.expected} or {problem.expected}"
    return list(found.values())


def combined(problems: list[ConfigError]) -> ConfigError:
    """Return one error that tells all `problems`; a single problem stays as it is."""
    if len(problems) == 1:
        return problems[0]
    lines = []
    for problem in problems:
        lines.append(f"  {problem.where}: {problem.what}")
        if problem.expected:
            lines.append(f"      expected: {problem.expected}")
    kind = TargetError if any(isinstance(p, TargetError) for p in problems) else ConfigError
    return kind(
        f"{len(problems)} problems in the configuration\n" + "\n".join(lines),
        run="mend these lines, then `playbill check`",
    )


def _placed(composition: "Composition", problem: tuple[str, str, str]) -> ConfigError:
    key, what, expected = problem
    path = tuple(key.split("."))
    kind = TargetError if isinstance(problem, Refusal) else ConfigError
    return kind(
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
    values, context = composition.values, item.get("ctx", {})
    key = _key(values, item)
    shown = repr(item.get("input"))
    shown = shown if len(shown) < _LONGEST_VALUE else "of the wrong form"
    what, expected = f"`{'.'.join(key)}` is {shown}", _expected(item)
    match item["type"]:
        case "extra_forbidden":
            known = known_names(key[:-1], values)
            near = difflib.get_close_matches(key[-1], known, 1, 0.5)
            expected = (f"`{near[0]}`; " if near else "") + f"one of {sorted(known)}"
            what = f"unknown key `{key[-1]}`"
        case "missing":
            what, expected = f"the key `{key[-1]}` is missing", "a value for it"
        case "placed":
            key = (*key, *context["at"])
            what, expected = context["what"], ""
        case "unknown_name":
            expected = nearest(context["name"], context["known"])
        case "union_tag_not_found":
            name = _tag_name(context)
            what = f"the key `{name}` is missing"
            expected = f"one of {', '.join(_kinds(key, values, name))}"
        case "union_tag_invalid":
            name = _tag_name(context)
            key = (*key, name)
            what = f"`{'.'.join(key)}` is {context['tag']!r}"
            expected = nearest(context["tag"], _kinds(key[:-1], values, name))
    return ConfigError(
        what + _by_override(composition, key),
        where=place(composition, key),
        expected=expected,
        run="mend the line, then `playbill check`",
    )


def _expected(item: Mapping[str, Any]) -> str:
    if item["type"].startswith("date"):
        return "a day, as 2013-01-01"
    if item["type"] == "string_pattern_mismatch":
        return f"text of the form {item['ctx']['pattern']}"
    return str(item["msg"]).removeprefix("Input should be ")


def _tag_name(context: Mapping[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _kinds(key: "Key", values: Any, name: str) -> list[str]:
    """Return the tags by which the members of a union are told apart."""
    fields = [getattr(place_, "model_fields", {}).get(name) for place_ in _places(key, values)]
    return [str(tag) for field in fields if field for tag in get_args(field.annotation)]


def _key(values: Any, item: Mapping[str, Any]) -> "Key":
    """Drop from a pydantic location what is no key of ours: how it names the members of a union."""
    path: list[str] = []
    parts = list(item["loc"])
    for index, part in enumerate(parts):
        is_last = index + 1 == len(parts)
        if _has(values, part):
            values = values[part]
        elif not (is_last and item["type"] == "missing"):
            continue
        path.append(str(part))
    return tuple(path)


def _has(values: Any, part: Any) -> bool:
    if isinstance(values, list):
        return isinstance(part, int) and part < len(values)
    return isinstance(values, Mapping) and part in values


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
