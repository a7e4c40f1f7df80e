"""Rows counted batch after batch: the verdict is that of all of them at once."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbill.config.schema import Drift
from playbill.drift import columnar
from playbill.drift import rows as reading
from playbill.drift.decision import check, judge
from playbill.drift.profile import build_profile
from playbill.drift.rows import read_batches, read_watched
from playbill.drift.tally import Tally
from playbill.errors import DataError
from tests.drift.conftest import COLUMNS, draw

POLICIES = {unit: Drift(draws=200, unit=unit, period="1h") for unit in ("row", "period")}
SCORES = np.random.default_rng(0).random(1200)
PROFILES = {
    unit: build_profile(draw(3000, 1), COLUMNS, policy, scores=SCORES, time="departs")
    for unit, policy in POLICIES.items()
}


@pytest.mark.parametrize("unit", ["row", "period"])
@settings(max_examples=6, deadline=None)
@given(cuts=st.sets(st.integers(1, 1199), max_size=5))
def test_batches_give_the_verdict_of_all_rows(unit: str, cuts: set[int]) -> None:
    frame = draw(1200, 2)
    frame.loc[700:, "carrier"] = "ZZ"
    tally = Tally(PROFILES[unit], POLICIES[unit])
    for start, end in pairwise([0, *sorted(cuts), 1200]):
        tally.add(frame[start:end], SCORES[start:end])
    whole = check(PROFILES[unit], frame, POLICIES[unit], scores=SCORES)
    assert judge(tally, POLICIES[unit]) == whole
    assert whole.verdict == "drift"


def test_an_error_says_after_which_row_it_is() -> None:
    tally = Tally(PROFILES["row"], POLICIES["row"])
    frame = draw(100, 2).astype({"hour": object})
    tally.add(frame)
    frame.loc[41, "hour"] = "noon"
    with pytest.raises(DataError, match="noon") as info:
        tally.add(frame)
    assert "row 42 of 100, after row 100" in info.value.where


FILES = ["new.csv", "new.csv.gz", "new.parquet"]


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=1000)
    else:
        frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_in_batches_of_bounded_size(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_batch_rows", lambda _columns: 1000)
    frame = draw(2500, 9)
    batches = list(read_batches(write(frame, tmp_path / name), PROFILES["row"]))
    assert [len(batch.rows) for batch in batches] == [1000, 1000, 500]
    assert "late" in batches[0].rows
    assert batches[-1].done == 1.0
    tally = Tally(PROFILES["row"], POLICIES["row"])
    for batch in batches:
        tally.add(batch.rows)
    assert judge(tally, POLICIES["row"]) == check(PROFILES["row"], frame, POLICIES["row"])


@pytest.mark.parametrize("unit", ["row", "period"])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("small", [True, False], ids=["row by row", "column by column"])
def test_what_is_watched_is_read_in_parts_to_the_same_verdict(
    name: str, unit: str, *, small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "FEWEST_ROWS", 2000 if small else 100)
    monkeypatch.setattr(columnar, "CSV_BLOCK", 20_000)
    frame = draw(2500, 9)
    tally = Tally(PROFILES[unit], POLICIES[unit])
    done = 0.0
    for part in read_watched(write(frame, tmp_path / name), PROFILES[unit]):
        assert "late" not in part.rows.columns
        tally.add(part.rows)
        done = part.done
    assert done == 1.0
    assert judge(tally, POLICIES[unit]) == check(PROFILES[unit], frame, POLICIES[unit])


def test_a_csv_that_arrow_gives_up_in_is_read_on_by_pandas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "CSV_BLOCK", 20_000)
    frame = draw(2500, 9).astype({"temp": object})
    frame.loc[2400, "temp"] = "TRUE"  # no number for Arrow
    path = write(frame, tmp_path / "new.csv")
    parts = list(read_watched(path, PROFILES["row"]))
    assert {type(part).__name__ for part in parts} == {"Part", "Batch"}
    assert sum(len(part.rows) for part in parts) == len(frame)
    tally = Tally(PROFILES["row"], POLICIES["row"])
    for part in parts[:-1]:
        tally.add(part.rows)
    with pytest.raises(DataError, match="'TRUE' is not a number"):
        tally.add(parts[-1].rows)
