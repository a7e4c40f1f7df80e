"""`playbill report`: what was measured of a model, in tables and as one page."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer


def report(
    revision: Annotated[
        str | None,
        typer.Argument(
            metavar="REV",
            show_default=False,
            help="Branch, tag, commit, experiment, flights@v1.2.0 or flights#prod; "
            "default: the workspace.",
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
    learning_curve: Annotated[
        bool,
        typer.Option("--learning-curve", help="Refit on growing parts of the training rows."),
    ] = False,
    validation_curve: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=V1,V2...",
            show_default=False,
            help="Refit with each value of one key, as model.max_leaf_nodes=7,15,31.",
        ),
    ] = None,
) -> None:
    """Show what was measured of a model: metrics with intervals, slices, fairness, importance.

    The two curves refit the model several times on the workspace's training rows, and say
    beforehand how often; a part of those rows, never the hold-out, judges them.

    \b
    Examples:
      playbill report
      playbill report flights#prod --html report.html
      playbill report --learning-curve --html report.html
      playbill report --validation-curve model.max_leaf_nodes=7,15,31 --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config.location import find_project
    from playbill.evaluation import report as form
    from playbill.pipeline import evaluated

    root = find_project()
    found = evaluated.read(root, revision)
    if learning_curve or validation_curve is not None:
        found = evaluated.with_curves(
            root, found, learning=learning_curve, validation=validation_curve, track=_track
        )
    if html is not None:
        html.write_text(form.as_html(found), encoding="utf-8", newline="\n")
    if markdown is not None and str(markdown) != "-":
        markdown.write_text(form.as_markdown(found), encoding="utf-8", newline="\n")
    if as_json:
        sys.stdout.write(evaluated.as_json(found))
    elif markdown is not None and str(markdown) == "-":
        sys.stdout.write(form.as_markdown(found))
    elif markdown is None and html is None:
        sys.stdout.write(form.as_text(found))


def _track(items: Sequence[Any], label: str) -> Iterator[Any]:
    """Yield items with a progress bar on the error output, which says what they cost."""
    typer.echo(label, err=True)
    with typer.progressbar(items, label="fitting", file=sys.stderr) as bar:
        yield from bar
