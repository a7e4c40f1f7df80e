"""Rows counted batch after batch: the verdict is that of all of them at once."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbill.config.schema import Drift
from playbill.drift import rows as reading
from playbill.drift.decision import check, judge
from playbill.drift.profile import build_profile
from playbill.drift.rows import read_batches
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


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
@pytest.mark.parametrize("columns", ["all", "watched"])
def test_a_file_is_read_in_batches_of_bounded_size(
    name: str, columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_batch_rows", lambda _columns: 1000)
    frame = draw(2500, 9)
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_csv(tmp_path / name, index=False)
    batches = list(read_batches(tmp_path / name, PROFILES["row"], whole=columns == "all"))
    assert [len(batch.rows) for batch in batches] == [1000, 1000, 500]
    assert ("late" in batches[0].rows) is (columns == "all")
    assert batches[-1].done == 1.0
    tally = Tally(PROFILES["row"], POLICIES["row"])
    for batch in batches:
        tally.add(batch.rows)
    assert judge(tally, POLICIES["row"]) == check(PROFILES["row"], frame, POLICIES["row"])
