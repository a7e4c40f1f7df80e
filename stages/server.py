"""Stage server: the texts of the server, for people to review, from contract and conf alone."""

from pathlib import Path

from playbill.bundle.served import declared
from playbill.bundle.texts import write_texts
from playbill.config.schema import Params
from playbill.server.description import openapi_text


def run(params: Params) -> dict[str, object]:
    """Return `server`, the texts by file name."""
    texts = write_texts(declared(params), params.server, params.allow, Path.cwd())
    return {"server": {**texts, "openapi.json": openapi_text(texts)}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("server", run)
