"""What every kind of source does alike, each tried against the real thing."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from playbill.config.source import AnySource, Window
from playbill.errors import DataError
from playbill.source import store
from playbill.source.fetch import Snapshot, fetch
from tests.source import worlds
from tests.source.worlds import World

KEY, SECRET = "longenoughkey", "longenoughsecret"  # the server refuses short ones
ROWS: list[worlds.Row] = [
    {"id": "a", "day": "2020-01-05", "x": 1, "word": "été"},
    {"id": "b", "day": "2020-01-31", "x": None, "word": "two"},
    {"id": "c", "day": "2020-02-01", "x": 3, "word": "3"},
    {"id": "d", "day": "2020-02-29", "x": 4, "word": "four"},
    {"id": "e", "day": "2020-03-02", "x": 5, "word": "five"},
    {"id": "f", "day": "2020-03-03", "x": 6, "word": "six"},
    {"id": "g", "day": "2020-03-04", "x": 7, "word": "seven"},
]
slow = pytest.mark.slow
KINDS = ["csv", "jsonl", "parquet", "xlsx", "sqlite", "duckdb", "rest", "html", "python",
         pytest.param("postgres", marks=slow), pytest.param("s3", marks=slow)]  # fmt: skip


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL server of this test run."""
    with worlds.postgres(tmp_path_factory.mktemp("postgres")) as port:
        yield port


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An S3-compatible server of this test run, and the folder whose folders are its buckets."""
    folder = tmp_path_factory.mktemp("s3") / "served"
    folder.mkdir()
    with worlds.s3(folder, KEY, SECRET) as url:
        yield url, folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that names two secrets."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / "conf" / "env").mkdir(parents=True)
    (root / "conf" / "env" / "local.yaml").write_text("secrets: [S3_KEY, S3_SECRET]\n")
    return root


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """One world of each kind, holding ROWS."""
    kind = request.param
    monkeypatch.setenv("S3_KEY", KEY)
    monkeypatch.setenv("S3_SECRET", SECRET)
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "playbill_world", raising=False)
    with ExitStack() as stack:
        make: dict[str, Callable[[], World]] = {
            "sqlite": lambda: worlds.Sqlite(project),
            "duckdb": lambda: worlds.DuckDb(project),
            "rest": lambda: worlds.Rest(server(stack)),
            "html": lambda: worlds.Html(server(stack)),
            "python": lambda: worlds.Function(project),
            "postgres": lambda: worlds.Postgres(request.getfixturevalue("postgres")),
            "s3": lambda: bucket(request.getfixturevalue("s3")),
        }
        found = make[kind]() if kind in make else worlds.Files(project, kind)
        found.write(ROWS)
        yield found


def server(stack: ExitStack) -> worlds.Server:
    """Return a server that ends with the test."""
    found = worlds.Server()
    stack.callback(found.stop)
    return found


def bucket(served: tuple[str, Path]) -> World:
    """Return the bucket of a server."""
    url, folder = served
    return worlds.Bucket(url, folder / "bucket-one")


def read(
    world: World, root: Path, start: str = "2020-01-01", end: str = "2020-04-01", **more: Any
) -> Snapshot:
    source: AnySource = TypeAdapter(AnySource).validate_python({**world.config, **more})
    window = Window(start=date.fromisoformat(start), end=date.fromisoformat(end))
    return fetch(
        "rows", source, window, root=root, allow=["playbill_world."], every="1m", code={}
    )  # fmt: skip


def ids(snapshot: Snapshot) -> list[str]:
    found: list[str] = snapshot.table().column("id").to_pylist()
    return found


def contents(snapshot: Snapshot) -> dict[str, bytes | str]:
    return {
        name: value.read_bytes() if isinstance(value, Path) else json.dumps(value, sort_keys=True)
        for name, value in snapshot.files().items()
    }


def fresh(project: Path) -> Path:
    """Return a second project that has what the first reads and has stored nothing."""
    for each in [*(project / ".dvc" / "tmp").glob("playbill")]:
        each.rename(project / f"before-{len(list(project.iterdir()))}")
    return project


def test_the_window_picks_the_rows_and_its_end_is_excluded(world: World, project: Path) -> None:
    snapshot = read(world, project, "2020-01-31", "2020-03-04")
    assert ids(snapshot) == ["b", "c", "d", "e", "f"]
    table = snapshot.table()
    assert table.column("x").to_pylist() == [None, 3, 4, 5, 6]


def test_text_of_any_language_comes_as_it_is(world: World, project: Path) -> None:
    words = read(world, project, "2020-01-01", "2020-02-01").table().column("word").to_pylist()
    assert words == ["été", "two"]


def test_a_snapshot_says_where_each_window_is_from(world: World, project: Path) -> None:
    snapshot = read(world, project)
    said = snapshot.provenance
    assert (said["rows"], sorted(said["columns"])) == (7, ["day", "id", "word", "x"])
    assert [w["rows"] for w in said["snapshots"]] == [2, 2, 3]
    march = said["snapshots"][2]
    assert (march["start"], march["end"]) == ("2020-03-01", "2020-04-01")
    assert (march["first_key"], march["last_key"]) == ("e", "g")
    assert march["first"].startswith("2020-03-02")
    assert march["last"].startswith("2020-03-04")
    assert len(march["sha256"]) == 64
    assert {"query_sha256", "files", "target"} & set(march)
    assert KEY not in json.dumps(said)


def test_moving_the_window_forward_and_back_gives_the_bytes_of_a_fresh_fetch(
    world: World, project: Path
) -> None:
    read(world, project, "2020-01-01", "2020-02-01")
    forward = contents(read(world, project, "2020-02-01", "2020-04-01"))
    back = contents(read(world, project, "2020-01-01", "2020-03-01"))
    assert set(back) == {
        "rows.json", "rows/2020-01-01_2020-02-01.parquet", "rows/2020-02-01_2020-03-01.parquet",
    }  # fmt: skip
    fresh(project)
    assert contents(read(world, project, "2020-02-01", "2020-04-01")) == forward
    fresh(project)
    assert contents(read(world, project, "2020-01-01", "2020-03-01")) == back


def test_only_windows_that_are_missing_are_fetched_until_it_is_refreshed(
    world: World, project: Path
) -> None:
    read(world, project, "2020-01-01", "2020-02-01")
    world.write([{**row, "id": row["id"].upper()} for row in ROWS])
    now = ids(read(world, project))
    assert now == (["a", "b", "C", "D", "E", "F", "G"] if world.is_stored else list("ABCDEFG"))
    assert store.forget(project, "rows") >= 3
    assert ids(read(world, project)) == list("ABCDEFG")


def test_a_look_back_fetches_the_last_windows_again(world: World, project: Path) -> None:
    read(world, project)
    world.write([{**row, "id": row["id"].upper()} for row in ROWS])
    now = ids(read(world, project, look_back=1))
    assert now == (["a", "b", "c", "d", "E", "F", "G"] if world.is_stored else list("ABCDEFG"))


def test_a_changed_declaration_fetches_anew(world: World, project: Path) -> None:
    read(world, project)
    world.write([{**row, "id": row["id"].upper()} for row in ROWS])
    assert ids(read(world, project, key="word")) == list("ABCDEFG")


def test_an_empty_window_among_others_is_none(world: World, project: Path) -> None:
    world.write([row for row in ROWS if row["day"][:7] != "2020-02"])
    snapshot = read(world, project)
    assert ids(snapshot) == ["a", "b", "e", "f", "g"]
    assert [w["rows"] for w in snapshot.provenance["snapshots"]] == [2, 0, 3]


def test_no_row_at_all_is_an_error_that_names_the_source(world: World, project: Path) -> None:
    with pytest.raises(DataError, match="`rows` has no rows from 2021-01-01 to 2021-02-01") as e:
        read(world, project, "2021-01-01", "2021-02-01")
    assert e.value.where == "source.sources.rows"


def test_a_world_that_is_gone_is_an_error_and_leaves_nothing_half_written(
    world: World, project: Path
) -> None:
    world.destroy()
    with pytest.raises(DataError, match="source `rows`"):
        read(world, project)
    left = [p for p in (project / ".dvc").rglob("*") if p.is_file()]
    assert left == []


def test_a_fetch_that_failed_goes_on_where_it_stopped(world: World, project: Path) -> None:
    read(world, project, "2020-01-01", "2020-03-01")
    world.destroy()
    with pytest.raises(DataError):
        read(world, project)
    if world.is_stored:
        assert ids(read(world, project, "2020-01-01", "2020-03-01")) == ["a", "b", "c", "d"]
    world.write(ROWS)
    assert ids(read(world, project)) == list("abcdefg")


def test_a_key_that_is_no_column_is_named_with_its_nearest(world: World, project: Path) -> None:
    with pytest.raises(DataError, match="no column `wrod`") as caught:
        read(world, project, key="wrod")
    assert "`word`" in caught.value.expected
