"""The dashboard: one picture for what is counted, importable as it is, the same each time."""

import json

from playbill.bundle.dashboard import dashboard, panels
from playbill.config.deployment import Alerts

TEXT = dashboard("visits", 'Visits "again"', Alerts())


def test_the_dashboard_has_every_panel_with_its_queries_and_the_same_data_source() -> None:
    board = json.loads(TEXT)
    assert [each["title"] for each in board["panels"]] == [p.title for p in panels(Alerts())]
    assert {each["datasource"]["uid"] for each in board["panels"]} == {"${datasource}"}
    assert all(each["targets"] for each in board["panels"])
    (variable,) = board["templating"]["list"]
    assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
    places = {(each["gridPos"]["x"], each["gridPos"]["y"]) for each in board["panels"]}
    assert len(places) == len(board["panels"])


def test_the_same_conf_gives_the_same_dashboard() -> None:
    assert dashboard("visits", 'Visits "again"', Alerts()) == TEXT
    assert json.loads(TEXT)["title"] == 'Visits "again"'
