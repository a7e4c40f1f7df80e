"""What a change of the contract means: for data that passed before, and for clients of the server.

Compatible: whatever was fine is still fine. Breaking: some of it may be refused now. What cannot be
compared counts as breaking.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from playbill.config.nearest import nearest
from playbill.contract import interface
from playbill.contract.column import Column, checks, columns_of, every_column_of

Verdict = Literal["compatible", "breaking"]
FORMAT_VERSION = 1
# Keys of a column's schema that are compared through the column's plain form, or only shown.
_PLAIN = {
    "dtype", "nullable", "description", "title", "isin", "in_range", "between", "ge", "gt", "le",
    "lt", "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change: where, what, and what it means."""

    side: Literal["data", "api"]
    verdict: Verdict
    column: str
    text: str


@dataclass(frozen=True)
class Difference:
    """All changes from one contract to another."""

    changes: tuple[Change, ...]

    @property
    def is_breaking(self) -> bool:
        """True if any change is."""
        return any(change.verdict == "breaking" for change in self.changes)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "data": self._verdict("data"),
            "api": self._verdict("api"),
            "changes": [asdict(change) for change in self.changes],
        }

    def _verdict(self, side: str) -> str:
        found = {change.verdict for change in self.changes if change.side == side}
        return "breaking" if "breaking" in found else "compatible" if found else "unchanged"


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Compare the contracts of two params.yaml, as plain mappings of any version."""
    old, new = _columns(before), _columns(after)
    found = [*_data(old, new, _strict(after))]
    broken = interface.breaks(before, after)
    found += [Change("api", "breaking", "", text) for text in broken]
    if not broken:
        was, now = (_served(params) for params in (before, after))
        names = [name for name in now if was.get(name) != now[name]]
        found += [Change("api", "compatible", n, "takes all that it took") for n in names]
    return Difference(tuple(found))


def as_markdown(found: Difference, ref: str) -> str:
    """Return the changes as a table for a pull request."""
    plain = found.as_dict()
    head = f"**Contract against `{ref}`**: data {plain['data']}, API {plain['api']}\n"
    if not found.changes:
        return head
    rows = [f"| {c.side} | {c.verdict} | {c.column} | {c.text} |" for c in found.changes]
    return "\n".join([head, "| for | verdict | column | change |", "|---|---|---|---|", *rows, ""])


def as_text(found: Difference, ref: str) -> str:
    """Return the changes as lines for a terminal."""
    plain = found.as_dict()
    head = f"contract against {ref}: data {plain['data']}, API {plain['api']}"
    lines = [
        f"  {c.verdict:<10}  {c.side:<4}  {c.column + ': ' if c.column else ''}{c.text}"
        for c in found.changes
    ]
    return "\n".join([head, *lines]) + "\n"


def _data(old: Mapping[str, Any], new: Mapping[str, Any], strict: object) -> Iterator[Change]:
    for name in new:
        if name not in old:
            optional = new[name].get("required") is False
            yield _change(name, "is asked for", breaking=not optional)
    for name in old:
        if name not in new:
            near = nearest(name, [n for n in new if n not in old])
            text = "is no longer known" + (f" ({near})" if near.startswith("`") else "")
            yield _change(name, text, breaking=strict is True)
        elif old[name] != new[name]:
            yield from _column(name, old[name], new[name])


def _column(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    was, now = ({"schema": {"columns": {name: spec}}} for spec in (old, new))
    plain_was, plain_now = every_column_of(was), every_column_of(now)
    if name in plain_was and name in plain_now:
        narrowed = list(interface.narrowed(plain_was[name], plain_now[name]))
        for text in narrowed:
            yield _change(name, text, breaking=True)
        if not narrowed:
            for text in interface.narrowed(plain_now[name], plain_was[name]):
                yield _change(name, f"is wider: before, it {text}", breaking=False)
    kind = plain_now[name].kind if name in plain_now else None
    if old.get("dtype") != new.get("dtype") and name in plain_was and plain_was[name].kind == kind:
        yield _change(name, f"is {new.get('dtype')}, was {old.get('dtype')}", breaking=True)
    before, after = checks(old), checks(new)
    compared = _PLAIN if kind == "text" else _PLAIN - {"isin"}
    for key in sorted((set(before) | set(after)) - compared):
        if before.get(key) != after.get(key):
            is_gone = after.get(key) in (None, False) and key != "required"
            is_gone = is_gone or (key == "isin" and _holds(after[key], before.get(key)))
            said = f"`{key}` is {after.get(key, 'gone')}, was {before.get(key, 'not there')}"
            yield _change(name, said, breaking=not is_gone)


def _holds(values: Any, before: Any) -> bool:
    """Say whether a list of values holds all that there were before."""
    if not isinstance(values, list) or not isinstance(before, list):
        return False
    return set(map(str, before)) <= set(map(str, values))


def _change(column: str, text: str, *, breaking: bool) -> Change:
    return Change("data", "breaking" if breaking else "compatible", column, text)


def _served(params: Mapping[str, Any]) -> dict[str, Column]:
    """Return the input columns without what is only shown."""
    return {
        name: replace(column, description="", example=None)
        for name, column in columns_of(_contract(params)).items()
    }


def _contract(params: Mapping[str, Any]) -> Mapping[str, Any]:
    found = params.get("contract")
    return found if isinstance(found, Mapping) else {}


def _schema(params: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _contract(params).get("schema")
    return found if isinstance(found, Mapping) else {}


def _strict(params: Mapping[str, Any]) -> object:
    return _schema(params).get("strict")


def _columns(params: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = _schema(params).get("columns")
    return {str(k): v or {} for k, v in found.items()} if isinstance(found, Mapping) else {}
