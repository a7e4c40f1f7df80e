from pathlib import Path

import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.profile import build_profile
from playbill.drift.rows import read_rows
from playbill.errors import DataError
from tests.drift.conftest import COLUMNS, Rows, draw

PROFILE = build_profile(draw(2000, 1), COLUMNS, Drift())


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
def test_a_file_gives_the_same_report_as_the_rows_in_it(
    name: str, rows: Rows, policy: Drift, tmp_path: Path
) -> None:
    frame = rows(600, 9)
    path = tmp_path / name
    if name.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    assert check(PROFILE, read_rows(path, PROFILE), policy) == check(PROFILE, frame, policy)


def test_text_keeps_its_zeros_and_a_category_may_be_called_na(tmp_path: Path) -> None:
    frame = pd.DataFrame({"code": ["007", "NA", None]})
    path = tmp_path / "new.csv"
    frame.to_csv(path, index=False)
    profile = build_profile(frame, [Column("code", "text")], Drift())
    found = read_rows(path, profile)["code"]
    assert found.isna().tolist() == [False, False, True]
    assert found.iloc[:2].tolist() == ["007", "NA"]


def test_a_word_among_numbers_is_named_with_its_row(
    rows: Rows, policy: Drift, tmp_path: Path
) -> None:
    frame = rows(300, 9).astype({"hour": object})
    frame.loc[41, "hour"] = "noon"
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DataError, match="'hour': 'noon' is not a number") as info:
        check(PROFILE, read_rows(tmp_path / "new.csv", PROFILE), policy)
    assert "row 42 of 300" in info.value.where


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("gone.csv", None, "there is no file"),
        ("new.xlsx", b"x", "no known kind"),
        ("new.parquet", b"not parquet", "cannot be read"),
        ("new.csv", b"", "cannot be read"),
        ("new.csv", b'a,b\n"1,2\n', "cannot be read"),
        ("new.csv", b"a\n\xff\xfe\x00\n", "cannot be read"),
        ("new.csv.gz", b"not gzip", "cannot be read"),
    ],
    ids=["missing", "kind", "parquet", "empty", "quote", "encoding", "gzip"],
)
def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(
    name: str, content: bytes | None, text: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=text):
        read_rows(tmp_path / name, PROFILE)
