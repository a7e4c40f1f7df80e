"""The composed values against the typed models: every problem at once, each with its line."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from playbill.config.choice import CONFIG_FILE
from playbill.config.metric import RENAMED
from playbill.config.nearest import nearest
from playbill.config.origin import Origin, shipped_folder
from playbill.config.params import leaves
from playbill.config.schema import Params
from playbill.config.table import Keeps
from playbill.config.target import Refusal
from playbill.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key


SHIPPED_FILES = "playbill/"
_LONGEST_VALUE = 80
_MOST_ROUNDS = 3  # keys in error are taken away and the rest is looked at again
# For what is required and in error, so that the rest can be looked at.
_STAND_INS: Mapping[str, Any] = {"name": "model", "seed": 0, "allow": []}
_NAMED = re.compile(r"\$\{([\w.-]+)\}")


class Told(NamedTuple):
    """A problem as it is told: the key that it is about, the error, and its sort."""

    key: "Key"
    error: ConfigError
    kind: str = ""


def validate(composition: "Composition") -> Params:
    """Return the typed params of a composition.

    Raises:
        ConfigError: Something is unknown, missing, of the wrong type or out of range; the error
            lists every problem with file, line, key, what was expected and the nearest name.
    """
    from pydantic import ValidationError

    from playbill.config.crosscheck import crosscheck
    from playbill.config.stagecheck import config_problems

    try:
        params = Params.model_validate(composition.values)
    except ValidationError:
        raise combined([one.error for one in problems(composition)]) from None
    found = [*crosscheck(params), *config_problems(params, composition.values)]
    told = [*_targets(composition), *(_placed(composition, problem) for problem in found)]
    if told:
        raise combined([one.error for one in _causes(composition, told)])
    return params


def problems(composition: "Composition") -> list[Told]:
    """Return every problem of values that do not fit the typed models.

    What one group demands of another is looked at too, as far as what is left without the keys in
    error fits the models.
    """
    from pydantic import ValidationError

    from playbill.config.crosscheck import crosscheck
    from playbill.config.stagecheck import config_problems

    told: list[Told] = []
    values = composition.values
    for number in range(_MOST_ROUNDS):
        try:
            params = Params.model_validate(values)
        except ValidationError as error:
            now = replace(composition, values=values)
            fresh = [_schema_problem(now, item) for item in error.errors()]
            # What is missing later on was taken away here.
            told += [one for one in fresh if not number or one.kind not in ("missing", "placed")]
            left = _without(values, [one.key for one in fresh if one.kind != "missing"])
            left = {**_STAND_INS, **left}
            if left == values:
                break
            values = left
        else:
            more = [*crosscheck(params), *config_problems(params, values)]
            told += _apart([_placed(composition, problem) for problem in more], told)
            break
    return _causes(composition, _told_once([*told, *_targets(composition)]))


def _apart(more: list[Told], told: list[Told]) -> list[Told]:
    """Leave out what may follow from an item that was taken away: paths have its matrix's names."""
    names = {one.key[4] for one in told if len(one.key) > 4 and one.key[3] == "matrix"}  # noqa: PLR2004 - pipeline.stages.NAME.matrix.KEY
    braces = {f"{{{name}}}" for name in names}
    marks = {*braces, *(f"`{name}` in its matrix" for name in names)}
    return [one for one in more if not any(mark in one.error.what for mark in marks)]


def _targets(composition: "Composition") -> list[Told]:
    from playbill.config.targetcheck import target_problems

    found = target_problems(composition.values, composition.root)
    return [_placed(composition, problem) for problem in found]


def _without(values: Any, keys: list["Key"]) -> Any:
    """Return values without some keys; a list in which one stands goes whole."""
    if not isinstance(values, Mapping):
        return values
    kept = {}
    for name, value in values.items():
        inner = [key[1:] for key in keys if key[:1] == (name,)]
        if () not in inner and not (inner and isinstance(value, list)):
            kept[name] = _without(value, inner) if inner else value
    return kept


def _causes(composition: "Composition", told: list[Told]) -> list[Told]:
    """Leave out what is wrong only because a key that is told is: a value that was taken from it.

    Without a valid allow list nothing can be said of a target.
    """
    wrong = {".".join(one.key) for one in told}
    raw = {path: value for path, value in leaves(composition.raw) if isinstance(value, str)}
    taken = {path for path, text in raw.items() if set(_NAMED.findall(text)) & wrong}
    unknown = [one.key for one in told if one.kind == "unknown"]
    misspelt = {
        (*key[:-1], near)
        for key in unknown
        for near in difflib.get_close_matches(
            key[-1], known_names(key[:-1], composition.values), 1, 0.5
        )
    }
    told = [one for one in told if one.kind != "missing" or one.key not in misspelt]
    found = [one for one in told if one.key not in taken] or told
    if any(one.key[:1] == ("allow",) for one in found):
        return [one for one in found if not isinstance(one.error, TargetError)]
    return found


def check_modules(composition: "Composition") -> None:
    """Refuse a stage whose module lacks its function, an argument of it or the call that runs it.

    Raises:
        ConfigError: The error lists every problem with file, line and key of conf/pipeline.
    """
    from playbill.config.stagecheck import module_problems

    if found := list(module_problems(composition.params, composition.root)):
        raise combined([_placed(composition, problem).error for problem in found])


