"""Compares evaluated models: metrics, slices, parameters, and predictions on the same rows.

Pure: mappings and frames in, a `Comparison` out. Where they come from (a commit, the workspace) is
not known here. The first side is what the others are measured against.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from playbill.config.metric import LEADING
from playbill.evaluation.pairing import Paired, Predictions

_ABSENT = "-"
_NO_METRIC = ("format_version",)
Plots = Mapping[str, Mapping[str, Sequence[Any]]]


@dataclass(frozen=True)
class Side:
    """One evaluated model."""

    name: str
    metrics: Mapping[str, Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    slices: Any = None
    predictions: Predictions | None = None
    note: str = ""
    """Why there are no predictions, if there are none."""
    code: Mapping[str, str] = field(default_factory=dict)
    """Digests of the project's modules by path."""
    plots: Plots = field(default_factory=dict)
    """Columns of the tables that plots are drawn from, by file name."""


@dataclass(frozen=True)
class Row:
    """One metric, or one parameter, of every side; None where a side does not have it."""

    name: str
    values: tuple[Any, ...]
    differences: tuple[float | None, ...] = ()
    """To the first side, from the second side on; empty for parameters."""


@dataclass(frozen=True)
class Comparison:
    """Everything that is said about two or more sides."""

    sides: tuple[str, ...]
    metrics: tuple[Row, ...]
    slices: tuple[Row, ...]
    params: tuple[Row, ...]
    paired: tuple[Paired, ...]
    notes: tuple[str, ...]
    code: tuple[Row, ...] = ()
    leading: str = LEADING["binary"]
    """The metric that slices are compared by."""
    plots: tuple[Plots, ...] = ()
    """Of each side; they are drawn, and stand in no other form."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; numbers that JSON has no form for become None."""
        plain = asdict(replace(self, plots=()))
        del plain["plots"]
        return {
            "format_version": 1,
            **_plain(plain),
            "paired": [{**_plain(asdict(one)), "verdict": one.verdict} for one in self.paired],
        }

    def as_json(self) -> str:
        """Return the comparison as JSON text."""
        return json.dumps(self.as_dict(), indent=2, sort_keys=True, default=str) + "\n"


def compare(
    sides: Sequence[Side], *, paired: Sequence[Paired] = (), notes: Sequence[str] = ()
) -> Comparison:
    """Compare the first side with each of the others.

    Args:
        sides: Two or more evaluated models.
        paired: What was found on the same rows.
        notes: What a reader should know of it.

    Returns:
        Metrics with differences, changed parameters and modules, slices by the leading metric.
    """
    leading = LEADING.get(sides[0].metrics.get("task", "binary"), LEADING["binary"])
    return Comparison(
        sides=tuple(side.name for side in sides),
        metrics=tuple(_rows([flatten(_metrics(side)) for side in sides])),
        slices=tuple(_rows([_slices(side.slices, leading) for side in sides])),
        params=tuple(_changed([_params(side.params) for side in sides])),
        paired=tuple(paired),
        notes=tuple(notes),
        code=tuple(_modules([side.code for side in sides])),
        leading=leading,
        plots=tuple(side.plots for side in sides),
    )


def _metrics(side: Side) -> dict[str, Any]:
    return {name: value for name, value in side.metrics.items() if name not in _NO_METRIC}


def _modules(sides: Sequence[Mapping[str, str]]) -> Iterator[Row]:
    """Yield the modules that differ, each with the beginning of its digest on every side."""
    for row in _changed(sides):
        yield Row(row.name, tuple(str(value)[:8] for value in row.values))


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys; lists of mappings by their position."""
    if isinstance(values, Mapping):
        pairs = [(f"{prefix}.{key}" if prefix else str(key), v) for key, v in values.items()]
    elif isinstance(values, list) and any(isinstance(item, Mapping) for item in values):
        pairs = [(f"{prefix}[{position}]", item) for position, item in enumerate(values)]
    else:
        return {prefix: values} if prefix else {}
    return {name: leaf for key, value in pairs for name, leaf in flatten(value, key).items()}


def _rows(sides: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for name in _names(sides):
        values = tuple(side.get(name) for side in sides)
        if any(_is_number(value) for value in values):
            yield Row(name, values, tuple(_minus(value, values[0]) for value in values[1:]))


def _changed(sides: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for name in _names(sides):
        values = tuple(side.get(name, _ABSENT) for side in sides)
        if any(value != values[0] for value in values[1:]):
            yield Row(name, values)


def _names(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for side in sides for name in side))


def _params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat params; what `compose` notes of the environment once, not once a stage."""
    found = flatten({key: value for key, value in params.items() if key != "environment"})
    stages = params.get("environment")
    for stage, noted in stages.items() if isinstance(stages, Mapping) else ():
        for key, value in flatten(noted).items():
            kind, _, rest = key.partition(".")
            if kind == "packages":
                found[f"package {rest}"] = value
            else:
                found[f"code of {stage}" + (f": {rest}" if rest else "")] = str(value)[:12]
    return found


def _slices(slices: Any, leading: str) -> dict[str, Any]:
    """Return the leading metric of each slice, by column and value."""
    leaves, measure = flatten(slices), f".{leading}"
    return {n.removesuffix(measure): leaf for n, leaf in leaves.items() if n.endswith(measure)}


def _minus(value: Any, first: Any) -> float | None:
    return value - first if _is_number(value) and _is_number(first) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
