"""Stage server: the texts of the server, for people to review, from contract and conf alone."""

import json
from pathlib import Path

from playbill.bundle.interface import write_interface
from playbill.bundle.router import sources
from playbill.bundle.runtime.base import TRUSTED
from playbill.config.schema import Params
from playbill.contract.column import columns, inputs
from playbill.contract.task import outcome
from playbill.server.description import openapi_text


def run(params: Params) -> dict[str, object]:
    """Return `server`, the texts by file name."""
    contract = params.contract
    target = next(column for column in columns(contract) if column.name == contract.target)
    asked = outcome(contract)
    texts = write_interface(params.name, inputs(contract), target, params.server, asked)
    texts |= sources(params.server.routers, Path.cwd())
    texts[TRUSTED] = json.dumps(params.allow, indent=2) + "\n"
    if params.server.packages:
        texts["packages.txt"] = "".join(f"{name}\n" for name in sorted(params.server.packages))
    return {"server": {**texts, "openapi.json": openapi_text(texts)}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("server", run)