def _told_once(told: list[Told]) -> list[Told]:
    """Drop repetitions; what the members of a union each expect at one place is told as one."""
    found: dict[tuple[str, str], tuple[Told, list[str]]] = {}
    for one in told:
        _, expected = found.setdefault((one.error.where, one.error.what), (one, []))
        if one.error.expected not in expected:
            expected.append(one.error.expected)
    for one, expected in found.values():
        one.error.expected = " or ".join(expected)
    return [one for one, _ in found.values()]


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


def _placed(composition: "Composition", problem: tuple[str, str, str]) -> Told:
    key, what, expected = problem
    path = tuple(key.split("."))
    kind = TargetError if isinstance(problem, Refusal) else ConfigError
    error = kind(
        what + _by_override(composition, path),
        where=place(composition, path),
        expected=expected,
        run=_mend(composition, path),
    )
    return Told(path, error)


def place(composition: "Composition", key: "Key") -> str:
    """Return `file:line key` for a key of a composition, or the override that set it."""
    if said := setting(composition, key):
        return f"the override {said[-1]}"
    is_there = bool(key) and _has(composition.raw, key[0])
    origin = composition.origin(key) if is_there else CONFIG_FILE
    dotted = ".".join(key)
    shipped = isinstance(origin, Origin) and origin.file.startswith(SHIPPED_FILES)
    chosen = _chosen(composition, key[0]) if shipped else ""
    return f"{origin} {dotted}{chosen}" if origin else dotted


def _chosen(composition: "Composition", group: str) -> str:
    """Return where an option that Playbill ships was chosen: nobody mends a line of its file."""
    names = ((group,), (f"override /{group}",))
    found = [
        f", chosen in {layer.file}:{line}"
        for layer in composition.layers
        for path, line in layer.lines.items()
        if path[:1] == ("defaults",) and path[2:] in names
    ]
    return found[-1] if found else ""


def setting(composition: "Composition", key: "Key") -> list[str]:
    """Return the overrides that set a key, or something that it stands in or holds.

    One that chooses an option sets nothing: what is wrong then stands in the option's file.
    """
    said = {each: _overridden(each) for each in composition.overrides}
    return [
        each
        for each, name in said.items()
        if ".".join(name) not in composition.choices and name == key[: len(name)]
    ]


def _overridden(override: str) -> "Key":
    return tuple(override.partition("=")[0].lstrip("+~").partition("@")[0].split("."))


def _folders(composition: "Composition") -> tuple[Path, Path]:
    return shipped_folder(), composition.root / "conf"


def _by_override(composition: "Composition", key: "Key") -> str:
    if setting(composition, key):
        return ""  # that is where it stands
    mine = [each for each in composition.overrides if _overridden(each) == key[:1]]
    if mine:
        return f" (chosen by the override {', '.join(mine)})"
    others = ", ".join(composition.overrides)
    return f" (overrides in force: {others})" if others else ""


def _mend(composition: "Composition", key: "Key") -> str:
    if setting(composition, key):
        return "say another value, or leave the override out"
    return "mend the line, then `playbill check`"


def _schema_problem(composition: "Composition", item: Mapping[str, Any]) -> Told:
    values, context = composition.values, item.get("ctx", {})
    key = _key(values, item)
    shown = repr(item.get("input"))
    shown = shown if len(shown) < _LONGEST_VALUE else "of the wrong form"
    what, expected = f"`{'.'.join(key)}` is {shown}", _expected(item)
    if item.get("input") is None and item["type"] in ("model_type", "dict_type"):
        what, expected = f"`{'.'.join(key)}` is empty", _instead_of_nothing(key)
    match item["type"]:
        case "extra_forbidden":
            known = known_names(key[:-1], values)
            near = difflib.get_close_matches(key[-1], known, 1, 0.5)
            expected = (f"`{near[0]}`; " if near else "") + f"one of {sorted(known)}"
            expected = expected if known else "a key of the schema in conf/.schema"
            what = f"unknown key `{key[-1]}`"
        case "missing":
            what, expected = f"the key `{key[-1]}` is missing", "a value for it"
            if len(key) == 1 and any((base / key[0]).is_dir() for base in _folders(composition)):
                expected = f"a choice of an option, `- {key[0]}: ...`, in the defaults list"
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
            expected = nearest(str(context["tag"]), _kinds(key[:-1], values, name))
    error = ConfigError(
        what + _by_override(composition, key),
        where=place(composition, key),
        expected=expected,
        run=_mend(composition, key),
    )
    return Told(key, error, {"extra_forbidden": "unknown"}.get(item["type"], str(item["type"])))


def _instead_of_nothing(key: "Key") -> str:
    """Return what may stand where nothing does; a null takes nothing away in Hydra."""
    if key[:2] == ("pipeline", "stages"):
        return (
            "the stage's declaration; to take a stage out, delete its lines "
            "(`playbill conf copy pipeline/default` brings the shipped ones into conf/)"
        )
    return "a mapping: keys, each with its value"


def _expected(item: Mapping[str, Any]) -> str:
    if item["type"].startswith("date"):
        return "a day, as 2013-01-01"
    if item["type"] in ("model_type", "dict_type"):
        return "a mapping: keys, each with its value"
    if item["type"] == "literal_error" and item["input"] is False and "'off'" in item["msg"]:
        return '`"off"` in quotes: YAML reads a bare off as false'
    if item["type"] == "literal_error" and (now := RENAMED.get(str(item["input"]))) in _named(item):
        return f"`{now}`, as it is called here"
    if item["type"] == "string_pattern_mismatch":
        return f"text of the form {item['ctx']['pattern']}"
    return str(item["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")


def _named(item: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", str(item["msg"]))


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
