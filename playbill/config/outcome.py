"""What the contract's target may be for each task, and the classes that it names.

It stands here, below `playbill.contract`, because `compose` asks it before any data is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from playbill.config.kind import kind_of

if TYPE_CHECKING:
    from playbill.config.schema import Contract

# What a model answers: a class of two, one of several, a number.
Task = Literal["binary", "multiclass", "regression"]
Class = str | int
Problem = tuple[str, str, str]  # key, what, expected

_TWO = 2


def classes_of(column: Mapping[str, Any], task: Task) -> tuple[Class, ...]:
    """Return the classes of a target, sorted: those that its check `isin` allows.

    A binary target of numbers or truth values without one has the classes 0 and 1. Empty for a
    regression, and where the classes cannot be told.

    Args:
        column: The target's column of `contract.schema`.
        task: The contract's task.
    """
    if task == "regression":
        return ()
    allowed = _allowed(column)
    if allowed is None:
        return (0, 1) if task == "binary" and not _is_text(column) else ()
    found = {_whole(value) for value in allowed}
    return tuple(sorted(found, key=lambda v: (isinstance(v, str), v)))


def _allowed(column: Mapping[str, Any]) -> Sequence[Any] | None:
    nested = column.get("checks") or {}
    if isinstance(nested, Sequence):  # a list of {check: value}
        nested = {name: value for check in nested for name, value in check.items()}
    found = column.get("isin") or nested.get("isin")
    if isinstance(found, Mapping):
        found = found.get("allowed_values")
    return found if isinstance(found, Sequence) and not isinstance(found, str) else None


def _whole(value: Any) -> Class:
    return value if isinstance(value, str) else int(value)


def _is_text(column: Mapping[str, Any]) -> bool:
    return kind_of(column.get("dtype")) == "text"


def task_problems(contract: "Contract") -> Iterator[Problem]:
    """Yield key, problem and expectation where the target does not suit `contract.task`."""
    key = f"contract.schema.columns.{contract.target}"
    column = contract.schema_["columns"].get(contract.target) or {}
    if contract.positive is not None and contract.task != "binary":
        what = f"a {contract.task} task has no positive class"
        yield "contract.positive", what, "`task: binary`, or no `positive:`"
    if contract.task == "regression":
        yield from _number(key, column)
        return
    if strange := [v for v in _allowed(column) or () if not _is_class(v)]:
        yield f"{key}.isin", f"`{strange[0]!r}` is no class", "texts, or whole numbers"
        return
    if len({isinstance(value, str) for value in contract.classes}) > 1:
        yield f"{key}.isin", "the classes are texts and numbers", "texts alone, or numbers alone"
        return
    yield from _count(contract, key, column)


def _is_class(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and value == int(value))


def _number(key: str, column: Mapping[str, Any]) -> Iterator[Problem]:
    if kind_of(column.get("dtype")) not in {"number", "integer"}:
        what = f"a regression predicts a number, and the target's dtype is {column.get('dtype')}"
        yield f"{key}.dtype", what, "float64 or int64, or another `contract.task`"


def _count(contract: "Contract", key: str, column: Mapping[str, Any]) -> Iterator[Problem]:
    names, task = contract.classes, contract.task
    if kind_of(column.get("dtype")) in {"datetime", None}:
        what = f"a {task} target cannot be of the dtype {column.get('dtype')}"
        yield f"{key}.dtype", what, "str, int64, float64 (0 and 1) or bool"
    elif not names:
        what = f"the classes of the {task} target are not declared"
        yield key, what, "`isin: [...]` with every class"
    elif task == "binary" and len(names) != _TWO:
        what = f"a binary target has two classes, found {list(names)}"
        yield f"{key}.isin", what, "two values, or `task: multiclass`"
    elif task == "multiclass" and len(names) <= _TWO:
        what = f"a multiclass target has three classes or more, found {list(names)}"
        yield f"{key}.isin", what, "`task: binary` for two classes"
    elif contract.positive is not None and contract.positive not in names:
        what = f"`{contract.positive}` is no class of the target"
        yield "contract.positive", what, f"one of {list(names)}"
