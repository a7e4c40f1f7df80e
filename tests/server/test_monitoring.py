"""The generated rules in a real Prometheus: a shifted stream is told of, a quiet one is not."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from playbill.bundle.alerts import alert_rules
from playbill.bundle.dashboard import panels
from playbill.config.deployment import Alerts
from tests.monitoring import monitoring, wait_for
from tests.serving import Running, as_sent, row, running, start_words, visits

pytestmark = pytest.mark.slow
# Long enough to see a rate, short enough to wait for.
LIMITS = Alerts(window="10s", pending="3s", drift_rows=300, drift=0.15)
# Blocks of two seconds.
SETTINGS = 'window_seconds = 24\n[log]\nfolder = "log"\n[feedback]\nfile = "f.db"\n'
QUIET_SECONDS = 15.0


def send(server: Running, rows: pd.DataFrame) -> None:
    for start in range(0, len(rows), 50):
        body = {"rows": as_sent(rows[start : start + 50])}
        assert server.client.post("/predict/batch", json=body).status_code == 200


def touch_everything(server: Running) -> None:
    """Ask for what the other requests leave out: a refusal, and a truth."""
    assert server.client.post("/predict", json=row(age=200)).status_code == 422
    name = server.client.post("/predict", json=row()).json()["prediction_id"]
    truth = {"feedback": [{"prediction_id": name, "truth": 1}]}
    assert server.client.post("/feedback", json=truth).status_code == 200


def test_a_shifted_stream_fires_the_drift_alert_and_a_quiet_stream_nothing(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "server.toml").write_text(SETTINGS)
    words = [*start_words(bundle), "--settings", "server.toml", "--workers", "2"]
    rules = alert_rules("visits", LIMITS, "edit")
    with running(words, cwd=tmp_path) as server:
        target = urlsplit(server.url).netloc
        with monitoring(tmp_path, rules, target) as seen:
            began, seed = time.monotonic(), 10
            while time.monotonic() - began < QUIET_SECONDS:
                send(server, visits(200, seed := seed + 1))
                time.sleep(0.5)
            assert float(seen.value("playbill_drift_rows")[0]["value"][1]) > LIMITS.drift_rows
            assert seen.value("instance:playbill_request_seconds:p99")
            assert seen.firing() == set()

            def shifted() -> bool:
                nonlocal seed
                rows = visits(200, seed := seed + 1)
                touch_everything(server)
                send(server, rows.assign(age=rows["age"] // 4, dose=None))
                return {"PlaybillDrift", "PlaybillMissing"} <= seen.firing()

            wait_for(shifted, 60, "the webhook is told of drift")
            told = [
                alert for message in seen.sent for alert in message["alerts"]
                if alert["labels"]["alertname"] == "PlaybillDrift"
            ]  # fmt: skip
            assert "age" in {alert["labels"]["feature"] for alert in told}
            assert all(
                alert["annotations"]["runbook_url"].endswith("#playbilldrift") for alert in told
            )
            assert seen.firing() <= {"PlaybillDrift", "PlaybillMissing", "PlaybillRefusedValues"}
            empty = [
                (panel.title, query)
                for panel in panels(LIMITS) for query in panel.queries.values()
                if not seen.value(query)
            ]  # fmt: skip
            assert empty == []
