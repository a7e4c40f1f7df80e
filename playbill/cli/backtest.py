"""`playbill backtest`: what the monitor policy would have done, month by month."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.pipeline.backtest import Backtest


def backtest(
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="First day that is not replayed; default: as far as the source has rows.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Models that are fitted at the same time.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one HTML page.")] = None,
) -> None:
    """Replay the past under the policy of conf/drift, beside rivals.

    From the end of the data window on, step by step: the drift check, its alarms, the retrainings
    that the policy would have asked for, the gate, and what the model in service got. Each decision
    sees what was known then. The rivals never retrain, always do, and go by the calendar alone.
    Models are kept by content under .dvc/tmp, so that a changed policy replays in seconds; nothing
    of the project is changed.

    \b
    Examples:
      playbill backtest
      playbill backtest --until 2014-01-01 --jobs 2 --html backtest.html
      playbill backtest --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.pipeline import backtest_report

    found = _with_progress(find_project(), _day(until), jobs)
    if markdown:
        _write(markdown, backtest_report.as_markdown(found))
    if html:
        _write(html, backtest_report.as_html(found))
    if as_json:
        print_json(found.as_dict())
        return
    backtest_report.show(found)


def _day(until: str | None) -> date | None:
    from playbill.errors import UsageError

    try:
        return None if until is None else date.fromisoformat(until)
    except ValueError as error:
        raise UsageError(f"`{until}` is no day", expected="YYYY-MM-DD, as 2014-01-01") from error


def _with_progress(root: Path, until: date | None, jobs: int) -> "Backtest":
    """Replay with a bar on the terminal; nothing is drawn into a file or a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from playbill.pipeline.backtest import backtest as replay

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("backtest", total=1.0)
        return replay(
            root,
            until,
            jobs=jobs,
            advance=lambda what, share: progress.update(task, description=what, completed=share),
        )


def _write(path: Path, text: str) -> None:
    from playbill.errors import UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", where=str(path)) from error
