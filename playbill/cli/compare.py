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
) -> None:
    """Compare models: metrics, slices, parameters, and predictions on the same rows.

    No REV compares HEAD with the workspace, one REV that revision with the workspace, more the
    first with each of the others. Where two models predicted the same rows, the difference in AUC
    and Brier score comes with a 95 % interval.

    \b
    Examples:
      playbill compare
      playbill compare main
      playbill compare flights#prod my-branch --markdown report.md
      playbill compare main quiet-moth --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config.location import find_project
    from playbill.evaluation import table
    from playbill.pipeline.contest import compare_revisions

    found = compare_revisions(find_project(), revisions or ())
    if markdown is not None and str(markdown) != "-":
        markdown.write_text(table.as_markdown(found), encoding="utf-8", newline="\n")
    if as_json:
        sys.stdout.write(found.as_json())
    elif markdown is None:
        sys.stdout.write(table.as_text(found))
    elif str(markdown) == "-":
        sys.stdout.write(table.as_markdown(found))
