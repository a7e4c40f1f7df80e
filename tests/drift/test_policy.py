from datetime import date

import pytest

from playbill.config.schema import DriftPolicy
from playbill.drift.policy import Known, decide

QUIET = Known(
    now=date(2013, 5, 1),
    trained=date(2013, 4, 1),
    last=None,
    retrained=0,
    rows=5000,
    drifted=False,
    estimated=None,
    realised=None,
)


def known(**changes: object) -> Known:
    return Known(**{**vars(QUIET), **changes})


def test_nothing_known_leads_to_nothing() -> None:
    decision = decide(DriftPolicy(), QUIET)
    assert (decision.alarms, decision.causes, decision.retrain) == ((), (), False)


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"drifted": True}, "drift"),
        ({"estimated": True}, "estimated loss"),
        ({"realised": 0.02}, "realised loss"),
        ({"now": date(2013, 7, 1)}, "schedule"),
    ],
)
def test_each_sign_alarms_and_retrains_where_the_policy_names_it(
    changes: dict[str, object], sign: str
) -> None:
    name = sign.replace(" ", "_")
    policy = DriftPolicy.model_validate({"retrain_on": [name], "alarm_on": []})
    assert decide(policy, known(**changes)).causes == (sign,)
    assert decide(policy, known(**changes)).retrain
    policy = DriftPolicy.model_validate({"retrain_on": [], "alarm_on": [name]})
    assert decide(policy, known(**changes)).alarms == (sign,)
    assert not decide(policy, known(**changes)).retrain


def test_a_loss_below_the_declared_one_is_no_sign() -> None:
    assert decide(DriftPolicy(), known(realised=0.019)).alarms == ()


def test_the_schedule_counts_from_the_last_retraining_promoted_or_not() -> None:
    policy = DriftPolicy(retrain_on=["schedule"], schedule="2m")
    assert decide(policy, known(now=date(2013, 6, 1))).retrain
    assert not decide(policy, known(now=date(2013, 6, 1), last=date(2013, 5, 1))).retrain


@pytest.mark.parametrize(
    ("policy", "changes", "why"),
    [
        ({"minimum_rows": 6000}, {}, "5,000 rows are fewer"),
        ({"budget": 2}, {"retrained": 2}, "budget of 2"),
        ({"cool_down": "2m"}, {"last": date(2013, 4, 15)}, "cooling down until 2013-06-15"),
    ],
)
def test_a_cause_can_be_held_back_and_the_reason_is_told(
    policy: dict[str, object], changes: dict[str, object], why: str
) -> None:
    decision = decide(DriftPolicy.model_validate(policy), known(realised=0.1, **changes))
    assert decision.causes == ("realised loss",)
    assert decision.alarms == ("realised loss",)
    assert not decision.retrain
    assert why in decision.held_back
