"""How few people a row may single out: k-anonymity and l-diversity of a table.

k is the number of rows in the smallest group of equal quasi-identifiers (Sweeney 2002,
doi:10.1142/S0218488502001648). l is the least number of distinct sensitive values in a group, and
its entropy form the smallest exp(entropy) (Machanavajjhala et al. 2007,
doi:10.1145/1217299.1217302): a group in which nearly all have one value gives it away, though
others occur.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# Sizes of groups of which the report says how many rows are in smaller ones.
SIZES = (2, 3, 5, 10, 20)


def anonymity(
    table: "pa.Table", quasi_identifiers: Sequence[str], sensitive: Sequence[str] = ()
) -> dict[str, Any]:
    """Return k, the rows in groups that are too small, and l for each sensitive column.

    A missing value is a value like any other: rows that lack it form a group. No value of the
    table is in the report.

    Args:
        table: The rows, treated as they are written.
        quasi_identifiers: Columns that together may single out a person.
        sensitive: Columns whose value a group must not give away.
    """
    import pyarrow.compute as pc

    names = list(quasi_identifiers)
    counts = table.select(names).group_by(names).aggregate([([], "count_all")])["count_all"]
    below = {
        str(size): int(pc.sum(pc.filter(counts, pc.less(counts, size))).as_py() or 0)
        for size in SIZES
    }
    report: dict[str, Any] = {
        "quasi_identifiers": names,
        "rows": table.num_rows,
        "groups": len(counts),
        "k": int(pc.min(counts).as_py() or 0),
        "rows_in_groups_below": below,
    }
    if sensitive:
        report["l"] = {name: _diversity(table, names, name) for name in sensitive}
    return report


def _diversity(table: "pa.Table", names: list[str], sensitive: str) -> dict[str, float]:
    """Return the least number of distinct values in a group, and the least exp(entropy)."""
    columns = [*names, sensitive]
    cells = table.select(columns).group_by(columns).aggregate([([], "count_all")])
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in zip(*(cells[name].to_pylist() for name in [*names, "count_all"]), strict=True):
        groups.setdefault(row[:-1], []).append(row[-1])
    return {
        "distinct": min(map(len, groups.values()), default=0),
        "entropy": round(min(map(_effective, groups.values()), default=0.0), 6),
    }


def _effective(counts: list[int]) -> float:
    """Return exp(entropy): how many equally common values would be as hard to guess."""
    total = sum(counts)
    return math.exp(-sum(n / total * math.log(n / total) for n in counts))
