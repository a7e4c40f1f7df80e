"""`playbill ingest`: brings the sources in, again if the world has changed."""

from typing import Annotated

import typer

from playbill.cli.location import Env


def ingest(
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Fetch every window again: the world has changed."),
    ] = False,
    source: Annotated[
        list[str] | None,
        typer.Option(help="With --refresh: only this source; may be repeated.", show_default=False),
    ] = None,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Bring the declared sources in, and say what each holds and what changed.

    Like `dvc repro ingest`, it fetches only windows that are declared and were not fetched before.
    `dvc repro` does not look at the world; --refresh does.

    \b
    Examples:
      playbill ingest
      playbill ingest --refresh
      playbill ingest --refresh --source weather --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.evaluation.table import grid
    from playbill.pipeline.ingestion import ingest as bring_in

    place.choose(env)
    found = bring_in(find_project(), refresh=refresh, sources=source or [])
    if as_json:
        print_json({"format_version": 1, "sources": [one.as_dict() for one in found]})
        return
    rows = [
        [one.source, one.kind, f"{one.rows:,}", str(one.windows), ", ".join(one.changed) or "-"]
        for one in found
    ]
    typer.echo(grid(["source", "kind", "rows", "windows", "changed"], rows))
