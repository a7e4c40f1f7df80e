"""`playbill compare`: what differs between models, and whether the difference holds."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from playbill.cli.option import AsJson, Html, Markdown
from playbill.cli.output import Forms, deliver

if TYPE_CHECKING:
    from playbill.evaluation.comparison import Comparison


def compare(
    revisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="REV",
            show_default=False,
            help="Branches, tags, commits, DVC experiments, flights@v1.2.0 or flights#prod.",
        ),
    ] = None,
    as_json: AsJson = False,
    markdown: Markdown = None,
    html: Html = None,
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
    from playbill.cli.progress import bar
    from playbill.config.location import find_project
    from playbill.evaluation import table
    from playbill.pipeline.contest import compare_revisions

    with bar("drawing rows") as progress:
        found = compare_revisions(find_project(), revisions or (), say=_say, progress=progress)
    forms = Forms(
        text=partial(table.as_text, found),
        json=found.as_json,
        markdown=partial(table.as_markdown, found),
        html=partial(_page, found),
    )
    deliver(forms, as_json=as_json, markdown=markdown, html=html)


def _page(found: "Comparison") -> str:
    from playbill.evaluation.juxtaposition import as_html

    return as_html(found)


def _say(words: str) -> None:
    """Tell on the error output what takes long, so that JSON stays clean."""
    typer.echo(words, err=True)
