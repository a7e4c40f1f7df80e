"""The rules by which rows leave before the split, and how many each removed."""

from typing import TYPE_CHECKING, Any

from playbill.config.outcome import Task
from playbill.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1


def apply_rules(
    frame: "pd.DataFrame", *, key: str, target: str, drop_duplicates: bool
) -> "tuple[pd.DataFrame, list[dict[str, Any]]]":
    """Return the rows that may be learned from, and the rules' report.

    Raises:
        DataError: No row is left.
    """
    rules: list[dict[str, Any]] = []
    known = frame[frame[target].notna()]
    rules.append({"rule": "missing target", "column": target, "removed": len(frame) - len(known)})
    if drop_duplicates:
        first = known[~known[key].duplicated()]
        rules.append({"rule": "duplicate key", "column": key, "removed": len(known) - len(first)})
        known = first
    if known.empty:
        raise DataError(
            f"no row of {len(frame)} is left to learn from",
            where="prepare: " + ", ".join(f"{r['rule']} removed {r['removed']}" for r in rules),
            expected=f"rows whose `{target}` is known",
        )
    return known, rules


def describe(frame: "pd.DataFrame", *, target: str, time: str | None, task: Task) -> dict[str, Any]:
    """Return rows, what the target holds and the span of time of one side of the split."""
    facts: dict[str, Any] = {"rows": len(frame), **_target(frame[target], task)}
    if time is not None:
        facts |= {"first": str(frame[time].min()), "last": str(frame[time].max())}
    return facts


def _target(values: "pd.Series", task: Task) -> dict[str, Any]:
    if task == "binary":
        return {"positive_share": round(float(values.mean()), 6)}
    if task == "regression":
        return {"target": {name: float(getattr(values, name)()) for name in ("min", "mean", "max")}}
    shares = values.value_counts(normalize=True)
    return {"class_shares": {str(name): round(float(shares[name]), 6) for name in shares.index}}
