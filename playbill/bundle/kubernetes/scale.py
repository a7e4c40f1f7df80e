"""How many replicas there are, how many may be missing, and the metric that decides."""

from typing import TYPE_CHECKING

from playbill.bundle.kubernetes.names import Names, Object

if TYPE_CHECKING:
    from playbill.config.cluster import Autoscaler

METRIC = "playbill_requests_per_second"  # of a pod, as prometheus-adapter calls it
SERIES = "playbill_requests_total"
CALM_SECONDS = 300  # a quiet spell shorter than this takes no replica away


def autoscaler(names: Names, given: "Autoscaler") -> Object:
    """Return the HorizontalPodAutoscaler."""
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.app},
        "minReplicas": given.minimum,
        "maxReplicas": given.maximum,
        "metrics": [_metric(given)],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": CALM_SECONDS}},
    }
    return names.object("autoscaling/v2", "HorizontalPodAutoscaler", spec)


def _metric(given: "Autoscaler") -> Object:
    if given.metric == "cpu":
        target = {"type": "Utilization", "averageUtilization": given.cpu_percent}
        return {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    wanted = {"type": "AverageValue", "averageValue": str(given.requests_per_second)}
    return {"type": "Pods", "pods": {"metric": {"name": METRIC}, "target": wanted}}


def disruption_budget(names: Names) -> Object:
    """Return the PodDisruptionBudget: one replica may be moved at a time."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": names.selector},
    }
    return names.object("policy/v1", "PodDisruptionBudget", spec)


def adapter() -> Object:
    """Return the values of prometheus-adapter's Helm chart that make the metric known."""
    rule = {
        "seriesQuery": f'{SERIES}{{namespace!="",pod!=""}}',
        "resources": {
            "overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
        },
        "name": {"as": METRIC},
        "metricsQuery": query("<<.LabelMatchers>>", "<<.GroupBy>>"),
    }
    return {"rules": {"custom": [rule]}}


def query(matchers: str, group: str) -> str:
    """Return the PromQL of the metric."""
    return f"sum by ({group}) (rate({SERIES}{{{matchers}}}[2m]))"
