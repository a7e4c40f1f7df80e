"""From a validated table to training rows and hold-out, file to file.

Of the table only the columns with a role are in memory at once; its rows pass in batches.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playbill.config.outcome import Task
from playbill.config.schema import Split
from playbill.config.scratch import fresh
from playbill.split.base import Roles
from playbill.split.division import held_out
from playbill.split.rules import FORMAT_VERSION, describe, kept_rows
from playbill.split.writing import write_sides

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa


@dataclass(frozen=True)
class Prepared:
    """What became of a table.

    Attributes:
        table: Where all rows stand.
        kept: True for each row of it that is on some side.
        train: The rows to learn from, as a Parquet file.
        test: The rows to be tried on.
        report: What was removed, and what each side holds.
    """

    table: Path
    kept: NDArray[np.bool_]
    train: Path
    test: Path
    report: dict[str, Any]

    def kept_columns(self, names: "Sequence[str]") -> "pa.Table":
        """Return columns of the rows that are on some side."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.table) as file:
            return file.read(columns=list(dict.fromkeys(names))).filter(pa.array(self.kept))


def prepare(
    table: Path,
    config: Split,
    roles: Roles,
    *,
    task: Task,
    as_target: "Callable[[pa.ChunkedArray], pa.ChunkedArray]",
    root: Path,
) -> Prepared:
    """Let rows leave by the rules, give the target its form, and divide the rest.

    Args:
        table: Parquet file that keeps the contract.
        config: The `split` group of conf/.
        roles: What its columns are for.
        task: What is predicted.
        as_target: Gives the target's known values the form that models learn.
        root: The project, on whose disk the two files are made.

    Raises:
        ConfigError: The kind of split needs a role that no column has.
        DataError: No row is left, a target is no class of the contract, or a side is empty or
            lets a model know what it is tried on.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        columns = file.read(columns=roles.columns)
    kept, rules = kept_rows(
        columns, key=roles.key, target=roles.target, drop_duplicates=config.drop_duplicates
    )
    columns = columns.filter(pa.array(kept))
    values = as_target(columns[roles.target])
    columns = columns.set_column(columns.schema.get_field_index(roles.target), roles.target, values)
    mask = held_out(columns, config, roles)
    sides = np.full(len(kept), -1, dtype=np.int8)
    sides[kept] = mask
    train, test = fresh(root, "train.parquet"), fresh(root, "test.parquet")
    write_sides(table, roles.target, values, sides, [train, test])

    def side(which: "pa.BooleanArray") -> dict[str, Any]:
        rows = columns.filter(which)
        return describe(rows, target=roles.target, time=roles.time, task=task)

    report = {
        "format_version": FORMAT_VERSION,
        "rows": len(kept),
        "rules": rules,
        "split": config.kind,
        "train": side(pa.array(~mask)),
        "test": side(pa.array(mask)),
    }
    return Prepared(table, kept, train, test, report)
