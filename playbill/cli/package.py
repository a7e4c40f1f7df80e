"""`playbill package`: the bundle of a revision to take away, signed; or with a new server layer."""

from pathlib import Path
from typing import Annotated

import typer

from playbill.cli.location import Env


def package(
    out: Annotated[Path, typer.Option(help="Folder for the bundle; it must not exist.")],
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="REF", help="Today's server for the model of a revision."),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(
            help="The bundle of a revision as it is; default: production.", show_default=False
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            help="Name of the release; the number at its end orders releases.",
            show_default="as found, such as flights#prod#3",
        ),
    ] = None,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the digests as JSON.")] = False,
) -> None:
    """Copy the bundle of a revision, or build today's server for its model; sign it.

    If a key is named (`signing_key` in conf/env, or Git's own), the bundle gets a signature.json,
    by which `playbill serve --signers` knows who packed it and whether it is older than another.

    With --server the model layer is taken as it is, so that the model keeps its digest and needs no
    new training, proof or promotion; the server is this checkout's code with this project's
    `server` and `allow`. The model must answer its own example through the new code, or nothing is
    written.

    Exit status: 0 written, 2 wrong call, 3 the old bundle cannot be had or is refused.

    \b
    Examples:
      playbill package --ref flights#prod --out shipped
      playbill serve --bundle shipped --signers allowed_signers --memory served.json
      playbill package --server flights@v1.2.0 --out rebuilt
      playbill serve --bundle rebuilt
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.bundle import manifest
    from playbill.cli.location import find_bundle
    from playbill.cli.output import print_json
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.errors import UsageError
    from playbill.lineage import endorsement

    if out.exists():
        raise UsageError(f"{out} exists", where="--out", run="name another folder")
    if server is not None and ref is not None:
        raise UsageError("--server and --ref were both given", expected="one of them")
    place.choose(env)
    root = find_project()
    found = find_bundle(None, server or ref)
    before, contents = manifest.load_all(found.path)
    files = contents | {manifest.NAME: manifest.render(before)}
    if server is not None:
        files = _rebuilt(before.runtime, contents, root)
    named = release or found.source
    signed = endorsement.endorse(root, files[manifest.NAME], before.name, named)
    after = manifest.write(files | ({endorsement.FILE: signed.encode()} if signed else {}), out)
    said = f"signed as {named}" if signed else "not signed: no key is named"
    if as_json:
        digests = {"model_digest": after.model_digest, "server_digest": after.server_digest}
        earlier = {"server_digest_before": before.server_digest}
        print_json({"out": out.as_posix(), **digests, **earlier, "signed": bool(signed)})
        return
    kept = after.model_digest.removeprefix("sha256:")[:12]
    old, new = (m.server_digest.removeprefix("sha256:")[:12] for m in (before, after))
    change = f"kept; server {old} -> {new}" if server is not None else f"with its server {new}"
    typer.echo(f"{out}: model {kept} of {found.source}, {change}; {said}")


def _rebuilt(kind: str, contents: dict[str, bytes], root: Path) -> dict[str, bytes]:
    """Return a bundle of a model layer with a server layer made here and now."""
    import json

    from playbill.bundle import assembly, manifest
    from playbill.bundle.requirements import earlier_pins
    from playbill.bundle.runtime.base import open_runtime
    from playbill.bundle.served import served_of
    from playbill.bundle.texts import write_texts
    from playbill.config.params import read_params
    from playbill.server import application, command
    from playbill.server.description import openapi_text

    params, layer = read_params(root), manifest.model_layer(contents)
    runtime = open_runtime(kind, layer, params.allow)
    for row in json.loads(layer["examples.json"]):
        runtime.predict({name: [value] for name, value in row.items()})
    served = served_of(layer["contract.json"])
    texts = write_texts(served, params.server, params.allow, root)
    pins = earlier_pins(kind, contents["requirements.txt"].decode())
    return assembly.assemble(
        served.name,
        layer,
        {**texts, "openapi.json": openapi_text(texts)},
        code=[application.__name__, command.__name__],
        described={"runtime": kind, "code": [], "pins": pins},
    )
