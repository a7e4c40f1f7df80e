"""The alert rules: known to promtool, firing when they should and silent when they should not."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbill.bundle.alerts import alert_rules, rules
from playbill.bundle.texts import RUNBOOK
from playbill.config.deployment import Alerts
from tests.conftest import REPOSITORY
from tests.serving import application, call

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed; .ci/run installs it"
)
I = 'instance="a"'  # noqa: E741 - a label
DAY = 86_400
# For each alert: series that make it fire within an hour (labels: within 25), and its labels then.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "PlaybillServerDown": ({f'up{{{I},job="playbill"}}': "0x60"}, {"job": "playbill"}),
    "PlaybillErrors": (
        {f'playbill_requests_total{{{I},status="200"}}': "0+90x60",
         f'playbill_requests_total{{{I},status="503"}}': "0+10x60"}, {}),
    "PlaybillSlow": (
        {f'playbill_request_seconds_bucket{{{I},route="/predict",le="0.25"}}': "0+50x60",
         f'playbill_request_seconds_bucket{{{I},route="/predict",le="1"}}': "0+100x60",
         f'playbill_request_seconds_bucket{{{I},route="/predict",le="+Inf"}}': "0+100x60"}, {}),
    "PlaybillLogFails": ({f"playbill_log_failing{{{I}}}": "1x60"}, {}),
    "PlaybillLogLags": ({f"playbill_log_lag_seconds{{{I}}}": "1000x60"}, {}),
    "PlaybillDrift": (
        {f'playbill_drift_distance{{{I},feature="age"}}': "0.4x60",
         f'playbill_drift_expected_distance{{{I},feature="age"}}': "0.05x60",
         f"playbill_drift_rows{{{I}}}": "500x60"}, {"feature": "age"}),
    "PlaybillMissing": (
        {f'playbill_drift_missing_share{{{I},feature="age"}}': "0.4x60",
         f'playbill_drift_reference_missing_share{{{I},feature="age"}}': "0.2x60",
         f"playbill_drift_rows{{{I}}}": "500x60"}, {"feature": "age"}),
    "PlaybillRefusedValues": (
        {f'playbill_feature_values_total{{{I},feature="age",aspect="out_of_range"}}': "0+10x60",
         f"playbill_predictions_total{{{I}}}": "0+100x60"},
        {"feature": "age", "aspect": "out_of_range"}),
    "PlaybillModelStale": (
        {f"playbill_model_learned_until_timestamp_seconds{{{I}}}": f"-{400 * DAY}x60"}, {}),
    "PlaybillLabelsLate": (
        {f"playbill_feedback_newest_timestamp_seconds{{{I}}}": f"1x{26 * 60}"}, {}),
}  # fmt: skip
# The same series as they are when all is well; none of the alerts may fire.
QUIET: dict[str, str] = {
    f'up{{{I},job="playbill"}}': "1x60",
    'up{instance="b",job="node"}': "0x60",
    f'playbill_requests_total{{{I},status="200"}}': "0+99x60",
    f'playbill_requests_total{{{I},status="422"}}': "0+50x60",
    f'playbill_request_seconds_bucket{{{I},route="/predict",le="0.25"}}': "0+100x60",
    f'playbill_request_seconds_bucket{{{I},route="/predict",le="+Inf"}}': "0+100x60",
    f"playbill_log_failing{{{I}}}": "0x60",
    f"playbill_log_lost_total{{{I}}}": "3x60",
    f"playbill_log_lag_seconds{{{I}}}": "10x60",
    f'playbill_drift_distance{{{I},feature="age"}}': "0.9x30 0.09x30",
    f'playbill_drift_expected_distance{{{I},feature="age"}}': "0.05x60",
    f"playbill_drift_rows{{{I}}}": "10x30 900x30",
    f"playbill_predictions_total{{{I}}}": "0+100x60",
    f"playbill_feedback_newest_timestamp_seconds{{{I}}}": "0x60",
}


def checked(
    folder: Path, series: dict[str, str], expected: dict[str, list[Any]], at: str = "59m"
) -> str:
    """Return what promtool says of the alerts that are expected at a time; empty: all well."""
    (folder / "alerts.yaml").write_text(alert_rules("visits", Alerts(label_days=1), "edit"))
    tests = [
        {"eval_time": at, "alertname": name, "exp_alerts": found}
        for name, found in expected.items()
    ]
    document = {
        "rule_files": ["alerts.yaml"],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": n, "values": v} for n, v in series.items()],
            "alert_rule_test": tests,
        }],
    }  # fmt: skip
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yaml"],
        cwd=folder, text=True, capture_output=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@needs_promtool
def test_promtool_knows_every_rule(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(alert_rules("visits", Alerts(), "edit"))
    done = subprocess.run(
        ["promtool", "check", "rules", "alerts.yaml"],
        cwd=tmp_path, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 rules found" in done.stdout


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == {rule.name for rule in rules(Alerts())}


@needs_promtool
@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_its_limit_is_passed_and_no_other_does(
    tmp_path: Path, name: str
) -> None:
    series, labels = CASES[name]
    at = "25h" if name == "PlaybillLabelsLate" else "59m"
    said = checked(tmp_path, series, {other: [] for other in CASES if other != name}, at)
    assert not said
    silent = checked(tmp_path, series, {name: []}, at)
    assert f"alertname: {name}" in silent
    for key, value in labels.items():
        assert f'{key}="{value}"' in silent


@needs_promtool
def test_nothing_fires_when_all_is_well(tmp_path: Path) -> None:
    if said := checked(tmp_path, QUIET, {name: [] for name in CASES}):
        pytest.fail(said)


def test_the_rules_ask_for_metrics_that_the_server_has() -> None:
    shown = call(application(), "/metrics", method="GET").body.decode()
    names = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")}
    names |= {f"{name}_bucket" for name in names}
    # A bundle that stage `package` made has it; the one of these tests has no window.
    names |= {"playbill_model_learned_until_timestamp_seconds"}
    text = alert_rules("visits", Alerts(), "edit")
    for word in text.replace("(", " ").replace("{", " ").replace("[", " ").split():
        if word.startswith("playbill_"):
            assert word.rstrip(",)") in names, word


def test_every_alert_has_its_page_in_the_runbook() -> None:
    page = (REPOSITORY / "playbill" / "bundle" / RUNBOOK).read_text("utf-8")
    for rule in rules(Alerts()):
        assert f"\n## {rule.name}\n" in page
    plain = yaml.safe_load(alert_rules("visits", Alerts(runbook="https://x.org/r"), "edit"))
    for each in plain["groups"][1]["rules"]:
        assert each["annotations"]["runbook_url"] == f"https://x.org/r#{each['alert'].lower()}"


def test_an_alert_leads_to_the_runbook_that_ships_beside_it() -> None:
    folder = REPOSITORY / "models" / "flights" / "server"
    heads = re.findall(r"^## (\w+)$", (folder / RUNBOOK).read_text("utf-8"), re.MULTILINE)
    for each in yaml.safe_load((folder / "alerts.yaml").read_text("utf-8"))["groups"][1]["rules"]:
        file, _, head = each["annotations"]["runbook_url"].partition("#")
        assert file == RUNBOOK
        assert head in {one.lower() for one in heads}
