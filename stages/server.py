"""Stage server: the texts of the server, for people to review, from contract and conf alone."""

from pathlib import Path

from playbill.bundle.assembly import Served
from playbill.bundle.texts import write_texts
from playbill.config.schema import Params
from playbill.contract.column import columns, inputs
from playbill.contract.task import outcome
from playbill.server.description import openapi_text


def run(params: Params) -> dict[str, object]:
    """Return `server`, the texts by file name."""
    contract = params.contract
    served = Served(
        name=params.name,
        key=contract.key,
        inputs=inputs(contract),
        target=next(c for c in columns(contract) if c.name == contract.target),
        threshold=params.evaluation.threshold,
        asked=outcome(contract),
    )
    texts = write_texts(served, params.server, params.allow, Path.cwd())
    return {"server": {**texts, "openapi.json": openapi_text(texts)}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("server", run)
