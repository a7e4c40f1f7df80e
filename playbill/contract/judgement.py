"""What becomes of a table that breaks its contract: refused, rows put aside, or a warning.

The report names every broken check with its policy, its count, at most five examples (of a personal
column their form alone) and the first rows by position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.quality import Policy
from playbill.config.schema import Contract
from playbill.config.scratch import fresh
from playbill.contract.compiled import canonical
from playbill.contract.statistic import Piece, statistics
from playbill.contract.trial import opened, tried
from playbill.contract.validation import Failure, masked, refusal

if TYPE_CHECKING:
    from playbill.contract.trial import Table

FORMAT_VERSION = 1
ROWS = 100  # positions that the report names of each check
GROUP_ROWS = 131_072


@dataclass(frozen=True)
class Judged:
    """What is left of a table.

    Attributes:
        valid: Parquet file with the rows that keep the contract; the table itself if all do.
        aside: Files about the others: `report.json`, and `rows.parquet` with their `reason`.
        warnings: Lines for a person.
    """

    valid: Path
    aside: Mapping[str, Any]
    warnings: Sequence[str]


def judge(
    path: Path, contract: Contract, *, name: str, root: Path, pieces: Sequence[Piece] = ()
) -> Judged:
    """Try a table against its contract and do what the policies say.

    Args:
        path: A Parquet file.
        contract: What its rows must be, and what becomes of those that are not.
        name: What the table is called in messages.
        root: The project, on whose disk files are made.
        pieces: The windows of the table in order, for what is said of the table as a whole.

    Raises:
        DataError: The table is empty.
        ContractError: A check whose policy is `fail` is broken, or too many rows would be put
            aside. The error leaves the report.
    """
    policies = _policies(contract)
    wanted = [key for key, policy in policies.items() if policy == "quarantine"]
    with opened(path) as table:
        found: list[tuple[Failure, Policy]] = []
        for failure in tried(table, contract.schema_, name=name, wanted=wanted):
            title = canonical(failure.check.partition("(")[0])
            found.append((_shown(failure, contract), _policy(failure, policies, title)))
        found += statistics(table, contract, pieces)
        aside = [failure for failure, policy in found if policy == "quarantine"]
        reasons = _reasons(table, aside)
        found += _too_many(reasons, table.rows, contract.quarantine.share)
        report = _report(found, table.rows, reasons)
        refused = [failure for failure, policy in found if policy == "fail"]
        if refused:
            error = refusal(refused, list(table.types), name=name)
            error.leaves = {"quarantine": {"report.json": report}}
            raise error
        warnings = [f"{policy}: {failure}" for failure, policy in found]
        if not reasons:
            return Judged(path, {"report.json": report}, warnings)
        valid, rows = fresh(root, "table.parquet"), fresh(root, "rows.parquet")
        _divide(table, valid, rows)
        return Judged(valid, {"report.json": report, "rows.parquet": rows}, warnings)


def _policies(contract: Contract) -> dict[tuple[str, str], Policy]:
    return {
        (name, canonical(check)): policy
        for name, column in contract.columns.items()
        for check, policy in column.policy.items()
    }


def _policy(failure: Failure, policies: Mapping[tuple[str, str], Policy], title: str) -> Policy:
    """Return a failure's policy; what speaks of no row always fails."""
    return policies.get((failure.column, title), "fail") if failure.count else "fail"


def _shown(failure: Failure, contract: Contract) -> Failure:
    column = contract.columns.get(failure.column)
    return masked(failure) if column is not None and column.personal else failure


def _reasons(table: "Table", aside: Sequence[Failure]) -> int:
    """Let the table `aside` hold the rows to put aside with their reasons; return how many."""
    import pyarrow as pa

    if not aside:
        return 0
    batches = [
        pa.table({
            "row": pa.array(failure.rows, pa.int64()),
            "place": pa.array([place] * len(failure.rows), pa.int64()),
            "reason": pa.array([f"{failure.column}: {failure.check}"] * len(failure.rows)),
        })
        for place, failure in enumerate(aside)
    ]  # fmt: skip
    table.connection.register("reasons", pa.concat_tables(batches))
    table.ask(
        "CREATE TEMP TABLE aside AS SELECT row, string_agg(reason, '; ' ORDER BY place) AS reason "
        "FROM reasons GROUP BY row"
    )
    return int(table.ask("SELECT count(*) FROM aside")[0][0])


def _too_many(count: int, rows: int, share: float) -> list[tuple[Failure, Policy]]:
    if count <= share * rows:
        return []
    check = f"quarantine.share of {share:g} is less than the {count / rows:.4g} that break a check"
    return [(Failure(check, "", count, ()), "fail")]


def _report(found: Sequence[tuple[Failure, Policy]], rows: int, aside: int) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "rows": rows,
        "quarantined": aside,
        "failures": [
            {
                "column": failure.column,
                "check": failure.check,
                "policy": policy,
                "count": failure.count,
                "examples": [example.strip("`") for example in failure.examples],
                "rows": [int(row) for row in failure.rows[:ROWS]],
            }
            for failure, policy in found
        ],
    }


def _divide(table: "Table", valid: Path, rows: Path) -> None:
    form = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"
    kept = f"SELECT * EXCLUDE file_row_number FROM {table.read} WHERE file_row_number NOT IN (SELECT row FROM aside) ORDER BY file_row_number"  # noqa: S608, E501
    put = f"SELECT t.* EXCLUDE file_row_number, reason FROM {table.read} AS t JOIN aside ON row = file_row_number ORDER BY row"  # noqa: S608, E501
    for query, target in ((kept, valid), (put, rows)):
        text = "'" + str(target).replace("'", "''") + "'"
        table.connection.execute(f"COPY ({query}) TO {text} {form}")
