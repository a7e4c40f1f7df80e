"""The query sees the sources and nothing else, and its rows are in a fixed order."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from playbill.errors import ConfigError, DataError
from playbill.source.join import join as write
from playbill.source.join import rewrite
from tests.joining import join

DAY = pa.date32()
ROWS = pa.table({"id": ["b", "a"], "temp": [1, 2], "moment": pa.array([0, 1], pa.timestamp("us"))})


def test_the_query_joins_the_named_sources() -> None:
    more = pa.table({"id": ["a"], "y": [True]})
    query = "SELECT rows.id, temp, y FROM rows LEFT JOIN more USING (id) ORDER BY id"
    frame = join(query, {"rows": ROWS, "more": more})
    assert list(frame["id"]) == ["a", "b"]
    assert list(frame["temp"]) == [2, 1]


def test_columns_come_in_the_kinds_that_contracts_know() -> None:
    query = """
        SELECT id, temp::TINYINT AS small, NULLIF(temp, 1) AS gap, temp > 1 AS flag,
               NULLIF(temp, 1) > 1 AS unsure, temp::DECIMAL(5, 2) AS exact, moment,
               moment::TIMESTAMPTZ AS zoned, moment::DATE AS day, NULL::VARCHAR AS nothing
        FROM rows ORDER BY id
    """
    kinds = {name: str(dtype) for name, dtype in join(query, {"rows": ROWS}).dtypes.items()}
    assert kinds == {
        "id": "str", "small": "int64", "gap": "float64", "flag": "bool", "unsure": "float64",
        "exact": "float64", "moment": "datetime64[ns]", "zoned": "datetime64[ns]",
        "day": "datetime64[ns]", "nothing": "str",
    }  # fmt: skip


def test_the_order_of_a_source_does_not_change_the_table() -> None:
    query = "SELECT * FROM rows ORDER BY id"
    turned = ROWS.take([1, 0])
    pd.testing.assert_frame_equal(join(query, {"rows": ROWS}), join(query, {"rows": turned}))


@pytest.mark.parametrize("query", ["SELECT * FROM rows", "SELECT 1; SELECT 2 ORDER BY 1"])
def test_a_query_that_leaves_the_order_open_is_refused(query: str) -> None:
    with pytest.raises(ConfigError, match="leaves the order") as caught:
        join(query, {"rows": ROWS})
    assert "ORDER BY" in caught.value.expected


@pytest.mark.parametrize("query", ["SELEC * FROM rows", "DROP TABLE rows"])
def test_what_is_no_select_is_refused(query: str) -> None:
    with pytest.raises(ConfigError, match="the query cannot be read"):
        join(query, {"rows": ROWS})


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match='"tmp" not found') as caught:
        join("SELECT tmp FROM rows ORDER BY id", {"rows": ROWS})
    assert caught.value.expected == "`temp` is the nearest name"
    assert caught.value.where == "source.query"


def test_an_unknown_column_of_a_named_source_is_named_too() -> None:
    with pytest.raises(DataError, match="tmp") as caught:
        join("SELECT rows.tmp FROM rows ORDER BY id", {"rows": ROWS})
    assert caught.value.expected == "`temp` is the nearest name"


def test_an_unknown_source_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match="row does not exist") as caught:
        join("SELECT * FROM row ORDER BY 1", {"rows": ROWS})
    assert caught.value.expected == "`rows` is the nearest name"


def test_a_value_that_cannot_be_cast_is_shown() -> None:
    with pytest.raises(DataError, match="'b'"):
        join("SELECT id::INTEGER AS n FROM rows ORDER BY n", {"rows": ROWS})


def test_a_query_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="gives no rows") as caught:
        join("SELECT * FROM rows WHERE temp > 9 ORDER BY id", {"rows": ROWS})
    assert "rows (2)" in caught.value.expected


def test_a_query_cannot_read_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("x\n1\n")
    with pytest.raises(DataError, match="disabled by configuration"):
        join(f"SELECT * FROM read_csv('{path.as_posix()}') ORDER BY 1", {"rows": ROWS})


def test_a_column_of_lists_is_refused() -> None:
    with pytest.raises(DataError, match="column `many`"):
        join("SELECT [temp] AS many FROM rows ORDER BY id", {"rows": ROWS})


def test_a_long_query_draws_no_bar_into_what_a_command_prints() -> None:
    query = "SELECT current_setting('enable_progress_bar') AS bar ORDER BY 1"
    assert join(query, {"rows": ROWS})["bar"].tolist() == [False]


def test_a_change_passes_over_the_table_and_leaves_kinds_that_contracts_know(
    tmp_path: Path,
) -> None:
    target = tmp_path / "table.parquet"
    write("SELECT id, temp FROM rows ORDER BY id", {"rows": ROWS}, target)

    def change(rows: pa.Table) -> pa.Table:
        small = pa.array([None, 3], pa.int8())
        return rows.append_column("small", small).append_column("day", pa.array([1, 2], DAY))

    rewrite(target, change)
    frame = pd.read_parquet(target)
    assert list(frame["id"]) == ["a", "b"]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "id": "str", "temp": "int64", "small": "float64", "day": "datetime64[ns]",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
