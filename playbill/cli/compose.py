"""`playbill compose`: conf/ to params.yaml and dvc.yaml."""

from typing import Annotated

import typer


def compose(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a compiled file differs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compile conf/ to params.yaml and dvc.yaml, and renew the schemas that editors read.

    `dvc repro` does this by itself in its first stage; the command is for looking and for CI. It
    drops values typed into params.yaml (`playbill adopt --from-params` keeps them).

    \b
    Examples:
      playbill compose
      playbill compose --check
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import compilation, editor
    from playbill.config.location import find_project

    root = find_project()
    compiled = compilation.compile_project(root)
    if not check:
        compilation.write(root, compiled)
        editor.refresh(root)
    if as_json:
        print_json({"stale": list(compiled.stale), "written": not check and list(compiled.stale)})
    elif not compiled.stale:
        typer.echo("params.yaml and dvc.yaml are up to date")
    elif check:
        typer.echo(f"out of date: {', '.join(compiled.stale)} (run: playbill compose)", err=True)
    else:
        typer.echo(f"wrote {', '.join(compiled.stale)}")
    if check and compiled.stale:
        raise typer.Exit(1)
