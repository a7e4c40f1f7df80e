"""Writes the recording and alert rules of a server's metrics, in Prometheus' form.

Every alert has a page in the runbook, whose address stands in its annotation. Windows and limits
come from conf/server; the metrics are those of `playbill.server.measurement`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from playbill.config.deployment import Alerts

NAME = "alerts.yaml"
JOBS = "playbill.*"  # of the scrape configuration: a shared Prometheus watches other servers too
SCORING = 'route=~"/predict.*|/v2 infer"'


@dataclass(frozen=True)
class Rule:
    """One alert.

    Attributes:
        name: Its name, and the heading of its page in the runbook.
        severity: page wakes somebody up, ticket waits for the morning.
        expression: When it fires, PromQL.
        summary: What it says, with the labels of the series.
        at_once: Whether it fires without waiting for `pending`.
    """

    name: str
    severity: str
    expression: str
    summary: str
    at_once: bool = False


def alert_rules(name: str, alerts: "Alerts", edit: str) -> str:
    """Return the rules of a model's server as YAML.

    Args:
        name: The model, part of the groups' names.
        alerts: Limits and windows.
        edit: The line that says where to edit instead.
    """
    groups = [
        {"name": f"playbill-{name}-recording", "rules": _recording(alerts.window)},
        {"name": f"playbill-{name}-alerts", "rules": [_alert(x, alerts) for x in rules(alerts)]},
    ]
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, width=10_000)
    return f"# {edit}\n{text}"


def rules(alerts: "Alerts") -> list[Rule]:
    """Return the alerts, the most urgent first."""
    share, delay = alerts.error_share, alerts.label_days * 86_400
    grace = f"playbill_drift_rows >= {alerts.drift_rows}"
    return [
        Rule("PlaybillServerDown", "page", f'up{{job=~"{JOBS}"}} == 0',
             "{{ $labels.instance }} does not answer"),
        Rule("PlaybillErrors", "page", f"instance:playbill_errors:share > {share:g}",
             "{{ $value | humanizePercentage }} of the requests fail"),
        Rule("PlaybillSlow", "page",
             f"instance:playbill_request_seconds:p99 > {alerts.latency_seconds:g}",
             "99 % of the requests take up to {{ $value | humanizeDuration }}"),
        Rule("PlaybillLogFails", "page",
             f"playbill_log_failing == 1 or increase(playbill_log_lost_total[{alerts.window}]) > 0",
             "predictions are answered and not logged", at_once=True),
        Rule("PlaybillLogLags", "ticket",
             f"playbill_log_lag_seconds > {alerts.log_lag_seconds:g}",
             "the oldest record that is not kept for good is {{ $value | humanizeDuration }} old"),
        Rule("PlaybillDrift", "ticket",
             f"feature:playbill_drift:excess > {alerts.drift:g} and on (instance) {grace}",
             "{{ $labels.feature }} has moved away from the reference by {{ $value | humanize }}"),
        Rule("PlaybillMissing", "ticket",
             f"feature:playbill_missing:excess > {alerts.missing_share:g} "
             f"and on (instance) {grace}",
             "{{ $labels.feature }} is missing more often than in the reference, by "
             "{{ $value | humanizePercentage }}"),
        Rule("PlaybillRefusedValues", "ticket",
             f"feature:playbill_refused:ratio > {alerts.refused_share:g}",
             "{{ $labels.feature }} is {{ $labels.aspect }} in {{ $value | humanizePercentage }}"),
        Rule("PlaybillModelStale", "ticket",
             f"time() - playbill_model_learned_until_timestamp_seconds > "
             f"{alerts.model_days * 86_400}",
             "the newest row that the model learned from is {{ $value | humanizeDuration }} old"),
        Rule("PlaybillLabelsLate", "ticket",
             f"time() - (playbill_feedback_newest_timestamp_seconds > 0) > {delay}",
             "the newest prediction whose truth is known is {{ $value | humanizeDuration }} old"),
    ]  # fmt: skip


def _recording(window: str) -> list[dict[str, Any]]:
    answered = f"sum by (instance) (rate(playbill_requests_total[{window}]))"
    failed = f'sum by (instance) (rate(playbill_requests_total{{status=~"5.."}}[{window}]))'
    buckets = f"rate(playbill_request_seconds_bucket{{{SCORING}}}[{window}])"
    seen = f"rate(playbill_predictions_total[{window}])"
    refused = (
        f'rate(playbill_feature_values_total{{aspect=~"unknown|invalid|out_of_range"}}[{window}])'
    )
    return [
        {"record": "instance:playbill_requests:rate", "expr": answered},
        {"record": "instance:playbill_errors:share", "expr": f"{failed} / ({answered} > 0)"},
        {
            "record": "instance:playbill_request_seconds:p99",
            "expr": f"histogram_quantile(0.99, sum by (instance, le) ({buckets}))",
        },
        {
            "record": "feature:playbill_drift:excess",
            "expr": "playbill_drift_distance - playbill_drift_expected_distance",
        },
        {
            "record": "feature:playbill_missing:excess",
            "expr": "playbill_drift_missing_share - playbill_drift_reference_missing_share",
        },
        {
            "record": "feature:playbill_refused:ratio",
            "expr": f"sum by (instance, feature, aspect) ({refused}) "
            f"/ on (instance) group_left sum by (instance) ({seen})",
        },
    ]


def _alert(rule: Rule, alerts: "Alerts") -> dict[str, Any]:
    waits = {} if rule.at_once else {"for": alerts.pending}
    return {
        "alert": rule.name,
        "expr": rule.expression,
        **waits,
        "labels": {"severity": rule.severity},
        "annotations": {
            "summary": rule.summary,
            "runbook_url": f"{alerts.runbook}#{rule.name.lower()}",
        },
    }
