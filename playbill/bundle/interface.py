"""Writes the served interface as text that people review: models, application, start, Dockerfile.

A pure function of the contract's columns and conf/server. The text joins to the runtime half in
`playbill.server`; openapi.json is derived from it by `playbill.server.description`.
"""

from typing import TYPE_CHECKING

from playbill.bundle.image import dockerfile
from playbill.bundle.literal import EDIT, text_of, tuple_of, value_of
from playbill.bundle.schema import schemas
from playbill.contract.outcome import BINARY, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playbill.config.schema import Server
    from playbill.contract.column import Column


def write_interface(
    name: str,
    inputs: "Sequence[Column]",
    target: "Column",
    server: "Server",
    asked: Outcome = BINARY,
) -> dict[str, str]:
    """Return the texts of the server by file name.

    Args:
        name: The model.
        inputs: The contract's input columns: the fields of a request's row.
        target: The column that is predicted.
        server: The `server` group of conf/.
        asked: What the contract asks for: the fields of a prediction.
    """
    return {
        "schemas.py": schemas(name, inputs, target, server, asked),
        "app.py": _app(name, inputs, server, asked),
        "__main__.py": _MAIN.format(name=name, edit=EDIT),
        "Dockerfile": dockerfile(name, server, EDIT),
    }


def _app(name: str, inputs: "Sequence[Column]", server: "Server", asked: Outcome) -> str:
    routers = [path.partition(":") for path in server.routers]
    personal = sorted(column.name for column in inputs if column.personal)
    more: list[str] = []
    if asked != BINARY:
        words = [text_of(asked.task), tuple_of(asked.classes), value_of(asked.positive)]
        more.append(f"asked=Outcome({', '.join(words)})")
    if personal:
        more.append(f"personal=frozenset({{{', '.join(map(text_of, personal))}}})")
    if routers:
        more.append(f"routers={tuple_of([f'router_{n}' for n in range(len(routers))], names=True)}")
    return _APP.format(
        edit=EDIT,
        name=name,
        title=text_of(server.title),
        description=text_of(server.description),
        max_body_bytes=server.max_body_bytes,
        max_batch_bytes=server.max_batch_bytes,
        lane=text_of(server.lane),
        kinds="".join(f"        {text_of(c.name)}: {text_of(c.kind)},\n" for c in inputs),
        more="".join(f"    {each},\n" for each in more),
        outcome="from playbill.contract.outcome import Outcome\n" if asked != BINARY else "",
        routers="".join(
            f"from {module} import {attr} as router_{number}\n"
            for number, (module, _, attr) in enumerate(routers)
        ),
    )


_APP = '''"""The application of `{name}`: its models and limits joined to Playbill's server.

{edit}
"""

from schemas import Feedback, Prediction, Predictions, Row, Rows
{routers}
{outcome}from playbill.server.application import Application, Worker, build
from playbill.server.interface import Interface
from playbill.server.model import Model
from playbill.server.settings import Settings

INTERFACE = Interface(
    name="{name}",
    title={title},
    description={description},
    row=Row,
    rows=Rows,
    prediction=Prediction,
    predictions=Predictions,
    feedback=Feedback,
    max_body_bytes={max_body_bytes},
    max_batch_bytes={max_batch_bytes},
    lane={lane},
    kinds={{
{kinds}    }},
{more})


def create(
    model: Model | None = None, settings: Settings | None = None, worker: Worker | None = None
) -> Application:
    """Return the application; without a model it can only describe itself."""
    return build(INTERFACE, model, settings, worker)
'''

_MAIN = '''"""Starts the server of `{name}`: `python server --port 8000` in the bundle's folder.

{edit}
"""

import sys

# Byte code written beside the sources would be files that the manifest does not know.
sys.dont_write_bytecode = True

from playbill.server.command import main  # noqa: E402

if __name__ == "__main__":
    main()
'''
