"""`playbill report`: what was measured of a model, in tables and as one page."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from playbill.cli.option import AsJson, Html, Markdown
from playbill.cli.output import Forms, deliver


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
    as_json: AsJson = False,
    markdown: Markdown = None,
    html: Html = None,
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
    forms = Forms(
        text=partial(form.as_text, found),
        json=partial(evaluated.as_json, found),
        markdown=partial(form.as_markdown, found),
        html=partial(form.as_html, found),
    )
    deliver(forms, as_json=as_json, markdown=markdown, html=html)


def _track(items: Sequence[Any], label: str) -> Iterator[Any]:
    """Yield items with a progress bar on the error output, which says what they cost."""
    typer.echo(label, err=True)
    with typer.progressbar(items, label="fitting", file=sys.stderr) as bar:
        yield from bar
