"""What a model really got on rows whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.performance import profile_performance
from playbill.drift.profile import build_profile, with_model
from playbill.drift.realised import Labelled, concept_drift, realised
from playbill.drift.report import as_html, as_markdown
from playbill.drift.result import DriftReport
from playbill.drift.truth import truth_of
from playbill.errors import DataError

POLICY = Drift(draws=300)
CONTRACT = {
    "key": "id",
    "target": {"name": "late"},
    "task": "binary",
    "classes": ["no", "yes"],
    "positive": "yes",
}


def draw(rows: int, seed: int, *, flat: float = 0.0) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Draw rows and their truth; `flat` is the part of the truth that the score does not know."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    chance = (1 - flat) / (1 + np.exp(-x)) + flat * 0.5
    return pd.DataFrame({"x": x}), (rng.random(rows) < chance).astype(np.float64)


def scores(frame: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-frame["x"])), dtype=np.float64)


def found(frame: pd.DataFrame, truth: NDArray[np.float64], policy: Drift = POLICY) -> DriftReport:
    held_out, known = draw(6000, 1)
    section = profile_performance(scores(held_out), known == 1, 0.5)
    profile = build_profile(held_out, [Column("x", "number")], policy, scores=scores(held_out))
    profile = with_model(profile, performance=section)
    return check(profile, frame, policy, scores=scores(frame), truth=truth)


def test_the_measures_are_scikit_learns_on_both_sides() -> None:
    held_out, known = draw(3000, 1)
    frame, truth = draw(2000, 2)
    section = profile_performance(scores(held_out), known == 1, 0.5)
    each = realised(section, Labelled(scores(frame), truth == 1, None), seed=0)
    by_name = {one.measure: one for one in each}
    wanted = {
        "roc_auc": (roc_auc_score(known, scores(held_out)), roc_auc_score(truth, scores(frame))),
        "brier": (
            brier_score_loss(known, scores(held_out)),
            brier_score_loss(truth, scores(frame)),
        ),
        "accuracy": (
            accuracy_score(known, scores(held_out) >= 0.5),
            accuracy_score(truth, scores(frame) >= 0.5),
        ),
    }
    for name, (before, after) in wanted.items():
        assert by_name[name].reference == pytest.approx(before, abs=2e-3)
        assert by_name[name].value == pytest.approx(after, abs=2e-3)
        assert by_name[name].low < after < by_name[name].high


def test_concept_drift_is_seen_though_no_input_moved() -> None:
    frame, truth = draw(4000, 2, flat=0.7)
    report = found(frame, truth)
    assert report.drifted == ()
    assert report.realised is not None
    assert report.realised.concept.drifted
    assert (report.verdict, report.matters) == ("drift", True)
    assert "the same scores no longer mean the same" in report.reason
    assert report.realised.watched.alarm is not None
    assert report.estimate is not None
    assert report.estimate.loss_low <= 0
    for text in (as_markdown(report), as_html(report)):
        assert "realised ROC AUC falls" in text
        assert "no longer mean the same" in text


def test_without_a_change_labels_alarm_as_rarely_as_alpha_says() -> None:
    """Eighty reports at margin 0; a binomial of 80 and 0.05 exceeds 9 in 0.6 %."""
    policy = Drift(draws=200, minimum_effect=0)
    reports = [found(*draw(1500, 10 + repeat), policy) for repeat in range(40)]
    assert sum(report.verdict == "drift" for report in reports) <= 6
    known = [report.realised for report in reports if report.realised is not None]
    assert len(known) == 40
    assert sum(each.watched.alarm is not None for each in known) <= 6
    assert sum(bool(report.matters) for report in reports) <= 5


def test_the_p_value_of_concept_drift_is_uniform() -> None:
    held_out, known = draw(1500, 1)
    below = 0
    for repeat in range(200):
        held_out, known = draw(800, 2 * repeat)
        section = profile_performance(scores(held_out), known == 1, 0.5)
        frame, truth = draw(600, 2 * repeat + 1)
        labelled = Labelled(scores(frame), truth == 1, None)
        policy = Drift(draws=100)
        below += concept_drift(section, labelled, policy, families=1).p_value <= 0.1
    assert 8 <= below <= 33


def test_few_labels_are_left_alone() -> None:
    frame, truth = draw(1000, 2)
    truth[15:] = np.nan
    assert found(frame, truth).realised is None


def test_rows_without_a_label_count_for_drift_alone() -> None:
    frame, truth = draw(1000, 2)
    truth[500:] = np.nan
    report = found(frame, truth)
    assert report.rows == 1000
    assert report.realised is not None
    assert report.realised.rows == 500


def test_periods_are_watched_one_by_one() -> None:
    policy = Drift(draws=200, unit="period", period="1d")
    held_out, known = draw(9000, 1)
    at = pd.Timestamp("2013-01-01") + pd.to_timedelta(np.repeat(np.arange(90), 100), unit="D")
    section = profile_performance(scores(held_out), known == 1, 0.5)
    profile = build_profile(held_out.assign(at=at), [Column("x", "number")], policy, time="at")
    frame, truth = draw(2000, 2, flat=0.9)
    later = pd.Timestamp("2013-05-01") + pd.to_timedelta(np.repeat(np.arange(20), 100), unit="D")
    frame = frame.assign(at=later)
    report = check(
        with_model(profile, performance=section), frame, policy, scores=scores(frame), truth=truth
    )
    assert report.realised is not None
    assert report.realised.watched.losses == 20
    assert report.matters
    assert not report.realised.concept.drifted
    assert "20 periods" in as_markdown(report)


def test_truth_comes_from_the_rows_or_from_labels_by_key(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["a", "b", "c"], "late": ["yes", None, "no"]})
    own = truth_of(CONTRACT)(rows)
    assert own is not None
    assert np.array_equal(own, [1, np.nan, 0], equal_nan=True)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,late\nc,yes\na,no\n", encoding="utf-8")
    other = truth_of(CONTRACT, labels)(rows)
    assert other is not None
    assert np.array_equal(other, [0, np.nan, 1], equal_nan=True)
    assert truth_of(CONTRACT)(rows[["id"]]) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("id,late\na,yes\na,no\n", "more than once"),
        ("id,delay\na,3\n", "no column 'late'"),
        ("number,late\na,yes\n", "no column 'id'"),
        ("id,late\na,perhaps\n", "perhaps"),
    ],
)
def test_labels_that_cannot_be_right_are_refused(content: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=text):
        truth_of(CONTRACT, tmp_path / "labels.csv")(pd.DataFrame({"id": ["a"]}))
