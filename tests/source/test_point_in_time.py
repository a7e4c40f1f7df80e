"""A join as of a time takes what was known then: a planted row of the future changes nothing."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from tests.joining import join

DAY = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - times of a table have no zone
HOUR = dt.timedelta(hours=1)
ORDERS = pa.table({"id": ["a", "b", "c"], "shop": ["x", "x", "y"],
                   "at": [DAY + 5 * HOUR, DAY + 9 * HOUR, DAY + 5 * HOUR]})  # fmt: skip
STOCK = pa.table({"shop": ["x", "x", "y"], "left": [10, 20, 30],
                  "seen": [DAY + 4 * HOUR, DAY + 8 * HOUR, DAY + 6 * HOUR]})  # fmt: skip
AS_OF = """
    SELECT id, "left" FROM orders
    ASOF LEFT JOIN stock ON orders.shop = stock.shop AND orders.at >= stock.seen
    ORDER BY id
"""
NAIVE = """
    SELECT id, max("left") AS "left" FROM orders LEFT JOIN stock USING (shop) GROUP BY id
    ORDER BY id
"""
DELAYED = AS_OF.replace("stock.seen", "stock.seen + INTERVAL 2 HOUR")


def with_future(moment: dt.datetime) -> pa.Table:
    """Return the stock with one more row of shop x, whose value nobody could know before."""
    return pa.concat_tables(
        [STOCK, pa.table({"shop": ["x"], "left": [999], "seen": [moment]})]
    )  # fmt: skip


def left(query: str, stock: pa.Table) -> list[float | None]:
    frame = join(query, {"orders": ORDERS, "stock": stock})
    return [None if pd.isna(value) else float(value) for value in frame["left"]]


def test_each_row_gets_what_was_known_at_its_time() -> None:
    assert left(AS_OF, STOCK) == [10, 20, None]  # of y nothing was known yet


@pytest.mark.parametrize("later", [dt.timedelta(microseconds=1), HOUR, 10_000 * HOUR])
def test_a_planted_row_of_the_future_does_not_leak(later: dt.timedelta) -> None:
    stock = with_future(DAY + 9 * HOUR + later)
    assert left(AS_OF, stock) == left(AS_OF, STOCK)
    assert left(NAIVE, stock) != left(NAIVE, STOCK)  # the plant is one that a plain join takes


def test_what_is_known_only_after_a_delay_is_taken_after_it() -> None:
    assert left(DELAYED, STOCK) == [None, 10, None]


def test_the_order_of_the_rows_plays_no_part() -> None:
    assert left(AS_OF, STOCK.take([2, 1, 0])) == left(AS_OF, STOCK)
