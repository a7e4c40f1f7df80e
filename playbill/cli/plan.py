"""`playbill plan`: what `dvc repro` will do, before it does it."""

from typing import Annotated

import typer

from playbill.cli.option import Markdown


def plan(
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REV",
            help="Take dvc.lock and the outputs of this revision as what is at hand.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    markdown: Markdown = None,
) -> None:
    """Say what `dvc repro` will do, and why; nothing is changed.

    Each stage runs, is restored from the cache, is unchanged, or runs if-changed: DVC knows only
    when an earlier stage has written its outputs. Behind it stand what changed and how long the
    stage took last time, below it what a client of the server will notice: cosmetic, retrain or
    breaking.

    \b
    Examples:
      playbill plan
      playbill plan --against main
      playbill plan --against origin/main --markdown plan.md
      playbill plan --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.pipeline import forecast
    from playbill.pipeline.planning import make_plan

    found = make_plan(find_project(), against)
    if markdown is not None and str(markdown) != "-":
        markdown.write_text(forecast.as_markdown(found), encoding="utf-8", newline="\n")
    if as_json:
        print_json(found.as_dict())
    elif markdown is None:
        typer.echo(forecast.as_text(found), nl=False)
    elif str(markdown) == "-":
        typer.echo(forecast.as_markdown(found), nl=False)
