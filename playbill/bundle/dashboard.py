"""Writes the Grafana dashboard of a server's metrics with Grafana's foundation SDK.

The data source is a variable, so the dashboard is imported as it is. The SDK takes any query, so
the tests run each of them against a live Prometheus.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbill.bundle.alerts import SCORING

if TYPE_CHECKING:
    from playbill.config.deployment import Alerts

NAME = "dashboard.json"
HEIGHT, WIDTH = 8, 12
SHARE, SECONDS, RATE, COUNT = "percentunit", "s", "cps", "short"


@dataclass(frozen=True)
class Panel:
    """One picture: queries in PromQL by what their lines are called."""

    title: str
    unit: str
    queries: dict[str, str]
    description: str = ""


def panels(alerts: "Alerts") -> list[Panel]:
    """Return the pictures, the most asked first."""
    window = alerts.window

    def rate(series: str) -> str:
        return f"rate({series}[{window}])"

    def quantile(share: float, series: str) -> str:
        return f"histogram_quantile({share:g}, sum by (le) ({rate(series)}))"

    seconds = f"playbill_request_seconds_bucket{{{SCORING}}}"
    delay = "playbill_feedback_delay_seconds"
    return [
        Panel("Requests", RATE, {
            "{{route}} {{status}}": f"sum by (route, status) ({rate('playbill_requests_total')})"}),
        Panel("Time to answer", SECONDS, {
            "half": quantile(0.5, seconds), "99 %": quantile(0.99, seconds)}),
        Panel("Refused and failed", RATE, {
            "{{kind}}": f"sum by (kind) ({rate('playbill_errors_total')})"}),
        Panel("In flight", COUNT, {
            "requests": "sum(playbill_requests_in_flight)", "workers": "sum(playbill_workers)"}),
        Panel("Rows answered", RATE, {"rows": f"sum({rate('playbill_predictions_total')})"}),
        Panel("Scores", COUNT, {
            "10 %": quantile(0.1, "playbill_score_bucket"),
            "half": quantile(0.5, "playbill_score_bucket"),
            "90 %": quantile(0.9, "playbill_score_bucket")}),
        Panel("Drift beyond sampling", SHARE, {"{{feature}}": "feature:playbill_drift:excess"},
              "Total variation distance from the reference, less what sampling makes of it."),
        Panel("Missing beyond the reference", SHARE, {
            "{{feature}}": "feature:playbill_missing:excess"}),
        Panel("Unknown, out of range, ill-typed", SHARE, {
            "{{feature}} {{aspect}}": "feature:playbill_refused:ratio"}),
        Panel("Prediction log", RATE, {
            "written": f"sum({rate('playbill_log_records_total')})",
            "lost": f"sum({rate('playbill_log_lost_total')})"}),
        Panel("Log behind", SECONDS, {"{{instance}}": "playbill_log_lag_seconds"}),
        Panel("Feedback", RATE, {
            "{{what}}": f"sum by (what) ({rate('playbill_feedback_total')})"}),
        Panel("Truth comes after", SECONDS, {"mean": f"sum({delay}_sum) / sum({delay}_count)"}),
        Panel("Model", COUNT, {
            "{{model_version}} {{model_digest}}":
                "sum by (model_version, model_digest) (playbill_model_info)"}),
        Panel("Alerts", COUNT, {
            "{{alertname}} {{feature}}":
                'sum by (alertname, feature) (ALERTS{alertname=~"Playbill.*"})'}),
    ]  # fmt: skip


def dashboard(name: str, title: str, alerts: "Alerts") -> str:
    """Return the dashboard of a model's server as JSON.

    Args:
        name: The model.
        title: Title of the API.
        alerts: Whose window is that of the rates.
    """
    from grafana_foundation_sdk.builders import dashboard as board
    from grafana_foundation_sdk.builders import prometheus, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    source = DataSourceRef(type_val="prometheus", uid="${datasource}")
    made = (
        board.Dashboard(title)
        .uid(f"playbill-{name}"[:40])
        .tags(["playbill", name])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(board.DatasourceVariable("datasource").type("prometheus"))
    )
    for panel in panels(alerts):
        drawn = timeseries.Panel().title(panel.title).unit(panel.unit).datasource(source)
        drawn = drawn.description(panel.description).height(HEIGHT).span(WIDTH)
        for number, (legend, expression) in enumerate(panel.queries.items()):
            query = prometheus.Dataquery().expr(expression).legend_format(legend)
            drawn = drawn.with_target(query.ref_id(chr(ord("A") + number)))
        made = made.with_panel(drawn)
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"
