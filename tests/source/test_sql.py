"""Queries: bound parameters, no password in conf/, rows a batch at a time."""

import resource
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from playbill.config.source import SqlSource, Window
from playbill.errors import DataError
from playbill.source.fetch import Snapshot, fetch
from tests.source import worlds

WINDOW = TypeAdapter(Window).validate_python({"start": "2020-01-01", "end": "2020-02-01"})


def source(**more: Any) -> SqlSource:
    return TypeAdapter(SqlSource).validate_python({"kind": "sql", **more})


def read(root: Path, query: str, **more: Any) -> Snapshot:
    url = more.pop("url", f"sqlite:///{root / 'world.sqlite'}")
    return fetch("rows", source(url=url, query=query, **more), WINDOW, root=root)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "world.sqlite")
    with connection:
        connection.execute("CREATE TABLE r (id TEXT, day TEXT, x REAL)")
        rows = [
            (f"{n:03}", f"2020-0{1 + n // 50}-05", None if n < 10 else n / 2) for n in range(100)
        ]
        connection.executemany("INSERT INTO r VALUES (?, ?, ?)", rows)
    connection.close()
    return tmp_path


def test_a_query_without_bounds_is_read_whole(database: Path) -> None:
    snapshot = read(database, "SELECT id FROM r ORDER BY id")
    assert list(snapshot.parquet) == ["rows.parquet"]
    assert snapshot.provenance["rows"] == 100


def test_the_bounds_reach_the_database_as_parameters(database: Path) -> None:
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    query = "SELECT :start AS s, id FROM r WHERE day >= :start AND day < :end ORDER BY id"
    table = read(database, query).table()
    sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert set(table.column("s").to_pylist()) == {"2020-01-01"}
    assert table.num_rows == 50
    assert said == [
        (
            "SELECT ? AS s, id FROM r WHERE day >= ? AND day < ? ORDER BY id",
            ("2020-01-01", "2020-01-01", "2020-02-01"),
        )
    ]


def test_values_that_are_missing_in_the_first_batches_have_a_kind_in_the_end(
    database: Path,
) -> None:
    table = read(database, "SELECT id, x FROM r ORDER BY id", batch_rows=3).table()
    assert str(table.schema.field("x").type) == "double"
    assert table.column("x").null_count == 10


def test_the_bytes_do_not_depend_on_the_batch(database: Path) -> None:
    query = "SELECT id, x FROM r ORDER BY id"
    one, two = (read(database, query, batch_rows=n).parquet["rows.parquet"] for n in (7, 1000))
    assert one.read_bytes() == two.read_bytes()


def test_a_query_that_fails_says_what_the_database_says(database: Path) -> None:
    with pytest.raises(DataError, match="no such column: idd"):
        read(database, "SELECT idd FROM r ORDER BY 1")


def test_two_columns_of_one_name_are_refused(database: Path) -> None:
    with pytest.raises(DataError, match="two columns of the query have one name"):
        read(database, "SELECT id, id FROM r ORDER BY 1")


def test_an_unknown_dialect_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="source `rows`"):
        read(tmp_path, "SELECT 1 ORDER BY 1", url="oracel://host/x")


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"url": "postgresql://ann:secret@host/x", "query": "SELECT 1 ORDER BY 1"}, "password"),
        ({"url": "sqlite://", "query": "SELECT 1"}, "ORDER BY"),
        ({"url": "sqlite://", "query": "SELECT 1 WHERE d > :start ORDER BY 1"}, "`start` alone"),
        (
            {"url": "sqlite://", "query": "SELECT 1 ORDER BY 1", "secrets": {"key": "KEY"}},
            "no secret `key`",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_compose(more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        source(**more)


@pytest.mark.slow
def test_two_million_rows_of_postgresql_come_in_bounded_memory(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    folder.mkdir()
    with worlds.postgres(folder) as port:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        query = (
            "SELECT n AS id, md5(n::text) AS word, n * 0.5::float8 AS x "
            "FROM generate_series(1, 2000000) AS n ORDER BY n"
        )
        world = worlds.Postgres(port)
        snapshot = read(tmp_path, query, url=world.url)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert snapshot.provenance["rows"] == 2_000_000
    assert (after - before) / 1024 < 300  # MiB; the rows themselves as Python objects take 500
