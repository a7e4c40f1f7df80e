"""`playbill serve`: verify a bundle, then start the bundle's own server."""

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
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one and says which.")] = 8000,
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
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.bundle import manifest
    from playbill.bundle.requirements import differences
    from playbill.cli.location import find_bundle
    from playbill.server.command import check_host

    check_host(host)
    folder, source = find_bundle(bundle, ref)
    listed = manifest.verify(folder)
    digest = listed.model_digest.removeprefix("sha256:")[:12]
    typer.echo(f"{listed.name} {digest} ({source}): {len(listed.files)} files verified", err=True)
    pins = (folder / "requirements.txt").read_text("utf-8")
    for difference in differences(pins):
        typer.echo(f"warning: not the bundle's environment: {difference}", err=True)
    if try_it:
        from playbill.bundle.trial import ask

        typer.echo(ask(folder.resolve(), _command(folder.resolve(), host, 0)))
    else:
        _start(_command(folder.resolve(), host, port))


def _command(folder: Path, host: str, port: int) -> list[str]:
    import sys

    # -B: byte code would be a file that the manifest does not know.
    command = [sys.executable, "-B", str(folder / "server"), "--bundle", str(folder)]
    return [*command, "--host", host, "--port", str(port)]


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
