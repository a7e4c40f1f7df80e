"""The composed values against the typed models: every problem at once, each with its line."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from playbill.config.complaint import Told, combined, placed, schema_problem
from playbill.config.member import known_names
from playbill.config.params import leaves
from playbill.config.schema import Params
from playbill.errors import TargetError

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key

_MOST_ROUNDS = 3  # keys in error are taken away and the rest is looked at again
# For what is required and in error, so that the rest can be looked at.
_STAND_INS: Mapping[str, Any] = {"name": "model", "seed": 0, "allow": []}
_NAMED = re.compile(r"\$\{([\w.-]+)\}")


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
    told = [*_targets(composition), *(placed(composition, problem) for problem in found)]
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
            fresh = [schema_problem(now, item) for item in error.errors()]
            # What is missing later on was taken away here.
            told += [one for one in fresh if not number or one.kind not in ("missing", "placed")]
            left = _without(values, [one.key for one in fresh if one.kind != "missing"])
            left = {**_STAND_INS, **left}
            if left == values:
                break
            values = left
        else:
            more = [*crosscheck(params), *config_problems(params, values)]
            told += _apart([placed(composition, problem) for problem in more], told)
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
    return [placed(composition, problem) for problem in found]


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
        raise combined([placed(composition, problem).error for problem in found])


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
