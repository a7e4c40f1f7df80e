"""`playbill lineage`: where a model comes from, and which models came from some data."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playbill.cli.option import AsJson

if TYPE_CHECKING:
    from playbill.lineage.trace import Trace


def lineage(  # noqa: C901 - a branch for each question
    ref: Annotated[
        str | None,
        typer.Argument(
            metavar="REF",
            show_default=False,
            help="flights@v1.2.0, flights#prod, a branch, commit, experiment, bundle's folder or "
            "the identifier of a prediction; default: HEAD.",
        ),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            help="With a prediction: folder or URL of the prediction log.", show_default=False
        ),
    ] = None,
    model_digest: Annotated[
        str | None,
        typer.Option(
            help="With a prediction: the model_digest of its answer, where there is no log.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="Instead of REF: list the models that learned from this source.",
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="START:END",
            help="With --source: only rows from START on, up to END, which is excluded.",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            help="Instead of REF: list what holds, or learned from, the person named so.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    as_openlineage: Annotated[
        bool, typer.Option("--openlineage", help="Print OpenLineage run events, one a line.")
    ] = False,
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print the graph as a Mermaid flowchart.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with a picture to this file.", show_default=False),
    ] = None,
) -> None:
    """Tell where a model comes from: commit, config, code, environment, data and stages.

    A clone is enough; what only DVC has is added where its cache or remote can be asked. With
    --source it answers the reverse: which models, tags and commits learned from those rows.

    \b
    Examples:
      playbill lineage flights#prod
      playbill lineage models/flights/bundle --html lineage.html
      playbill lineage flights@v1.2.0 --openlineage
      playbill lineage 01a20bfd-909c-78ae-8200-e7c7f558f3f6 --log predictions
      playbill lineage --subject ann@example.org
      playbill lineage --source flights --window 2013-01-01:2013-02-01
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.errors import UsageError

    root = find_project()
    if subject is not None:
        _subject(root, subject, log, as_json=as_json)
        return
    if source is not None:
        if ref is not None or html is not None or as_openlineage or as_mermaid:
            raise UsageError(
                "--source asks which models learned from a source",
                expected="--window and --json beside it, nothing else",
            )
        _reverse(root, source, window, as_json=as_json)
        return
    if window is not None:
        raise UsageError("--window belongs to --source", expected="--source NAME --window ...")
    from playbill.lineage import trace

    record = _prediction(ref, log, model_digest)
    if record is not None:
        from playbill.lineage.identity import revision_of

        ref = revision_of(root, str(record["model_digest"]))
    found = trace.trace(root, ref or "HEAD")
    if html is not None:
        from playbill.lineage import picture

        html.write_text(picture.as_html(found), encoding="utf-8", newline="\n")
    if as_json:
        print_json(({"prediction": record} if record else {}) | found.as_dict())
    elif as_openlineage or as_mermaid:
        _draw(root, found, as_mermaid=as_mermaid)
    elif html is None:
        from playbill.lineage import outline

        if record is not None:
            _show(record)
        typer.echo(outline.as_text(outline.outline(found)), nl=False)


def _subject(root: Path, subject: str, log: str | None, *, as_json: bool) -> None:
    from playbill.cli.erase import tell
    from playbill.cli.output import print_json
    from playbill.cli.progress import bar
    from playbill.pipeline.erasure.search import search

    with bar("files") as progress:
        found = search(root, subject, [Path(log)] if log else [], progress)
    if as_json:
        print_json(found.as_dict())
    else:
        tell(found)


def _draw(root: Path, found: "Trace", *, as_mermaid: bool) -> None:
    """Print the graph in the form of another tool."""
    import json

    from playbill.lineage import openlineage, picture

    if as_mermaid:
        typer.echo(picture.as_mermaid(found), nl=False)
        return
    for event in openlineage.events(found, openlineage.origin_of(root)):
        typer.echo(json.dumps(event, sort_keys=True, default=str))


def _prediction(ref: str | None, log: str | None, digest: str | None) -> dict[str, Any] | None:
    """Return what is known of a prediction if one is meant, its model's digest at least."""
    from playbill.errors import UsageError
    from playbill.prediction.log import find, is_identifier

    if ref is None or not is_identifier(ref):
        if log is not None or digest is not None:
            raise UsageError(
                "--log and --model-digest belong to a prediction",
                expected="the prediction_id of an answer as the argument",
            )
        return None
    if log is not None:
        return find(ref, log)
    if digest is None:
        raise UsageError(
            f"where is the prediction {ref} written down?",
            expected="--log with the prediction log, or --model-digest with the answer's",
        )
    return {"prediction_id": ref, "model_digest": digest}


def _show(record: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    from playbill.prediction.log import moment_of

    made = datetime.fromtimestamp(moment_of(record["prediction_id"]), UTC)
    typer.echo(f"prediction {record['prediction_id']}, made {made:%Y-%m-%d %H:%M:%S} UTC")
    for name in ("label", "probability", "value", "principal", "request_id", "row"):
        if name in record:
            typer.echo(f"  {name}: {record[name]}")


def _reverse(root: Path, source: str, window: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from playbill.cli.output import note_shallow, print_json
    from playbill.cli.progress import bar
    from playbill.lineage import git, history, outline

    span = _window(window)
    with bar("Reading dvc.lock of every run") as say:
        found = history.trained_on(root, source, span, say)
    if as_json:
        models, shallow = [asdict(one) for one in found], git.is_shallow(root)
        print_json({"format_version": 1, "source": source, "models": models, "shallow": shallow})
        return
    asked = f"from {span[0]} up to {span[1]}" if span else ""
    typer.echo(outline.reverse_as_text(source, asked, found), nl=False)
    note_shallow(root)


def _window(text: str | None) -> tuple[date, date] | None:
    from playbill.errors import UsageError

    if text is None:
        return None
    start, _, end = text.partition(":")
    try:
        span = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError:
        span = None
    if span is None or span[1] <= span[0]:
        raise UsageError(
            f"`{text}` is no window",
            where="--window",
            expected="two days, as 2013-01-01:2013-02-01",
        )
    return span
