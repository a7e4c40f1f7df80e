"""`playbill check`: is conf/ valid, and is what was compiled from it up to date?"""

from typing import Annotated

import typer


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check conf/: every key, type, range, option and interpolation; writes nothing.

    Exits 2 with file, line, key and the nearest valid name if something is wrong.

    \b
    Examples:
      playbill check
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import place, recorded
    from playbill.config.compilation import compile_project, edited_by_hand
    from playbill.config.location import find_project

    root = find_project()
    compiled = compile_project(root)
    place.every(root)
    lines = recorded.read(root).lines()
    edit = edited_by_hand(root)
    if as_json:
        found = {"valid": True, "stale": list(compiled.stale), "recorded": lines}
        print_json({**found, "edited": edit.what if edit else None})
        return
    choices = ", ".join(f"{g}={o}" for g, o in compiled.composition.choices.items())
    typer.echo(f"conf/ is valid ({choices})")
    if lines:
        typer.echo(f"recorded in conf/recorded.yaml: {', '.join(lines)}")
        typer.echo("  before this reaches the main branch: playbill adopt")
    if edit is not None:
        typer.echo(edit.what)
        typer.echo(f"  next: {edit.run}")
    elif compiled.stale:
        typer.echo(f"not compiled yet: {', '.join(compiled.stale)} ({compiled.cure})")
