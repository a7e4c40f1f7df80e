"""`playbill serve`: verify a bundle, then start the bundle's own server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer


def serve(
    ref: Annotated[
        str | None,
        typer.Argument(help="Version, stage, branch, commit or experiment; default: production."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a bundle; nothing is looked up.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback only with keys or tokens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one and says which.")] = 8000,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file of deployment settings.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer.", show_default=False)
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="File of hashed API keys.", show_default=False)
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Folder of the prediction log.", show_default=False)
    ] = None,
    feedback: Annotated[
        Path | None,
        typer.Option(help="File that keeps feedback; needs --log.", show_default=False),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Certificate chain, PEM.", show_default=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key, PEM.", show_default=False)
    ] = None,
    signers: Annotated[
        Path | None,
        typer.Option(
            help="Who may have signed the bundle, as ssh-keygen's allowed signers; "
            "with --bundle in a project: its own.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            help="File that remembers the newest release; older ones are refused.",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow a stage's tag: switch when it names another.")
    ] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks at the tag; needs --watch.")
    ] = 30.0,
    new_key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make an API key (its hash into --keys), stop."),
    ] = None,
    scopes: Annotated[
        str, typer.Option(help="Of the new key: predict, metrics, admin, feedback.")
    ] = "predict",
    try_it: Annotated[
        bool, typer.Option("--try", help="Ask it about the contract's example, print, stop.")
    ] = False,
) -> None:
    """Serve a model on this machine until Ctrl-C.

    Without an argument: the production version, else the bundle in the workspace, else the last
    one that dvc.lock names. Every file is verified before anything of the bundle is read.

    Exit status: 0 stopped, 2 wrong call, 3 the bundle is refused or cannot be had.

    \b
    Examples:
      playbill serve
      playbill serve flights@v1.2.0 --port 8080
      playbill serve --bundle ./bundle --port 0
      playbill serve --try
      playbill serve flights#prod --watch --interval 30 --workers 2
      playbill serve --new-key team-a --keys keys.jsonl
      playbill serve --host 0.0.0.0 --keys keys.jsonl --log predictions --workers 2
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.bundle import manifest
    from playbill.bundle.requirements import differences
    from playbill.cli.location import find_bundle
    from playbill.cli.watching import follow, refuse_unwatched, server_words
    from playbill.server.command import check_host, make_key
    from playbill.server.settings import read_settings

    if new_key is not None:
        make_key(new_key, scopes, keys)
        return
    flags: dict[str, object] = {
        "--settings": settings, "--workers": workers, "--keys": keys, "--log": log,
        "--feedback": feedback, "--tls-certificate": tls_certificate, "--tls-key": tls_key,
    }  # fmt: skip
    given = read_settings(settings, {"authentication.keys": keys, "workers": workers})
    check_host(host, authenticates=given.authenticates)
    if watch:
        refuse_unwatched(bundle, signers, memory, try_it=try_it, version=given.model_version)
        follow(ref, interval, (host, port), _words(flags), given)
        return
    found = find_bundle(bundle, ref)
    folder = found.path.resolve()
    version: dict[str, object] = {"--model-version": None if given.model_version else found.version}
    _check_signature(folder, signers, memory, is_named=bundle is not None)
    listed = manifest.verify(folder)
    digest = listed.model_digest.removeprefix("sha256:")[:12]
    files = f"{len(listed.files)} files verified"
    typer.echo(f"{listed.name} {digest} ({found.source}): {files}", err=True)
    pins = (folder / "requirements.txt").read_text("utf-8")
    for difference in differences(pins):
        typer.echo(f"warning: not the bundle's environment: {difference}", err=True)
    if try_it:
        from playbill.bundle.trial import ask

        typer.echo(ask(folder, [*server_words(folder, host, 0), *_words(version)]))
    else:
        _start([*server_words(folder, host, port), *_words(flags | version)])


def _check_signature(
    folder: Path, signers: Path | None, memory: Path | None, *, is_named: bool
) -> None:
    """Refuse a bundle that nobody trusted has signed, where somebody says who is trusted.

    What a tag or a commit names is proven by Git; a folder that somebody brought is not.
    """
    from playbill.config.location import find_project
    from playbill.errors import UsageError
    from playbill.lineage import endorsement, signature

    if signers is None and is_named:
        try:
            own = find_project() / signature.ALLOWED
        except UsageError:
            own = None
        signers = own if own is not None and own.is_file() else None
    if signers is None:
        if memory is not None:
            raise UsageError("--memory needs --signers", where="--memory")
        return
    found = endorsement.verify(folder, signers, memory)
    typer.echo(f"signed by {found.signer} as {found.release}", err=True)


def _words(flags: Mapping[str, object]) -> list[str]:
    return [word for flag, value in flags.items() if value for word in (flag, str(value))]


def _start(command: list[str]) -> None:
    """Become the bundle's server, so that signals reach it; Windows starts it beside itself."""
    import os
    import subprocess
    import sys

    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    raise typer.Exit(subprocess.call(command))  # noqa: S603 - every word is ours
