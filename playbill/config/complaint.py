"""A problem of the configuration as it is told: pydantic's own errors in the project's words."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from playbill.config.blame import by_override, mend, place
from playbill.config.member import has, kinds, known_names
from playbill.config.metric import RENAMED
from playbill.config.nearest import nearest
from playbill.config.origin import shipped_folder
from playbill.config.target import Refusal
from playbill.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key

_LONGEST_VALUE = 80


class Told(NamedTuple):
    """A problem as it is told: the key that it is about, the error, and its sort."""

    key: "Key"
    error: ConfigError
    kind: str = ""


def placed(composition: "Composition", problem: tuple[str, str, str]) -> Told:
    """Return a problem that a check found, told with where the key stands."""
    key, what, expected = problem
    path = tuple(key.split("."))
    kind = TargetError if isinstance(problem, Refusal) else ConfigError
    error = kind(
        what + by_override(composition, path),
        where=place(composition, path),
        expected=expected,
        run=mend(composition, path),
    )
    return Told(path, error)


def _folders(composition: "Composition") -> tuple[Path, Path]:
    return shipped_folder(), composition.root / "conf"


def schema_problem(composition: "Composition", item: Mapping[str, Any]) -> Told:
    """Return one of pydantic's errors, told: what, where, what was expected, what to do."""
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
            expected = f"one of {', '.join(kinds(key, values, name))}"
        case "union_tag_invalid":
            name = _tag_name(context)
            key = (*key, name)
            what = f"`{'.'.join(key)}` is {context['tag']!r}"
            expected = nearest(str(context["tag"]), kinds(key[:-1], values, name))
    error = ConfigError(
        what + by_override(composition, key),
        where=place(composition, key),
        expected=expected,
        run=mend(composition, key),
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


def _key(values: Any, item: Mapping[str, Any]) -> "Key":
    """Drop from a pydantic location what is no key of ours: how it names the members of a union."""
    path: list[str] = []
    parts = list(item["loc"])
    for index, part in enumerate(parts):
        is_last = index + 1 == len(parts)
        if has(values, part):
            values = values[part]
        elif not (is_last and item["type"] == "missing"):
            continue
        path.append(str(part))
    return tuple(path)


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


def _tag_name(context: Mapping[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")
