"""`playbill package`: a new server layer for the model of any revision, its model layer kept."""

from pathlib import Path
from typing import Annotated

import typer


def package(
    server: Annotated[
        str, typer.Option("--server", metavar="REF", help="Revision or version whose model it is.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the bundle; it must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the digests as JSON.")] = False,
) -> None:
    """Build today's server for the model of a revision.

    The model layer is taken as it is, so that the model keeps its digest and needs no new training,
    proof or promotion; the server is this checkout's code with this project's `server` and `allow`.
    The model must answer its own example through the new code, or nothing is written.

    Exit status: 0 written, 2 wrong call, 3 the old bundle cannot be had or is refused.

    \b
    Examples:
      playbill package --server flights@v1.2.0 --out rebuilt
      playbill serve --bundle rebuilt
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.bundle import manifest
    from playbill.cli.location import find_bundle
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.errors import UsageError

    if out.exists():
        raise UsageError(f"{out} exists", where="--out", run="name another folder")
    found = find_bundle(None, server)
    before, contents = manifest.load_all(found.path)
    files = _rebuilt(before.runtime, contents, find_project())
    after = manifest.write(files, out)
    if as_json:
        digests = {"model_digest": after.model_digest, "server_digest": after.server_digest}
        print_json({"out": out.as_posix(), **digests, "server_digest_before": before.server_digest})
        return
    kept = after.model_digest.removeprefix("sha256:")[:12]
    old, new = (m.server_digest.removeprefix("sha256:")[:12] for m in (before, after))
    typer.echo(f"{out}: model {kept} of {found.source}, kept; server {old} -> {new}")


def _rebuilt(kind: str, contents: dict[str, bytes], root: Path) -> dict[str, bytes]:
    """Return a bundle of a model layer with a server layer made here and now."""
    import json

    from playbill.bundle import assembly, manifest
    from playbill.bundle.requirements import earlier_pins
    from playbill.bundle.runtime.base import open_runtime
    from playbill.bundle.texts import write_texts
    from playbill.config.params import read_params
    from playbill.server import application, command
    from playbill.server.description import openapi_text

    params, layer = read_params(root), manifest.model_layer(contents)
    runtime = open_runtime(kind, layer, params.allow)
    for row in json.loads(layer["examples.json"]):
        runtime.predict({name: [value] for name, value in row.items()})
    served = assembly.served_of(layer["contract.json"])
    texts = write_texts(served, params.server, params.allow, root)
    pins = earlier_pins(kind, contents["requirements.txt"].decode())
    return assembly.assemble(
        served.name,
        layer,
        {**texts, "openapi.json": openapi_text(texts)},
        code=[application.__name__, command.__name__],
        described={"runtime": kind, "code": [], "pins": pins},
    )
