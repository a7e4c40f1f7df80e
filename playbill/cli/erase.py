"""`playbill erase`: a person's rows leave the project, and what was trained on them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from playbill.cli.location import Env
from playbill.cli.option import AsJson

if TYPE_CHECKING:
    from playbill.pipeline.erasure.search import Search


def erase(
    subject: Annotated[
        str, typer.Option(help="What names the person in the sources.", show_default=False)
    ],
    log: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a prediction log; may be repeated.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Remove a person from snapshots, tables, objects and logs; retrain; withdraw what knew them.

    Looks into every file of data/, models/ and .dvc/tmp, every object of DVC's cache and remote and
    the named logs. Keeps the person out of what comes (conf/privacy `erased`), runs `dvc repro`,
    commits, withdraws each version that learned from them, removes the objects that held them from
    cache and remote, looks again, and writes a receipt without personal data. Older revisions then
    cannot be run again. Stop servers that write to a named log first.

    Exit status: 0 done, or nothing found; 1 something is left (or, with --dry-run, found); 2 wrong
    call; 3 failed: the same command goes on.

    \b
    Examples:
      playbill erase --subject ann@example.org --dry-run
      playbill erase --subject ann@example.org --log predictions --yes
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.cli.progress import bar
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.pipeline.erasure.erase import erase as remove
    from playbill.pipeline.erasure.search import search

    place.choose(env)
    root = find_project()
    logs = log or []
    if dry_run or not yes:
        with bar("files") as progress:
            found = search(root, subject, logs, progress)
        if dry_run and as_json:
            print_json(found.as_dict())
        else:
            tell(found)
        if dry_run or not found.holdings:
            raise typer.Exit(1 if found.holdings else 0)
        typer.confirm("Remove all of this? It cannot be undone.", abort=True, err=True)
    with bar("files") as progress:
        done = remove(root, subject, logs, lambda text: typer.echo(text, err=True), progress)
    if as_json:
        print_json({"receipt": done.receipt, **done.facts})
    else:
        typer.echo(f"receipt: {done.receipt}")
        for note in done.facts["not_reached"]:
            typer.echo(f"not reached: {note}")
        for one in done.left:
            typer.echo(f"still there: {one.kind} {one.path}")
        typer.echo("next: dvc push, and git push with the tags: others then see what was withdrawn")
    raise typer.Exit(1 if done.left else 0)


def tell(found: "Search") -> None:
    """Print where a person was found, and which versions learned from them."""
    for one in found.holdings:
        names = f" ({', '.join(one.names[:3])})" if one.names else ""
        typer.echo(f"{one.kind:9} {one.path}{names}: {one.rows} rows")
    for version in found.versions:
        why = "learned from them" if version.is_known else "cannot be ruled out: its data are gone"
        typer.echo(f"version   {version.version}: {why}")
    typer.echo(f"{len(found.holdings)} of {found.looked} files and objects speak of the person")
