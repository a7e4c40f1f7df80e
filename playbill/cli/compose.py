"""`playbill compose`: conf/ to params.yaml and dvc.yaml."""

from pathlib import Path
from typing import Annotated

import typer


def compose(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a compiled file differs.")
    ] = False,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge", help="Settle the compiled files after a merge without the merge driver."
        ),
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
      playbill compose --merge
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import compilation, editor
    from playbill.config.location import find_project

    root = find_project()
    if merge:
        _after_merge(root, check=check, as_json=as_json)
        return
    edit = compilation.edited_by_hand(root)
    compiled = compilation.compile_project(root)
    if edit is not None and check:
        typer.echo(f"playbill: {edit}", err=True)
        raise typer.Exit(1)
    if edit is not None:
        typer.echo(f"dropped: {edit.what}", err=True)
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


def _after_merge(root: Path, *, check: bool, as_json: bool) -> None:
    from playbill.cli.output import print_json
    from playbill.errors import UsageError
    from playbill.pipeline.merge import repair

    if check:
        raise UsageError("--check writes nothing and --merge mends", expected="one of the two")
    done = repair(root)
    if as_json:
        print_json({"repaired": done.files, "conflicts": done.conflicts})
    elif done.files:
        typer.echo(f"settled {', '.join(done.files)}")
    elif not done.conflicts:
        typer.echo("params.yaml, dvc.yaml and dvc.lock are up to date")
    if done.conflicts:
        if not as_json:
            typer.echo(f"still in conflict: {', '.join(done.conflicts)}", err=True)
            typer.echo("mend these, then: playbill compose --merge", err=True)
        raise typer.Exit(1)
