"""The search space under `tuning.space`: what it says, and the values that stand in its place.

It has the form of what it varies: under `model` and `feature` the same keys, and at the end of each
path a list of choices or a range (`{low: 0.01, high: 0.3, log: true}`). The items of a list are
named by their number: `feature: {groups: {numeric: {steps: {0: {strategy: [mean, median]}}}}}`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Problem = tuple[str, str, str]  # key, what, expected
ROOTS = ("model", "feature")
_RANGE = {"low", "high", "log", "step"}
_FORM = "a list of choices, or {low: 1, high: 9}, with log: true or step: 2 if you like"


@dataclass(frozen=True)
class Dimension:
    """One parameter that is searched for.

    Attributes:
        path: Its keys from the top of params.yaml, as ("model", "max_depth").
        choices: The values, if they are listed.
        low: Least value of a range.
        high: Largest value of a range, itself possible.
        log: The range is drawn on a logarithmic scale.
        step: The range's values are `low` and whole steps from it.
    """

    path: tuple[str, ...]
    choices: tuple[Any, ...] | None = None
    low: float | int = 0
    high: float | int = 0
    log: bool = False
    step: float | int | None = None

    @property
    def name(self) -> str:
        """The path in one word, as `model.max_depth`."""
        return ".".join(self.path)

    @property
    def is_whole(self) -> bool:
        """Whether a range is of whole numbers: both its ends are."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values at which the parameter's own rules can be tried."""
        return (self.low, self.high) if self.choices is None else self.choices


def dimensions(space: Mapping[str, Any]) -> list[Dimension]:
    """Return the dimensions of a valid `tuning.space`, in its order."""
    return [_dimension(path, leaf) for path, leaf in _leaves((), space)]


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and not (path and set(value) & {"low", "high"}):
        for key, inner in value.items():
            yield from _leaves((*path, str(key)), inner)
    else:
        yield path, value


def _dimension(path: tuple[str, ...], leaf: Any) -> Dimension:
    if isinstance(leaf, list):
        return Dimension(path, tuple(leaf))
    return Dimension(
        path, None, leaf["low"], leaf["high"], bool(leaf.get("log", False)), leaf.get("step")
    )


def space_problems(space: Mapping[str, Any], *, ranges: bool) -> Iterator[Problem]:
    """Yield key, problem and expectation for whatever a `tuning.space` gets wrong in its form.

    Args:
        space: The mapping under `tuning.space`.
        ranges: Whether ranges are allowed; a grid needs choices.
    """
    for path, leaf in _leaves((), space):
        key = ".".join(("tuning", "space", *path))
        if not path or path[0] not in ROOTS:
            yield key, f"`{path[0] if path else space}` is not searched", "model or feature"
        elif isinstance(leaf, list):
            if not leaf:
                yield key, "there is no choice", "at least one value"
        elif not isinstance(leaf, Mapping):
            yield key, f"`{leaf!r}` is no list of choices and no range", _FORM
        elif not ranges:
            yield key, "a grid cannot try every value of a range", "a list of choices"
        else:
            yield from _range(key, leaf)


def _range(key: str, leaf: Mapping[str, Any]) -> Iterator[Problem]:
    if strange := sorted(set(leaf) - _RANGE):
        yield f"{key}.{strange[0]}", f"a range has no `{strange[0]}`", "low, high, log and step"
        return
    low, high, step = leaf.get("low"), leaf.get("high"), leaf.get("step")
    ends = [v for v in (low, high) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(ends) < len((low, high)):
        yield key, "a range needs two numbers, low and high", _FORM
    elif ends[0] >= ends[1]:
        yield f"{key}.high", f"the range ends at {high}, not above {low}", "low below high"
    elif leaf.get("log") and ends[0] <= 0:
        yield f"{key}.low", f"a logarithmic range cannot start at {low}", "a low above 0"
    elif step is not None and (leaf.get("log") or not isinstance(step, int | float) or step <= 0):
        yield f"{key}.step", f"`step: {step}` does not fit", "a number above 0, without log"


def placed(config: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return a copy of plain values in which `path` holds `value`; missing mappings are made.

    Raises:
        KeyError: The path leads through something that is no mapping and no list.
    """
    if not path:
        return value
    first, *rest = path
    if isinstance(config, list):
        if not first.isdigit() or int(first) >= len(config):
            raise KeyError(first)
        index = int(first)
        return [placed(v, tuple(rest), value) if i == index else v for i, v in enumerate(config)]
    if config is not None and not isinstance(config, Mapping):
        raise KeyError(first)
    known = dict(config or {})
    return {**known, first: placed(known.get(first), tuple(rest), value)}
