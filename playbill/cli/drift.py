"""`playbill drift`: do new rows still look like those that the model learned from?"""

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

_PIPED_WIDTH = 120

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.config.schema import Drift
    from playbill.drift.result import DriftReport
    from playbill.drift.truth import Truth


class FailOn(StrEnum):
    """What makes the command exit with 1."""

    drift = "drift"
    loss = "loss"
    any = "any"
    inconclusive = "inconclusive"
    never = "never"


def drift(
    file: Annotated[
        Path | None, typer.Argument(help="New rows, CSV or Parquet; other columns are ignored.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="START:END", help="Rows of the source instead; the end is excluded."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Or the rows that `retrain --by` would add, as 1m, 2w or 30d."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            help="Or the rows of a prediction log, a folder or URL; --window then picks the days "
            "of prediction (UTC)."
        ),
    ] = None,
    rev: Annotated[
        str | None,
        typer.Option(help="Take the file as DVC has it at this revision of the project."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="What turned out true, by key, where the rows do not have the target."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; default: this project's.")
    ] = None,
    ref: Annotated[
        str | None, typer.Option(help="Revision or version whose bundle is the reference.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one HTML page.")] = None,
    fail_on: Annotated[
        FailOn,
        typer.Option(
            help="Exit 1 on drift; on a sure loss; on any of the two; on drift or too few rows; or "
            "never."
        ),
    ] = FailOn.drift,
) -> None:
    """Say whether new rows differ from those that the model learned from, and in which columns.

    Rows that carry the target, or have it in --labels, also say what the model really got on them.

    Exit status: 0 no drift or too few rows to tell, 1 drift, 2 wrong call, 3 failed.

    \b
    Examples:
      playbill drift july.parquet
      playbill drift --window 2013-07-01:2013-08-01 --html drift.html
      playbill drift --by 1m --fail-on loss
      playbill drift --log predictions --window 2026-07-01:2026-08-01
      playbill drift data/prepared/test.parquet --rev main~1
      playbill drift july.parquet --labels arrivals.csv --fail-on loss
      playbill drift new.csv --ref flights@v1.2.0 --json
      playbill drift new.csv --bundle ./bundle --fail-on never
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.drift import reference, report

    wanted = _wanted(file, window, by, log, rev, labels)
    folder = _bundle(bundle, ref)
    with _about(wanted):
        found = _judged(wanted, folder, reference.bundled_profile(folder))
    if markdown:
        _write(markdown, report.as_markdown(found))
    if html:
        _write(html, report.as_html(found))
    if as_json:
        typer.echo(report.as_json(found), nl=False)
    else:
        _show(found)
    is_lost = fail_on in {FailOn.loss, FailOn.any} and found.matters
    if is_lost or found.verdict in FAILING[fail_on]:
        raise typer.Exit(1)


FAILING = {
    FailOn.drift: {"drift"},
    FailOn.loss: set[str](),
    FailOn.any: {"drift"},
    FailOn.inconclusive: {"drift", "inconclusive"},
    FailOn.never: set[str](),
}


@contextmanager
def _about(wanted: "_Wanted") -> "Iterator[None]":
    """Say of which rows an error is that knows their columns alone."""
    from playbill.errors import DataError

    rows = wanted.name or str(wanted.file or wanted.log or "")
    if wanted.span is not None:
        rows = rows or "the rows from {} to {}".format(*wanted.span)
    try:
        yield
    except DataError as error:
        place = "" if error.where in ("the rows", rows) else f": {error.where}"
        next_step = error.run or "correct the rows, or --bundle of a model with these columns"
        raise DataError(
            error.what, where=rows + place, expected=error.expected, run=next_step
        ) from error


@dataclass(frozen=True)
class _Wanted:
    """Which rows were asked for: a file, a log, or days of the source."""

    file: Path | None
    span: tuple[date, date] | None
    log: str | None
    name: str = ""
    """The file's name where DVC keeps it under another."""
    labels: Path | None = None


def _wanted(
    file: Path | None,
    window: str | None,
    by: str | None,
    log: str | None,
    rev: str | None,
    labels: Path | None,
) -> _Wanted:
    from playbill.errors import UsageError

    if labels is not None and log is not None:
        raise UsageError(
            "--labels was given with --log, whose rows go by prediction id",
            expected="a labelled table of the log",
            run="playbill feedback join OUT --log ..., then playbill drift OUT",
        )

    if by is not None and (file, window, log) != (None, None, None):
        raise UsageError("--by was given with a file, a window or a log", expected="one of them")
    if log is not None and file is not None:
        raise UsageError("--log was given with a file", expected="one of them")
    if rev is not None and file is None:
        raise UsageError(
            "--rev was given without a file",
            expected="an output of the pipeline, as data/prepared/test.parquet",
            run=f"playbill drift data/prepared/test.parquet --rev {rev}",
        )
    if file is not None and rev is not None:
        return _Wanted(_at(rev, file), _window(file, window), None, file.name, labels)
    if by is not None:
        return _Wanted(None, _beyond(by), None, labels=labels)
    if log is not None:
        return _Wanted(None, None if window is None else _window(None, window), log)
    return _Wanted(file, _window(file, window), None, labels=labels)


def _at(rev: str, file: Path) -> Path:
    """Return where the file of a revision is, fetched from DVC's remote if need be."""
    from playbill.config.location import find_project
    from playbill.lineage import bundle, store

    root = find_project()
    place = Path(os.path.relpath(file.absolute(), root)).as_posix()
    return store.obtain(root, place, bundle.commit_of(root, rev))


def _judged(wanted: _Wanted, folder: Path, profile: dict[str, Any]) -> "DriftReport":
    """Return the verdict on the rows that were asked for."""
    from playbill.drift.decision import check

    policy = _policy(profile)
    if wanted.log is not None:
        profile, rows, scores = _logged(wanted.log, wanted.span, folder, profile)
        return check(profile, rows, policy, scores=scores)
    if wanted.span is not None:
        from playbill.config.location import find_project
        from playbill.pipeline.window import read_window

        rows = read_window(find_project(), *wanted.span)
        scores, truth = _scores(folder, rows, profile), _truth(folder, profile, wanted.labels)
        known = truth(rows) if truth and scores is not None else None
        return check(profile, rows, policy, scores=scores, truth=known)
    return _judged_file(wanted, folder, profile, policy)


def _judged_file(
    wanted: _Wanted, folder: Path, profile: dict[str, Any], policy: "Drift"
) -> "DriftReport":
    """Return the verdict on a file, which is read in one pass and never held as a whole."""
    from playbill.drift.decision import judge
    from playbill.drift.rows import read_batches, read_watched
    from playbill.drift.tally import Tally

    assert wanted.file is not None  # _wanted saw to it
    score, truth = _scorer(folder, profile), _truth(folder, profile, wanted.labels)
    tally = Tally(profile, policy)
    with _progress("rows") as advance:
        if score is None:  # a model needs whole rows, the counts a column at a time
            for part in read_watched(wanted.file, profile, name=wanted.name):
                tally.add(part.rows)
                advance(part.done)
            return judge(tally, policy)
        for batch in read_batches(wanted.file, profile, name=wanted.name):
            scores = score(batch.rows) if len(batch.rows) else None
            known = truth(batch.rows) if truth and scores is not None else None
            tally.add(batch.rows, scores, known)
            advance(batch.done)
    return judge(tally, policy)


def _truth(folder: Path, profile: dict[str, Any], labels: Path | None) -> "Truth | None":
    """Return what gives the truth of rows; None where the reference's own is not known."""
    from playbill.drift.realised import knows_truth
    from playbill.errors import UsageError

    if not knows_truth(profile.get("performance")):
        if labels is not None:
            raise UsageError(
                "--labels was given, and the bundle does not hold what the hold-out's truth was",
                where=f"{folder}/model/profile.json",
                expected="a binary model that was packaged by this version",
                run="dvc repro",
            )
        return None
    from playbill.drift.truth import truth_of

    contract = json.loads((folder / "model" / "contract.json").read_text(encoding="utf-8"))
    return truth_of(contract, labels)


@contextmanager
def _progress(what: str) -> "Iterator[Callable[[float], None]]":
    """Show a bar at a terminal; nothing is drawn into a file or a pipe."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _logged(
    log: str, span: tuple[date, date] | None, folder: Path, profile: dict[str, Any]
) -> "tuple[dict[str, Any], pd.DataFrame, NDArray[np.float64] | None]":
    """Return the rows of the log; the answers count where this bundle's model gave them all."""
    from playbill.bundle.manifest import load
    from playbill.drift.logged import read_log, without

    manifest, files = load(folder)
    inputs = json.loads(files["contract.json"])["inputs"]
    personal = {each["name"] for each in inputs if each.get("personal")}
    found = read_log(log, span, profile.get("periods", {}).get("column"))
    if left := sorted(personal & {*profile["columns"]}):
        typer.echo(f"left out, for the log does not hold them: {', '.join(left)}", err=True)
        profile = without(profile, left)
    if found.models == (manifest.model_digest,):
        return profile, found.rows, found.scores
    return profile, found.rows, None if personal else _scores(folder, found.rows, profile)


def _scores(
    folder: Path, rows: "pd.DataFrame", profile: dict[str, Any]
) -> "NDArray[np.float64] | None":
    """Return what the bundle's model says of the rows; None where nothing is known to compare."""
    score = _scorer(folder, profile)
    return None if score is None or not len(rows) else score(rows)


def _scorer(
    folder: Path, profile: dict[str, Any]
) -> "Callable[[pd.DataFrame], NDArray[np.float64]] | None":
    """Return what scores rows; None where nothing is known to compare its answers with."""
    if not {"performance", "direct"} & profile.keys():
        return None
    from playbill.bundle.batch import scorer

    return scorer(folder)


def _show(found: "DriftReport") -> None:
    from rich.console import Console

    from playbill.drift.console import show

    # A pipe has no width of its own; 80 columns would fold the names of columns.
    wide = None if sys.stdout.isatty() else _PIPED_WIDTH
    show(found, Console(highlight=False, width=wide))


def _beyond(by: str) -> tuple[date, date]:
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.pipeline.window import beyond

    window = beyond(read_params(find_project()).source.window, by)
    return window.start, window.end


def _window(file: Path | None, window: str | None) -> tuple[date, date] | None:
    from playbill.errors import UsageError

    if (file is None) == (window is None):
        raise UsageError(
            "a file or a window is needed" if file is None else "a file and a window were given",
            expected="one of them",
            run="playbill drift new.parquet, or playbill drift --window 2013-07-01:2013-08-01",
        )
    if window is None:
        return None
    start, _, end = window.partition(":")
    try:
        span = date.fromisoformat(start.strip()), date.fromisoformat(end.strip())
    except ValueError as error:
        raise UsageError(
            f"{window!r} is not a window", expected="START:END, as 2013-07-01:2013-08-01"
        ) from error
    if span[1] <= span[0]:
        raise UsageError(f"the window ends {span[1]}, not after its start {span[0]}")
    return span


def _bundle(bundle: Path | None, ref: str | None) -> Path:
    """Return the folder of the reference bundle after every digest in it was checked."""
    from playbill.bundle.manifest import verify
    from playbill.errors import UsageError

    if bundle is not None and ref is not None:
        raise UsageError("--bundle and --ref were both given", expected="one of them")
    if bundle is None:
        from playbill.config.location import find_project
        from playbill.lineage.bundle import locate

        bundle = locate(find_project(), ref)
    verify(bundle)
    return bundle


def _policy(profile: dict[str, Any]) -> "Drift":
    """Return the project's policy, or the bundle's own outside of a project."""
    from playbill.config.location import find_project
    from playbill.drift.reference import bundled_policy
    from playbill.errors import UsageError

    try:
        root = find_project()
    except UsageError:
        return bundled_policy(profile)
    from playbill.config.params import read_params

    return read_params(root).drift


def _write(path: Path, text: str) -> None:
    from playbill.errors import UsageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", where=str(path)) from error
