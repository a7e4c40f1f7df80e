import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playbill.bundle import batch, table
from playbill.errors import BundleError, DataError, UsageError
from tests.conftest import Run
from tests.serving import made, write


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(made().files, tmp_path / "bundle")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    made().test.to_csv(tmp_path / "in.csv", index=False)
    made().test.to_parquet(tmp_path / "in.parquet")
    return tmp_path


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.csv.gz", "out.parquet"])
def test_a_file_is_predicted_as_the_pipeline_would_in_any_format(
    bundle: Path, rows: Path, source: str, target: str
) -> None:
    summary = batch.predict_file(bundle, rows / source, rows / target)
    read = pd.read_parquet if target.endswith("parquet") else pd.read_csv
    found = read(rows / target)
    assert list(found) == ["visit", "probability", "label"]
    assert found["visit"].tolist() == made().test["visit"].tolist()
    np.testing.assert_array_equal(found["probability"].to_numpy(), made().expected)
    assert summary.rows == 200
    assert summary.positive == int((made().expected >= 0.4).sum())


def test_chunks_give_the_same_file_as_the_whole(
    bundle: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    batch.predict_file(bundle, rows / "in.csv", rows / "whole.csv")
    monkeypatch.setattr(table, "CHUNK_ROWS", 37)
    batch.predict_file(bundle, rows / "in.csv", rows / "parts.csv", advance=seen.append)
    assert (rows / "whole.csv").read_bytes() == (rows / "parts.csv").read_bytes()
    assert len(seen) == 6
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_rows_without_a_key_are_numbered(bundle: Path, rows: Path) -> None:
    made().test.drop(columns=["visit", "back"]).to_csv(rows / "in.csv", index=False)
    batch.predict_file(bundle, rows / "in.csv", rows / "out.csv")
    assert pd.read_csv(rows / "out.csv")["row"].tolist() == list(range(1, 201))


def spoil(rows: Path, column: str, value: object) -> Path:
    frame = made().test
    values = [*frame[column].tolist()]
    values[6] = value
    frame.assign(**{column: pd.Series(values, dtype=object)}).to_csv(rows / "in.csv", index=False)
    return rows / "in.csv"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "old", "a value in the column `age` is not a number"),
        ("age", 130, "`130` in the column `age` is too large"),
        ("age", None, "a value in the column `age` is missing"),
        ("dose", -1.0, "`-1.0` in the column `dose` is too small"),
        ("dose", "inf", "a value in the column `dose` is not a finite number"),
        ("ward", "west", "`west` in the column `ward` is not allowed"),
        ("seen", "soon", "a value in the column `seen` is not a time"),
    ],
)
def test_a_value_outside_the_contract_is_named_with_its_row_and_nothing_is_written(
    bundle: Path, rows: Path, column: str, value: object, message: str
) -> None:
    source = spoil(rows, column, value)
    with pytest.raises(DataError, match=message) as caught:
        batch.predict_file(bundle, source, rows / "out.csv")
    assert caught.value.where == f"in.csv: column `{column}`, row 7"
    assert not list(rows.glob("*out.csv*"))


def test_rows_that_would_be_refused_are_found_with_their_reasons(bundle: Path) -> None:
    frame = made().test.copy()
    frame.loc[[3, 4], "age"] = 130
    frame.loc[[4, 9], "ward"] = "west"
    refused, reasons = batch.refused_rows(bundle, frame)
    assert refused.nonzero()[0].tolist() == [3, 4, 9]
    assert reasons == {"age is too large": 2, "ward is not allowed": 2}
    assert not batch.refused_rows(bundle, frame[~refused])[0].any()


def test_a_missing_column_is_named_with_the_nearest(bundle: Path, rows: Path) -> None:
    made().test.rename(columns={"dose": "doze"}).to_csv(rows / "in.csv", index=False)
    with pytest.raises(DataError, match="the column `dose` is missing") as caught:
        batch.predict_file(bundle, rows / "in.csv", rows / "out.csv")
    assert "`doze` is the nearest name" in caught.value.expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "does not exist"),
        ("gone.parquet", None, "does not exist"),
        ("empty.csv", b"", "is empty"),
        ("torn.parquet", b"PAR1", "cannot be read"),
        ("binary.csv", b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_an_unreadable_file_is_a_clear_error(
    bundle: Path, rows: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (rows / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        batch.predict_file(bundle, rows / name, rows / "out.csv")


def test_a_table_without_rows_is_an_error(bundle: Path, rows: Path) -> None:
    made().test.head(0).to_csv(rows / "in.csv", index=False)
    with pytest.raises(DataError, match="holds no rows"):
        batch.predict_file(bundle, rows / "in.csv", rows / "out.csv")


def test_another_ending_is_refused(bundle: Path, rows: Path) -> None:
    with pytest.raises(UsageError, match="neither CSV nor Parquet"):
        batch.predict_file(bundle, rows / "in.xlsx", rows / "out.csv")


def test_a_changed_bundle_predicts_nothing(bundle: Path, rows: Path) -> None:
    (bundle / "model" / "card.md").write_text("better")
    with pytest.raises(BundleError, match=r"card\.md"):
        batch.predict_file(bundle, rows / "in.csv", rows / "out.csv")


def test_the_command_overwrites_only_when_told_to(bundle: Path, rows: Path, run: Run) -> None:
    words = ["playbill", "predict", "in.csv", "out.csv", "--bundle", str(bundle)]
    assert "200 rows predicted" in run(*words, cwd=rows).stdout
    done = run(*words, cwd=rows, check=False)
    assert done.returncode == 2
    assert "out.csv exists" in done.stderr
    summary = json.loads(run(*words, "--force", "--json", cwd=rows).stdout)
    assert summary["rows"] == 200
    assert summary["out"] == "out.csv"
