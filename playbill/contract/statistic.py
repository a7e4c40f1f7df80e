"""What a contract says of a table as a whole: how fresh, how large, with how many gaps.

Time is measured from the end of the declared window, never from the clock, so that the same data
have the same verdict whenever they are tried.
"""

import statistics as numbers
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from playbill.config.quality import Policy
from playbill.config.schema import Contract
from playbill.contract.validation import Failure

if TYPE_CHECKING:
    from playbill.contract.trial import Table

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
Piece = tuple[date, date]


def statistics(
    table: "Table", contract: Contract, pieces: Sequence[Piece]
) -> Iterator[tuple[Failure, Policy]]:
    """Yield what a table breaks of `contract.statistics`, with the policy.

    Args:
        table: The open file.
        contract: What it must be.
        pieces: The windows of `volume.every` that make up the declared window, in order; the last
            one ends where that ends.
    """
    asked, time = contract.statistics, contract.role("time")
    if asked.freshness is not None and time in table.types and pieces:
        failure = _old(table, time or "", asked.freshness.max_age, pieces[-1][1])
        if failure is not None:
            yield failure, asked.freshness.policy
    if asked.volume is not None and time in table.types:
        failure = _size(table, contract, time or "", pieces)
        if failure is not None:
            yield failure, asked.volume.policy
    for name, missing in asked.missing.items():
        if name not in table.types:
            continue
        gaps = table.ask(
            f"SELECT count(*) FROM {table.read} WHERE {table.value(name)} IS NULL"  # noqa: S608
        )[0][0]
        if gaps > missing.share * table.rows:
            yield Failure(f"missing({missing.share:g})", name, gaps, ()), missing.policy


def _old(table: "Table", time: str, max_age: str, end: date) -> Failure | None:
    newest = table.ask(f"SELECT max({table.value(time)})::TIMESTAMP FROM {table.read}")[0][0]  # noqa: S608
    age = timedelta(**{_UNITS[max_age[-1]]: int(max_age[:-1])})
    oldest = datetime(end.year, end.month, end.day) - age  # noqa: DTZ001 - times have no zone
    if newest is not None and newest >= oldest:
        return None
    return Failure(f"freshness({max_age}) before {end}, the newest is {newest}", time, 0, ())


def _size(table: "Table", contract: Contract, time: str, pieces: Sequence[Piece]) -> Failure | None:
    volume = contract.statistics.volume
    assert volume is not None
    whole = _whole(pieces, volume.every)[-volume.windows - 1 :]
    if len(whole) <= 1:
        return None
    value = table.value(time)
    counts = [
        table.ask(
            f"SELECT count(*) FROM {table.read} "  # noqa: S608
            f"WHERE {value} >= DATE '{start}' AND {value} < DATE '{end}'"
        )[0][0]
        for start, end in whole
    ]
    usual = numbers.median(counts[:-1])
    if volume.low * usual <= counts[-1] <= volume.high * usual:
        return None
    said = (
        f"{counts[-1]} rows from {whole[-1][0]} to {whole[-1][1]}, the median before is {usual:g}"
    )
    return Failure(f"volume({volume.low:g}, {volume.high:g}) {said}", time, 0, ())


def _whole(pieces: Sequence[Piece], every: str) -> list[Piece]:
    """Return the windows that the ends of the declared one do not cut."""
    from playbill.config.span import later

    return [(start, end) for start, end in pieces if later(start, every) == end]
