"""The rules by which rows leave before the split, and how many each removed."""

from typing import TYPE_CHECKING, Any

from playbill.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 1


def apply_rules(
    frame: "pd.DataFrame", *, key: str, target: str, drop_duplicates: bool
) -> "tuple[pd.DataFrame, list[dict[str, Any]]]":
    """Return the rows that may be learned from, target as 0 and 1, and the rules' report.

    Raises:
        DataError: No row is left, or the target holds something else than 0 and 1.
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
    strange = known[target][~known[target].isin([0, 1])]
    if not strange.empty:
        raise DataError(
            f"the target `{target}` holds `{strange.iloc[0]}`",
            where=f"contract.columns.{target}",
            expected="0 and 1, or true and false",
        )
    return known.assign(**{target: known[target].astype("int64")}), rules


def describe(frame: "pd.DataFrame", *, target: str, time: str | None) -> dict[str, Any]:
    """Return rows, share of positives and the span of time of one side of the split."""
    facts: dict[str, Any] = {
        "rows": len(frame),
        "positive_share": round(float(frame[target].mean()), 6),
    }
    if time is not None:
        facts |= {"first": str(frame[time].min()), "last": str(frame[time].max())}
    return facts
