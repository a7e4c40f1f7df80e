"""Which columns a group of `feature` takes: those it names, or those that its selector fits."""

import re
from collections.abc import Iterator

from playbill.config.kind import kind_of
from playbill.config.nearest import nearest
from playbill.config.schema import Contract, Feature, Selector

Problem = tuple[str, str, str]  # key, what, expected


def selected(feature: Feature, contract: Contract) -> dict[str, list[str]]:
    """Return the columns of each group, in the contract's order where a selector picked them.

    A selector leaves out what any group lists by name: what is listed is meant.
    """
    listed = {
        column
        for group in feature.groups.values()
        if isinstance(group.columns, list)
        for column in group.columns
    }
    return {
        name: group.columns
        if isinstance(group.columns, list)
        else [c for c in _picked(group.columns, contract) if c not in listed]
        for name, group in feature.groups.items()
    }


def _picked(rule: Selector, contract: Contract) -> Iterator[str]:
    specs = contract.schema_["columns"]
    for name in contract.inputs:
        dtype = (specs.get(name) or {}).get("dtype")
        if (
            (not rule.kind or kind_of(dtype) in rule.kind)
            and (not rule.dtype or str(dtype) in rule.dtype)
            and (rule.matching is None or re.fullmatch(rule.matching, name))
            and name not in rule.without
        ):
            yield name


def selector_problems(feature: Feature, contract: Contract) -> Iterator[Problem]:
    """Yield key, problem and expectation for selectors that pick nothing or name what is not."""
    rules = {
        f"feature.groups.{name}.columns": (name, group.columns)
        for name, group in feature.groups.items()
        if isinstance(group.columns, Selector)
    }
    found = [problem for key, (_, rule) in rules.items() for problem in _words(key, rule, contract)]
    yield from found
    if found:
        return
    taken = selected(feature, contract)
    for key, (name, _) in rules.items():
        if not taken[name]:
            what = "the selector fits no input that is left"
            yield key, what, f"one that fits some of {', '.join(contract.inputs)}"


def _words(key: str, rule: Selector, contract: Contract) -> Iterator[Problem]:
    for column in rule.without:
        if column not in contract.inputs:
            what = f"`{column}` is no input of the contract"
            yield f"{key}.without", what, nearest(column, contract.inputs)
    try:
        re.compile(rule.matching or "")
    except re.error as error:
        what = f"`{rule.matching}` is no regular expression: {error}"
        yield f"{key}.matching", what, "as in Python's re module"
