"""The past replayed under a policy, on a tenth of the real flights."""

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from playbill.config.params import read_params
from playbill.config.schema import DriftPolicy, Params
from playbill.config.source import Window
from playbill.drift.policy import Known, decide
from playbill.errors import DataError, UsageError
from playbill.pipeline import backtest_report
from playbill.pipeline.backtest import Backtest, _refuse_short, rivals
from playbill.pipeline.replay import Replay, Run
from playbill.pipeline.window import read_window
from tests.conftest import REPOSITORY

UNTIL = date(2013, 6, 1)


@pytest.fixture(scope="module")
def params() -> Params:
    found = read_params(REPOSITORY)
    first = Window(start=date(2013, 3, 1), end=date(2013, 4, 1))
    policy = DriftPolicy(retrain_on=["schedule"], schedule="1m")
    return found.model_copy(
        update={
            "source": found.source.model_copy(update={"window": first}),
            "drift": found.drift.model_copy(update={"policy": policy}),
        }
    )


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        table = read_window(REPOSITORY, date(2013, 3, 1), UNTIL)
    return table.sample(frac=0.1, random_state=1).reset_index(drop=True)


def project(folder: Path) -> Path:
    """Return a folder with the project's own stages: what is kept of models lies in it."""
    (folder / "stages").symlink_to(REPOSITORY / "stages")
    return folder


@pytest.fixture
def replay(tmp_path: Path, params: Params, flights: pd.DataFrame) -> Replay:
    return Replay(project(tmp_path), params, flights)


def test_a_step_tells_what_was_seen_done_and_bought(replay: Replay, params: Params) -> None:
    run = replay.run("declared", params.drift.policy, UNTIL)
    assert [step.start for step in run.steps] == [date(2013, 4, 1), date(2013, 5, 1)]
    first = run.steps[0]
    assert first.realised_loss is not None
    assert first.measure is not None
    assert first.rows > 2000
    assert first.causes == ("schedule",)
    assert first.gate in {"better", "no clear difference", "worse"}
    assert run.retrained == 2
    assert run.steps[0].model == "2013-04-01"
    assert run.steps[1].model == ("2013-04-30" if first.promoted else "2013-04-01")
    assert 0.5 < run.measure < 0.8


def test_no_decision_depends_on_what_comes_later(
    tmp_path: Path, params: Params, flights: pd.DataFrame
) -> None:
    """A leak is planted: from May on every value and every label says something else."""
    plain = Replay(project(tmp_path), params, flights).run("x", params.drift.policy, UNTIL)
    changed = flights.copy()
    later = changed["scheduled_departure"] >= "2013-05-01"
    changed.loc[later, "late"] = 1 - changed.loc[later, "late"]
    changed.loc[later, "temp"] = -40.0
    other = Replay(tmp_path, params, changed).run("x", params.drift.policy, UNTIL)
    assert plain.steps[0] == other.steps[0]
    assert plain.steps[1] != other.steps[1]


def test_truth_younger_than_the_label_delay_is_not_known(
    tmp_path: Path, params: Params, flights: pd.DataFrame
) -> None:
    """With a delay of 40 days April's truth is out at no step, so there is nothing to realise."""
    slow = params.model_copy(
        update={"contract": params.contract.model_copy(update={"label_delay": "40d"})}
    )
    found = Replay(project(tmp_path), slow, flights).run("x", params.drift.policy, UNTIL)
    assert [step.realised_loss for step in found.steps] == [None, None]


def test_models_are_kept_by_content_and_a_second_replay_fits_none(
    replay: Replay, tmp_path: Path, params: Params, flights: pd.DataFrame
) -> None:
    window = params.source.window
    assert not replay.model(window).restored
    again = Replay(tmp_path, params, flights).model(window)
    assert again.restored
    assert again.scores.tolist() == replay.model(window).scores.tolist()
    other = flights.assign(temp=flights["temp"] + 1)
    assert not Replay(tmp_path, params, other).model(window).restored


def test_a_kept_model_that_was_cut_short_is_fitted_again(
    replay: Replay, tmp_path: Path, params: Params, flights: pd.DataFrame
) -> None:
    whole = replay.model(params.source.window)
    (kept,) = (tmp_path / ".dvc" / "tmp" / "playbill" / "backtest").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    again = Replay(tmp_path, params, flights).model(params.source.window)
    assert not again.restored
    assert again.scores.tolist() == whole.scores.tolist()


def test_a_step_without_rows_is_told(tmp_path: Path, params: Params, flights: pd.DataFrame) -> None:
    gap = flights[flights["scheduled_departure"] < "2013-05-01"]
    with pytest.raises(DataError, match="no rows from 2013-05-01"):
        Replay(project(tmp_path), params, gap).run("x", params.drift.policy, UNTIL)


def test_the_history_ends_with_its_last_full_step(replay: Replay, params: Params) -> None:
    assert replay.full_steps(params.drift.policy) == UNTIL


def test_too_short_a_history_is_refused(params: Params) -> None:
    with pytest.raises(UsageError, match="nothing to replay"):
        _refuse_short(params.source.window, params.drift.policy, date(2013, 4, 15))


def test_rivals_never_always_and_by_the_calendar() -> None:
    found = rivals(DriftPolicy(every="2w", budget=1))
    quiet = Known(date(2013, 5, 1), date(2013, 4, 17), None, 9, 10, True, True, 1.0)  # noqa: FBT003
    assert not decide(found["never"], quiet).retrain
    assert decide(found["always"], quiet).retrain
    assert not decide(found["schedule"], quiet).retrain
    assert found["declared"].budget == 1


@pytest.fixture
def found(replay: Replay, params: Params) -> Backtest:
    runs: list[Run] = [
        replay.run(name, policy, UNTIL) for name, policy in rivals(params.drift.policy).items()
    ]
    policy = params.drift.policy.model_dump(mode="json")
    return Backtest("flights", "roc_auc", date(2013, 4, 1), UNTIL, 5000, policy, tuple(runs))


def test_reports_answer_first_and_need_no_net(found: Backtest) -> None:
    markdown, page = backtest_report.as_markdown(found), backtest_report.as_html(found)
    assert "against never retraining" in markdown.splitlines()[2]
    assert markdown.count("\n| never |") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('<path d="M') >= 4
    assert json.loads(json.dumps(found.as_dict(), default=str))["runs"][0]["name"] == "declared"
