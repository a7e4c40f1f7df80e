"""`playbill compare`: what differs between models, and whether the difference holds."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def compare(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REV",
            show_default=False,
            help="Branches, tags, commits, DVC experiments, flights@v1.2.0 or flights#prod.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write Markdown to this file; `-` prints it.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one page that needs no network.", show_default=False)
    ] = None,
) -> None:
    """Compare models: metrics on the same rows, slices, parameters, modules, plots.

    No REV compares HEAD with the workspace, one REV that revision with the workspace, more the
    first with each of the others. Each metric's difference comes with a 95 % interval. Where the
    hold-outs differ, both models are asked about the newer one, less the rows that either was
    trained on; where that cannot be, a note says why.

    \b
    Examples:
      playbill compare
      playbill compare main
      playbill compare flights#prod my-branch --markdown report.md
      playbill compare main quiet-moth --json
      playbill compare flights@v1.2.0 flights#prod main --html compare.html
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config.location import find_project
    from playbill.evaluation import table
    from playbill.pipeline.contest import compare_revisions

    found = compare_revisions(find_project(), revisions or (), say=_say)
    if html is not None:
        from playbill.evaluation.juxtaposition import as_html

        html.write_text(as_html(found), encoding="utf-8", newline="\n")
    if markdown is not None and str(markdown) != "-":
        markdown.write_text(table.as_markdown(found), encoding="utf-8", newline="\n")
    if as_json:
        sys.stdout.write(found.as_json())
    elif markdown is None and html is None:
        sys.stdout.write(table.as_text(found))
    elif markdown is not None and str(markdown) == "-":
        sys.stdout.write(table.as_markdown(found))


def _say(words: str) -> None:
    """Tell on the error output what takes long, so that JSON stays clean."""
    typer.echo(words, err=True)
