"""A new project's files for a table that the user has: what was seen, for people to review."""

import re
import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from playbill.config.kind import kind_of
from playbill.config.outcome import Task
from playbill.contract.inference import Inferred, Seen, as_yaml, infer, view
from playbill.errors import DataError, UsageError

FOLDER = "data/source"
MANY = 20  # whole numbers with more values are a number to predict, not classes
KEEPS_TYPES = ".parquet"  # of CSV, times come as texts


@dataclass(frozen=True)
class Own:
    """What a table says of the project that is made for it.

    Attributes:
        file: The table.
        task: What is predicted.
        found: What was seen of the columns that are kept.
        left_out: Columns that seem personal, which the query leaves out.
        classes: Values of the target; empty of a regression.
        first: First day of the rows, and the day after the last; None without a time.
    """

    file: Path
    task: Task
    found: Inferred
    left_out: tuple[str, ...]
    classes: tuple[Any, ...]
    first: tuple[str, str] | None
    is_truth: bool = False
    """Whether the target says true or false, and the project 1 or 0."""
    has_gaps: bool = False
    """Whether rows lack the target; the query leaves them out."""

    @property
    def path(self) -> str:
        """Where the project has the table."""
        return f"{FOLDER}/{self.file.name}"

    @property
    def kinds(self) -> set[str]:
        """Which kinds of input there are: `numbers`, `categories`, `times`."""
        roles = {self.found.key, self.found.time, self.found.target}
        kinds = {"text": "categories", "datetime": "times"}
        inputs = [column for column in self.found.columns if column.name not in roles]
        return {kinds.get(str(kind_of(column.dtype)), "numbers") for column in inputs}

    @property
    def query(self) -> str:
        """The query that makes the table of the contract."""
        exclude = f" EXCLUDE ({', '.join(map(quoted, self.left_out))})" if self.left_out else ""
        casts = [] if self.file.suffix == KEEPS_TYPES else [
            f"{quoted(column.name)}::TIMESTAMP AS {quoted(column.name)}"
            for column in self.found.columns if column.dtype.startswith("datetime")
        ]  # fmt: skip
        if self.is_truth:
            casts.append(
                f"{quoted(str(self.found.target))}::BIGINT AS {quoted(str(self.found.target))}"
            )
        replaced = f" REPLACE ({', '.join(casts)})" if casts else ""
        assert self.found.target is not None
        assert self.found.key is not None
        known = f"\n  WHERE {quoted(self.found.target)} IS NOT NULL" if self.has_gaps else ""
        order = quoted(self.found.key)
        return f"SELECT *{exclude}{replaced}\n  FROM rows{known}\n  ORDER BY {order}"  # noqa: S608 - quoted

    @property
    def contract(self) -> str:
        """The contract's YAML."""
        text = as_yaml(self.found)
        return (
            text
            if self.task == "binary"
            else text.replace("schema:", f"task: {self.task}\nschema:", 1)
        )

    def bring(self, root: Path) -> None:
        """Copy the table into a project."""
        place = root / self.path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.file, place)


def look(file: Path, target: str, *, key: str | None, time: str | None, task: Task | None) -> Own:
    """Look at a table and say what project it makes.

    Args:
        file: CSV or Parquet.
        target: Column to predict.
        key: Column that identifies a row; None: the first whose values all differ.
        time: Column with the time of a row; None: the first of that kind.
        task: What is predicted; None: as the target's values have it.

    Raises:
        DataError: The file cannot be read, or no column identifies a row.
        UsageError: A named column does not exist.
    """
    if not file.is_file():
        raise DataError(f"there is no file {file}", expected="a CSV or Parquet file")
    found = infer(file, key=key, time=time, target=target)
    if found.key is None:
        raise DataError(
            f"no column of {file.name} identifies a row",
            expected="a column whose values all differ, which a person could ask about",
            run="add one, or name it: --key COLUMN",
        )
    roles = {found.key, found.time, target}
    personal = tuple(c.name for c in found.columns if c.personal and c.name not in roles)
    kept = tuple(column for column in found.columns if column.name not in personal)
    seen = next(column for column in kept if column.name == target)
    task = task or _task(seen)
    truth = seen.dtype == "bool"
    classes: tuple[Any, ...] = (
        (0, 1) if truth else () if task == "regression" else _distinct(file, target)
    )
    kept = tuple(_as_target(c, task, classes) if c.name == target else c for c in kept)
    span = None if found.time is None else _span(file, found.time)
    return Own(
        file, task, replace(found, columns=kept), personal, classes, span, truth, bool(seen.missing)
    )


def quoted(name: str) -> str:
    """Return a column's name as SQL takes any name: `order` and `at` are words of its own."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _keywords():
        return name
    return '"' + name.replace('"', '""') + '"'


@cache
def _keywords() -> frozenset[str]:
    import duckdb

    with duckdb.connect() as connection:
        query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        return frozenset(row[0] for row in connection.execute(query).fetchall())


def _task(target: Seen) -> Task:
    if target.distinct < 2:  # noqa: PLR2004 - nothing to tell apart
        raise UsageError(
            f"`{target.name}` has one value only: nothing can be predicted",
            where="--target",
            expected="a column with two values or more",
        )
    if target.distinct == 2:  # noqa: PLR2004
        return "binary"
    few = target.dtype == "str" or (target.dtype == "int64" and target.distinct <= MANY)
    return "multiclass" if few else "regression"


def _as_target(column: Seen, task: Task, classes: tuple[Any, ...]) -> Seen:
    """Return the target as the contract needs it: known, and its classes listed."""
    values = classes if task != "regression" else None
    dtype = "int64" if column.dtype == "bool" else column.dtype
    return replace(column, dtype=dtype, missing=0, values=values, personal=None)


def _distinct(file: Path, column: str) -> tuple[Any, ...]:
    name = quoted(column)
    rows = _ask(
        file,
        f"SELECT DISTINCT {name} FROM t WHERE {name} IS NOT NULL ORDER BY 1",  # noqa: S608
    )
    return tuple(row[0] for row in rows)


def _span(file: Path, column: str) -> tuple[str, str]:
    name = quoted(column)
    first, last = _ask(file, f"SELECT min({name})::DATE, max({name})::DATE FROM t")[0]  # noqa: S608
    return str(first), str(last + timedelta(days=1))


def _ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        view(connection, file)
        return connection.execute(query).fetchall()
