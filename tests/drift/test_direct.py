"""What a regressor or a model of many classes loses, estimated before its truth is known."""

import json

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.direct import (
    estimate_direct,
    losses_of_classes,
    losses_of_values,
    profile_direct,
)
from playbill.drift.performance import Estimate
from playbill.drift.profile import build_profile, with_model
from playbill.drift.report import as_html, as_markdown
from playbill.drift.tally import Tally

COLUMNS = [Column("x", "number"), Column("kind", "text")]
POLICY = Drift(draws=200)


def draw(rows: int, seed: int, *, shift: float = 0.0) -> pd.DataFrame:
    """Draw rows whose noise grows with x and is twice as large for the kind c."""
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(shift, 1, rows), rng.choice(list("abc"), rows)
    noise = (0.5 + 0.4 * np.abs(x)) * np.where(kind == "c", 2, 1)
    return pd.DataFrame({"x": x, "kind": kind, "y": x + noise * rng.normal(size=rows)})


def known(seed: int, rows: int = 1500) -> dict[str, object]:
    """Return the profile of a model that answers x, with its direct estimate."""
    held = draw(rows, seed + 1000)
    answers = held["x"].to_numpy()
    profile = build_profile(draw(3000, seed), COLUMNS, POLICY, scores=answers)
    losses = losses_of_values(answers, held["y"].to_numpy())
    return with_model(profile, direct=profile_direct(profile, held, answers, losses))


def estimated(profile: dict[str, object], new: pd.DataFrame) -> dict[str, Estimate]:
    tally = Tally(profile, POLICY)
    tally.add(new, new["x"].to_numpy())
    found = estimate_direct(dict(profile["direct"]), tally.counts)  # type: ignore[call-overload]
    return {one.measure: one for one in found}


def test_the_interval_holds_the_truth_and_no_loss_is_sure_where_nothing_changed() -> None:
    """Sixteen times two measures; a binomial of 32 and 0.05 exceeds 5 in 0.4 %."""
    missed, sure = 0, 0
    for seed in range(16):
        new = draw(2000, seed + 2000)
        gap = (new["x"] - new["y"]).to_numpy()
        found = estimated(known(seed), new)
        for name, true in (("mae", np.abs(gap).mean()), ("rmse", (gap**2).mean() ** 0.5)):
            missed += not found[name].low <= true <= found[name].high
            sure += found[name].loss_low > 0
    assert missed <= 5
    assert sure <= 4


def test_rows_that_moved_to_where_the_model_errs_are_a_sure_loss() -> None:
    new = draw(3000, 9)
    new = new[(new["kind"] == "c") | (new["x"] > 1)]
    found = estimated(known(1), new)["mae"]
    true = float((new["x"] - new["y"]).abs().mean())
    assert found.loss_low > 0
    assert abs(found.value - true) < 0.35 * (true - found.reference)


def test_a_report_of_a_regressor_says_whether_it_matters() -> None:
    profile = json.loads(json.dumps(known(1)))
    new = draw(3000, 9)
    new = new[new["kind"] == "c"]
    report = check(profile, new, POLICY, scores=new["x"].to_numpy())
    assert (report.measure, report.matters) == ("mae", True)
    assert [one.measure for one in report.estimates] == ["mae", "rmse"]
    assert "It matters: estimated mean absolute error rises" in as_markdown(report)
    assert "Estimated by a second model" in as_html(report)
    chosen = check(
        profile, new, POLICY.model_copy(update={"measure": "rmse"}), scores=new["x"].to_numpy()
    )
    assert chosen.measure == "rmse"


def test_a_model_of_many_classes_has_its_accuracy_and_log_loss_estimated() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(4000) < 0.5
    truth = rng.integers(0, 3, 4000)
    said = np.where(rng.random(4000) < np.where(sure, 0.95, 0.5), truth, (truth + 1) % 3)
    chances = np.where(np.arange(3) == said[:, None], 0.8, 0.1)
    frame = pd.DataFrame({"x": sure.astype(float)})
    profile = build_profile(frame, [Column("x", "number")], POLICY, scores=chances.max(axis=1))
    direct = profile_direct(profile, frame, chances.max(axis=1), losses_of_classes(chances, truth))
    hard = frame[~sure]
    report = check(
        with_model(profile, direct=direct), hard, POLICY, scores=chances.max(axis=1)[~sure]
    )
    found = {one.measure: one for one in report.estimates}
    true = float((said == truth)[~sure].mean())
    assert found["accuracy"].value == pytest.approx(true, abs=0.03)
    assert found["accuracy"].low <= true <= found["accuracy"].high
    assert found["accuracy"].loss_low > 0.1
    assert found["log_loss"].loss_low > 0
    assert report.measure == "accuracy"


def test_a_hold_out_of_few_rows_has_no_second_model() -> None:
    assert "direct" not in known(1, rows=39)
