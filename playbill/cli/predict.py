"""`playbill predict`: the rows of a file in, their predictions out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.bundle.batch import Summary


def predict(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Rows, CSV or Parquet.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Predictions, CSV or Parquet.")],
    ref: Annotated[
        str | None, typer.Option(help="Version, branch, commit...; default: production.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a bundle; nothing is looked up.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Predict the rows of a file: the key (else the row's number), probability and label.

    A multiclass model gives the probability of each class and the label, a regression the value.

    The rows must keep the contract's kinds, ranges and categories, as they must for the server;
    the first that does not is named, and OUT is not written.

    Exit status: 0 written, 2 wrong call, 3 the rows or the bundle are refused.

    \b
    Examples:
      playbill predict july.csv predictions.csv
      playbill predict july.parquet predictions.parquet --ref flights@v1.2.0 --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from dataclasses import asdict

    from playbill.bundle.table import check_format
    from playbill.cli.location import find_bundle
    from playbill.cli.output import print_json
    from playbill.errors import UsageError

    check_format(source)
    check_format(target)
    if target.exists() and not force:
        raise UsageError(f"{target} exists", run="name another file, or say --force")
    summary = _with_progress(find_bundle(bundle, ref).path, source, target)
    if as_json:
        print_json({**asdict(summary), "out": target.as_posix()})
        return
    typer.echo(
        f"{summary.rows:,} rows predicted, {_said(summary)}, by {summary.model} "
        f"{summary.model_digest.removeprefix('sha256:')[:12]}: {target}"
    )


def _said(summary: "Summary") -> str:
    if summary.positive is not None:
        share = summary.positive / summary.rows
        return f"{share:.1%} positive (probability from {summary.threshold:g} on)"
    if summary.task == "regression":
        return ", ".join(f"{name} {value:.6g}" for name, value in summary.predicted.items())
    return ", ".join(f"{name} {n / summary.rows:.1%}" for name, n in summary.predicted.items())


def _with_progress(folder: Path, source: Path, target: Path) -> "Summary":
    """Predict with a bar on the terminal; nothing is drawn into a file or a pipe."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    from playbill.bundle.batch import predict_file

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task("predicting", total=1.0)
        return predict_file(
            folder, source, target, advance=lambda done: progress.update(task, completed=done)
        )
