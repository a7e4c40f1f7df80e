"""The server's reviewed texts, all but openapi.json: one way to write them for every model."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.bundle import alerts, dashboard
from playbill.bundle.interface import write_interface
from playbill.bundle.kubernetes.kustomization import manifests
from playbill.bundle.literal import EDIT
from playbill.bundle.router import sources
from playbill.bundle.runtime.base import TRUSTED

if TYPE_CHECKING:
    from playbill.bundle.served import Served
    from playbill.config.schema import Server

PACKAGES = "packages.txt"
RUNBOOK = "runbook.md"  # what to do at each alert; package data


def write_texts(
    served: "Served", server: "Server", allow: Sequence[str], root: Path
) -> dict[str, str]:
    """Return the texts by file name.

    Args:
        served: What is asked of the model and what it answers.
        server: The `server` group of conf/.
        allow: Types that a model file may hold, as conf names them.
        root: The project, for the source of its routers.

    Raises:
        ConfigError: A router's module does not exist.
    """
    inputs = served.inputs
    texts = write_interface(served.name, inputs, served.target, server, served.asked)
    texts |= sources(server.routers, root)
    texts[alerts.NAME] = alerts.alert_rules(served.name, server.alerts, EDIT)
    texts[dashboard.NAME] = dashboard.dashboard(served.name, server.title, server.alerts)
    texts[RUNBOOK] = files("playbill.bundle").joinpath(RUNBOOK).read_text("utf-8")
    texts |= manifests(served.name, server.kubernetes, EDIT)
    texts[TRUSTED] = json.dumps(list(allow), indent=2) + "\n"
    if server.packages:
        texts[PACKAGES] = "".join(f"{name}\n" for name in sorted(server.packages))
    return texts
