"""Files and functions come in as snapshots that say where they are from."""

import gzip
import hashlib
from datetime import date
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from playbill.config.source import FileSource, PythonSource, Window
from playbill.errors import DataError, TargetError
from playbill.source.fetch import Snapshot, fetch

WINDOW = Window(start=date(2020, 1, 1), end=date(2020, 2, 1))
CSV = "day,x\n2020-01-05,1\n2020-01-31,2\n2020-02-01,3\n"


def file(root: Path, path: str, **rest: object) -> Snapshot:
    source = FileSource.model_validate({"kind": "file", "path": path, **rest})
    return fetch("rows", source, WINDOW, root=root, allow=[])


def python(target: str, *, windowed: bool = True) -> Snapshot:
    source = PythonSource(kind="python", target=target, windowed=windowed)
    return fetch("rows", source, WINDOW, root=Path("nowhere"), allow=["playbill_test_source."])


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import pandas as pd
def days(start, end):
    return pd.DataFrame({"day": [start, end]})
def fixed():
    return pd.DataFrame({"x": [1, 2]})
def none(start, end):
    return pd.DataFrame({"x": []})
def number(start, end):
    return 5
def broken(start, end):
    raise RuntimeError("no route")
"""
    (tmp_path / "playbill_test_source.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_file_without_time_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    snapshot = file(tmp_path, "rows.csv")
    assert list(snapshot.parquet) == ["rows.parquet"]
    assert snapshot.provenance["rows"] == 3
    assert snapshot.provenance["window"] is None
    digest = hashlib.sha256(CSV.encode()).hexdigest()
    (only,) = snapshot.provenance["snapshots"]
    assert only["files"] == [{"path": "rows.csv", "sha256": digest}]


def test_a_file_with_time_gives_the_rows_of_the_window_its_end_excluded(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    snapshot = file(tmp_path, "rows.csv", time="day")
    assert list(snapshot.parquet) == ["rows/2020-01-01_2020-02-01.parquet"]
    assert snapshot.table().column("x").to_pylist() == [1, 2]
    (only,) = snapshot.provenance["snapshots"]
    assert (only["first"], only["last"]) == ("2020-01-05T00:00:00", "2020-01-31T00:00:00")


def test_a_snapshot_is_readable_and_its_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    snapshot = file(tmp_path, "rows.csv")
    content = snapshot.parquet["rows.parquet"].read_bytes()
    assert list(pd.read_parquet(BytesIO(content))["x"]) == [1, 2, 3]
    (only,) = snapshot.provenance["snapshots"]
    assert only["sha256"] == hashlib.sha256(content).hexdigest()
    assert set(snapshot.files()) == {"rows.parquet", "rows.json"}


def test_equal_content_gives_equal_snapshots_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text(CSV)
    one, two = (file(tmp_path / name, "rows.csv") for name in ("one", "two"))
    assert one.provenance == two.provenance
    pairs = zip(one.parquet.values(), two.parquet.values(), strict=True)
    assert all(a.read_bytes() == b.read_bytes() for a, b in pairs)
    assert str(tmp_path) not in str(one.provenance)


def test_a_glob_reads_packed_and_plain_files_in_order_of_name(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("x\n3\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
    assert file(tmp_path, "*.csv*").table().column("x").to_pylist() == [1, 3]


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / "rows.parquet")
    assert file(tmp_path, "rows.parquet").provenance["rows"] == 2


def test_options_reach_the_reader(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x;y\n1;?\n")
    snapshot = file(tmp_path, "rows.csv", options={"sep": ";", "na_values": ["?"]})
    assert snapshot.table().column("y").null_count == 1


def test_a_missing_file_is_named_with_its_nearest(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    with pytest.raises(DataError, match=r"no file matches row\.csv") as caught:
        file(tmp_path, "row.csv")
    assert caught.value.where == "source.sources.rows.path"
    assert "`rows.csv`" in caught.value.expected


def test_a_glob_without_a_match_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file matches data/\*\.csv"):
        file(tmp_path, "data/*.csv")


@pytest.mark.parametrize("path", ["/etc/passwd", "../rows.csv"])
def test_a_path_outside_of_the_project_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match="outside of the project"):
        file(tmp_path, path)


@pytest.mark.parametrize(
    ("content", "text"),
    [("", "cannot be read"), ("x,y\n", "has no rows"), ('x\n"1\n', "cannot be read")],
)
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(DataError, match=rf"rows\.csv {text}"):
        file(tmp_path, "rows.csv")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xls").write_text("x")
    with pytest.raises(DataError, match="no known format"):
        file(tmp_path, "rows.xls")


def test_a_file_that_lacks_a_column_of_the_first_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"b\.csv lacks the column `y`"):
        file(tmp_path, "*.csv")


def test_a_missing_time_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    with pytest.raises(DataError, match="no column `days`") as caught:
        file(tmp_path, "rows.csv", time="days")
    assert "`day`" in caught.value.expected


def test_a_time_that_is_none_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("day,x\n2020-01-05,1\nsoon,2\n")
    with pytest.raises(DataError, match="`soon` is no time") as caught:
        file(tmp_path, "rows.csv", time="day")
    assert "row 2" in caught.value.where


def test_times_of_several_iso_forms_are_understood_as_utc(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "day\n2020-01-05\n2020-01-31T23:59:00\n2020-02-01T00:30:00+01:00\n"
    )
    snapshot = file(tmp_path, "rows.csv", time="day")
    assert snapshot.provenance["rows"] == 3
    assert snapshot.provenance["snapshots"][0]["last"] == "2020-01-31T23:59:00"


def test_a_window_without_rows_says_where_the_rows_are(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("day,x\n2021-01-05,1\n")
    with pytest.raises(DataError, match="no rows from 2020-01-01 to 2020-02-01") as caught:
        file(tmp_path, "rows.csv", time="day")
    assert "2021-01-05" in caught.value.expected


@pytest.mark.usefixtures("functions")
def test_a_windowed_function_gets_start_and_end() -> None:
    snapshot = python("playbill_test_source:days")
    assert snapshot.table().column("day").to_pylist() == [WINDOW.start, WINDOW.end]
    assert list(snapshot.parquet) == ["rows/2020-01-01_2020-02-01.parquet"]


@pytest.mark.usefixtures("functions")
def test_a_function_without_window_gets_nothing() -> None:
    snapshot = python("playbill_test_source:fixed", windowed=False)
    assert list(snapshot.parquet) == ["rows.parquet"]


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none", "has no rows from 2020-01-01 to 2020-02-01"),
        ("number", "returned int"),
        ("broken", "raised RuntimeError: no route"),
        ("fixed", "raised TypeError"),
    ],
)
def test_a_function_that_does_not_give_rows_is_named(name: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        python(f"playbill_test_source:{name}")


def test_a_function_that_nobody_allowed_is_not_called() -> None:
    with pytest.raises(TargetError, match="not on the allow list"):
        python("os:getcwd", windowed=False)
