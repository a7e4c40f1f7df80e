"""Interpolations that lead nowhere: which of them are the cause, and what else is wrong.

A key that is misspelt or missing kills every interpolation that names it. The key is told, as the
typed models tell it; what hangs on it is not.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from playbill.config.blame import place
from playbill.config.complaint import Told, combined
from playbill.config.member import known_names
from playbill.config.params import leaves
from playbill.config.validation import problems
from playbill.errors import ConfigError

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key

_NOT_FOUND = re.compile(r"[Ii]nterpolation key '([^']+)' not found")
_MISSING = "???"
_NAMES_MISSING = "MissingMandatoryValue"  # how the reason begins where another key is that
_RUN = "mend the line, then `playbill check`"

DeadEnd = tuple["Key", str]


def refusal(make: Callable[[dict[str, Any]], "Composition"], config: Any, raw: Any) -> ConfigError:
    """Return the error for a composition that does not resolve, with whatever else is wrong in it.

    Args:
        make: Makes a composition of resolved values.
        config: The composed OmegaConf.
        raw: The same as plain values, interpolations as they stand in the files.
    """
    ends = list(_dead_ends(config, raw))
    composition = make(_resolved(config, raw))
    dead = {key for key, _ in ends}
    told = [one for one in problems(composition) if one.key not in dead]
    caused = [one for one in told if one.kind in ("unknown", "missing")]
    for key, reason in _first_causes(ends, raw):
        if not _is_caused(reason, caused, composition.values):
            told.append(Told(key, _problem(composition, key, reason)))
    return combined([one.error for one in told])


def _problem(composition: "Composition", key: "Key", reason: str) -> ConfigError:
    dotted, where = ".".join(key), place(composition, key)
    force = ", ".join(composition.overrides)
    shown = f" (overrides in force: {force})" if force else ""
    if reason == _MISSING:
        what = f"`{dotted}` is {_MISSING}, which stands for a value that must be given"
        return ConfigError(what + shown, where=where, expected="a value", run=_RUN)
    what, expected = f"dead interpolation: {reason}{shown}", "`${...}` with a key that exists"
    if wanted := _NOT_FOUND.search(reason):
        keys = [".".join(path) for path, _ in leaves(composition.raw)]
        if near := difflib.get_close_matches(wanted[1], keys, 1):
            expected = f"`${{{near[0]}}}`"
        parent, _, name = wanted[1].rpartition(".")
        if name in known_names(tuple(parent.split(".")) if parent else (), composition.values):
            expected = f"`{wanted[1]}` set in conf/: a value that is only a default is not seen"
    return ConfigError(what, where=where, expected=expected, run=_RUN)


def _dead_ends(config: Any, values: Any, path: "Key" = ()) -> Iterator[DeadEnd]:
    """Yield every key that cannot be resolved, and OmegaConf's reason."""
    from omegaconf.errors import OmegaConfBaseException

    names = values if isinstance(values, dict) else range(len(values))
    for name in names:
        key = (*path, str(name))
        try:
            inner = config[name]
        except OmegaConfBaseException as error:
            is_missing = values[name] == _MISSING
            yield key, _MISSING if is_missing else str(error).splitlines()[0]
            continue
        if isinstance(values[name], dict | list):
            yield from _dead_ends(inner, values[name], key)
        elif values[name] == _MISSING:
            yield key, _MISSING


def _resolved(config: Any, values: Any) -> Any:
    """Return the composed values, resolved, without the keys that cannot be."""
    from omegaconf.errors import OmegaConfBaseException

    names = list(values) if isinstance(values, dict) else range(len(values))
    found = []
    for name in names:
        try:
            inner = config[name]
        except OmegaConfBaseException:
            continue
        if isinstance(values[name], dict | list):
            inner = _resolved(inner, values[name])
        elif values[name] == _MISSING:
            continue
        found.append((str(name), inner))
    return dict(found) if isinstance(values, dict) else [value for _, value in found]


def _first_causes(ends: list[DeadEnd], raw: Any) -> list[DeadEnd]:
    """Leave out what is dead only because it names a key that is."""
    texts = {path: str(value) for path, value in leaves(raw)}
    dead = {".".join(key) for key, _ in ends}
    found = [
        (key, reason)
        for key, reason in ends
        if not reason.startswith(_NAMES_MISSING)
        and (
            (wanted := _NOT_FOUND.search(reason)) is None
            or (wanted[1] in texts.get(key, wanted[1]) and wanted[1] not in dead)
        )
    ]
    return found or ends


def _is_caused(reason: str, caused: list[Told], values: Any) -> bool:
    """Say whether an interpolation is dead because of a key that is told already."""
    wanted = _NOT_FOUND.search(reason)
    if wanted is None:
        return False
    path = tuple(wanted[1].split("."))
    for one in caused:
        parent = one.key[:-1]
        if path[: len(parent)] != parent or len(path) <= len(parent):
            continue
        name = path[len(parent)]
        near = difflib.get_close_matches(one.key[-1], known_names(parent, values), 1, 0.5)
        if name == (one.key[-1] if one.kind == "missing" else "".join(near)):
            return True
    return False
