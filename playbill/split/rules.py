"""The rules by which rows leave before the split, and how many each removed."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playbill.config.outcome import Task
from playbill.errors import DataError
from playbill.split.base import arrow, missing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT_VERSION = 1


def apply_rules(
    frame: "pd.DataFrame", *, key: str, target: str, drop_duplicates: bool
) -> "tuple[pd.DataFrame, list[dict[str, Any]]]":
    """Return the rows that may be learned from, and the rules' report.

    Raises:
        DataError: No row is left.
    """
    columns = arrow(frame, [key, target])
    kept, rules = kept_rows(columns, key=key, target=target, drop_duplicates=drop_duplicates)
    return frame[kept], rules


def kept_rows(
    table: "pa.Table", *, key: str, target: str, drop_duplicates: bool
) -> tuple[NDArray[np.bool_], list[dict[str, Any]]]:
    """Return True for each row that may be learned from, and the rules' report.

    Raises:
        DataError: No row is left.
    """
    import pyarrow as pa

    kept = ~missing(table[target])
    known = int(kept.sum())
    rules: list[dict[str, Any]] = [
        {"rule": "missing target", "column": target, "removed": len(kept) - known}
    ]
    if drop_duplicates:
        keys = table[key] if known == len(kept) else table[key].filter(pa.array(kept))
        kept[kept] = first_of_each(keys)
        removed = known - int(kept.sum())
        rules.append({"rule": "duplicate key", "column": key, "removed": removed})
    if not kept.any():
        raise DataError(
            f"no row of {len(kept)} is left to learn from",
            where="prepare: " + ", ".join(f"{r['rule']} removed {r['removed']}" for r in rules),
            expected=f"rows whose `{target}` is known",
        )
    return kept, rules


def first_of_each(values: "pa.ChunkedArray") -> NDArray[np.bool_]:
    """Return True where a value stands for the first time.

    Digests of eight bytes tell that all differ; only where two agree the values are looked at.
    """
    import duckdb
    import pyarrow as pa

    first = np.ones(len(values), dtype=np.bool_)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("keys", pa.table({"k": values}))
        hashes = np.sort(connection.execute("SELECT hash(k) AS h FROM keys").fetchnumpy()["h"])
    if (hashes[1:] == hashes[:-1]).any():
        coded = np.asarray(values.combine_chunks().dictionary_encode().indices.fill_null(-1))
        first[:] = False
        first[np.unique(coded, return_index=True)[1]] = True
    return first


def describe(
    rows: "pd.DataFrame | pa.Table", *, target: str, time: str | None, task: Task
) -> dict[str, Any]:
    """Return rows, what the target holds and the span of time of one side of the split."""
    table = arrow(rows, [target] if time is None else [target, time])
    facts: dict[str, Any] = {"rows": table.num_rows, **_target(table[target], task)}
    if time is not None:
        facts |= dict(zip(("first", "last"), _ends(table[time]), strict=True))
    return facts


def _ends(times: "pa.ChunkedArray") -> tuple[str, str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    low, high = pc.min(times), pc.max(times)
    if pa.types.is_timestamp(times.type) and times.type.unit == "ns":
        plain = [end.cast(pa.timestamp("us", times.type.tz), safe=False) for end in (low, high)]
        if all(a.value == b.value * 1000 for a, b in zip((low, high), plain, strict=True)):
            low, high = plain  # else pandas is needed for what a datetime cannot say
    return str(low.as_py()), str(high.as_py())


def _target(column: "pa.ChunkedArray", task: Task) -> dict[str, Any]:
    import pyarrow.compute as pc

    if task == "multiclass":
        counts = {str(c["values"]): c["counts"] for c in pc.value_counts(column).to_pylist()}
        shares = {name: round(count / len(column), 6) for name, count in counts.items()}
        return {"class_shares": shares}
    values = np.asarray(column)
    if task == "binary":
        return {"positive_share": round(float(values.mean()), 6)}
    return {"target": {name: float(getattr(values, name)()) for name in ("min", "mean", "max")}}
