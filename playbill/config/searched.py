"""The values of `tuning.space` where they will stand: each has to fit what stands beside it.

What is wrong without them is told for itself. A `_target_` that is searched is tried with what
conf/ and the rest of the space give it: one combination that no class takes would be a trial that
always fails.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from playbill.config.space import Dimension, dimensions, placed, space_problems
from playbill.config.target import KEY
from playbill.config.untyped import get

Problem = tuple[str, str, str]  # key, what, expected
_MOST = 1000  # combinations of searched targets that are tried
WHOLE = "whole mappings as choices, as `{}: [{{_target_: ..., ...}}, {{_target_: ..., ...}}]`"


class Look(Protocol):
    """Says what is wrong with a section of conf/ that has these values."""

    def __call__(self, name: str, value: Any, *, roles: bool = True) -> Iterator[Problem]:
        """Yield the problems; without `roles` not whether a target can do what it is for."""
        ...


def search_problems(values: Mapping[str, Any], look: Look) -> Iterator[Problem]:
    """Yield key, problem and expectation for each dimension with a value that cannot be tried."""
    space = get(values, "tuning", "space")
    if not isinstance(space, Mapping) or list(space_problems(space, ranges=True)):
        return
    found = dimensions(space)
    targets = [one for one in found if one.path[-1] == KEY]
    wrong = set()
    for dimension in found:
        for problem in _alone(dimension, values, look):
            wrong.add(dimension.path)
            yield problem
            break
    if targets and not any(target.path in wrong for target in targets):
        for dimension in found:
            if dimension not in targets and dimension.path not in wrong:
                yield from itertools.islice(_beside(dimension, targets, values, look), 1)


def _alone(dimension: Dimension, values: Mapping[str, Any], look: Look) -> Iterator[Problem]:
    root, key = dimension.path[0], f"tuning.space.{dimension.name}"
    before = set(look(root, values.get(root)))
    for value in dimension.samples:
        try:
            tried = placed(values.get(root), dimension.path[1:], value)
        except KeyError:
            yield key, f"`{dimension.name}` leads nowhere in conf/", "a path that is there"
            return
        # A number does not change which methods an object has, and to ask it takes a second.
        roles = not isinstance(value, int | float) or isinstance(value, bool)
        for problem in look(root, tried, roles=roles):
            if problem not in before:
                yield key, *_said(dimension, value, problem)
                return


def _said(dimension: Dimension, value: Any, problem: Problem) -> tuple[str, str]:
    """Return what is wrong and expected, where it is not the searched key itself with its value."""
    key, what, expected = problem
    name = dimension.name
    if key == name or key.startswith(f"{name}."):
        return what, expected
    if dimension.path[-1] != KEY:
        return f"with `{name}: {value}`, {what}", expected
    holder = ".".join(dimension.path[:-1])
    return (
        f"with `{value}`, {what}" + (f" (`{key}`)" if key.rpartition(".")[2] != KEY else ""),
        f"classes that take the same arguments, or {WHOLE.format(holder)}",
    )


def _beside(
    dimension: Dimension, targets: Sequence[Dimension], values: Mapping[str, Any], look: Look
) -> Iterator[Problem]:
    """Yield what is wrong with a dimension's values beside the targets that are searched too."""
    root = dimension.path[0]
    near = [t for t in targets if t.path[:-1] == dimension.path[: len(t.path) - 1]]
    choices = itertools.product(*(target.samples for target in near))
    for chosen in itertools.islice(choices, _MOST if near else 0):
        beside = values.get(root)
        for target, path in zip(near, chosen, strict=True):
            beside = placed(beside, target.path[1:], path)
        before = set(look(root, beside, roles=False))
        for value in dimension.samples:
            tried = placed(beside, dimension.path[1:], value)
            for problem in look(root, tried, roles=False):
                if problem not in before:
                    holder = ".".join(near[-1].path[:-1])
                    named = " and ".join(f"`{path}`" for path in chosen)
                    what = f"with {named}, {problem[1]}"
                    expected = f"{problem[2]}; or {WHOLE.format(holder)}"
                    yield f"tuning.space.{dimension.name}", what, expected
