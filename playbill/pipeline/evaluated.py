"""Reads what was measured of a revision, and draws the curves that need the model refitted."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.metric import modern
from playbill.errors import PlaybillError, UsageError
from playbill.evaluation.report import Evaluated
from playbill.pipeline import duration
from playbill.pipeline.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.schema import Params

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the training rows, for a learning curve
PLOTS = (
    "roc.csv", "precision_recall.csv", "calibration.csv", "confusion.csv", "class.csv",
    "predicted.csv", "error.csv", "importance.csv",
)  # fmt: skip
Track = Callable[[Sequence[Any], str], Iterable[Any]]


def read(root: Path, revision: str | None) -> Evaluated:
    """Return what was measured of a revision; None is the workspace.

    Raises:
        LineageError: There is no such revision, or it has no metrics.
    """
    return of(Project(root, revision))


def of(project: Project) -> Evaluated:
    """Return what was measured of an opened revision; what it lacks is said in a note."""
    report, note = None, ""
    try:
        report = modern(json.loads(project.file(_path(project, "report.json")).read_text("utf-8")))
    except PlaybillError as error:
        note = f"no intervals, slices and importance: {error.what}"
    plots = {name: table for name in PLOTS if (table := _plot(project, name)) is not None}
    return Evaluated(project.model, project.name, project.metrics, report, plots, note=note)


def _path(project: Project, name: str) -> str:
    return f"models/{project.model}/evaluation/{name}"


def _plot(project: Project, name: str) -> dict[str, list[Any]] | None:
    import pandas as pd

    try:
        file = project.file(_path(project, f"plots/{name}"))
    except PlaybillError:
        return None
    frame = pd.read_csv(file)
    return {str(column): frame[column].tolist() for column in frame}


def as_json(found: Evaluated) -> str:
    """Return the revision's metrics, report and curves as JSON."""
    plain = {
        "format_version": 1,
        "model": found.model,
        "revision": found.revision,
        "metrics": found.metrics,
        "report": found.report,
        "curves": list(found.curves),
        "note": found.note,
    }
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def cost(root: Path, fits: float) -> str:
    """Return how long that many fits on all training rows take, as far as the last run tells."""
    seconds = duration.read(root).get("train")
    return (
        f"about {fits * seconds:.0f} s by the last run" if seconds else "nobody has timed one yet"
    )


def with_curves(
    root: Path,
    found: Evaluated,
    *,
    learning: bool,
    validation: str | None,
    track: Track = lambda items, _: items,
) -> Evaluated:
    """Return the same with curves from refitting on the workspace's training rows.

    The rows are split once more as conf/split says: a part judges, the rest, or a growing part of
    it, is learned from. The hold-out is not touched, so a choice by these curves spoils no figure.

    Args:
        root: The project.
        found: What was measured.
        learning: Draw the learning curve.
        validation: `KEY=V1,V2...`: draw the validation curve of that key.
        track: Wraps the fits of a curve to show how far they are; told what they cost.
    """
    from playbill.config.params import read_params

    params = read_params(root)
    made = []
    if learning:
        made.append(_learning(root, params, track))
    if validation is not None:
        made.append(_validation(root, params, validation, track))
    return replace(found, curves=[*found.curves, *made])


def _learning(root: Path, params: "Params", track: Track) -> dict[str, Any]:
    learn, judge = _inner(root, params)
    ordered = _ordered(learn, params)
    label = f"learning curve: {len(SHARES)} fits, {cost(root, sum(SHARES))}"
    sizes, points = [max(int(len(ordered) * share), 2) for share in SHARES], []
    for size in track(sizes, label):
        # Sorted back: a stage may count on the order in which `prepare` wrote the rows.
        rows = ordered.iloc[-size:].sort_index().reset_index(drop=True)
        points.append(_fitted(root, params, rows, judge))
    newest = "newest" if params.split.kind == "time" else "first of the shuffled"
    note = f"The {newest} rows are learned from; {len(judge):,} rows judge that nothing learned."
    return _curve("Learning curve", note, ("rows learned from", _leading(params)), sizes, points)


def _validation(root: Path, params: "Params", wish: str, track: Track) -> dict[str, Any]:
    from playbill.config.composition import compose

    key, _, listed = wish.partition("=")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if not key or not values:
        raise UsageError(f"`{wish}` names no values", expected="KEY=V1,V2, as model.max_depth=3,6")
    tried = [compose(root, [f"{key}={value}"]).params for value in values]
    learn, judge = _inner(root, params)
    label = f"validation curve: {len(values)} fits, {cost(root, len(values))}"
    points = [_fitted(root, one, learn, judge) for one in track(tried, label)]
    note = (
        f"{len(learn):,} rows are learned from, {len(judge):,} judge. Values: {', '.join(values)}."
    )
    return _curve(
        f"Validation curve of {key}", note, (key, _leading(params)), _positions(values), points
    )


def _leading(params: "Params") -> str:
    from playbill.config.metric import LEADING, TITLES

    return TITLES[LEADING[params.contract.task]]


def _positions(values: Sequence[str]) -> list[float]:
    """Return where values lie on the axis: as numbers if all are, else one after the other."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return [float(place) for place in range(len(values))]


def _inner(root: Path, params: "Params") -> "tuple[pd.DataFrame, pd.DataFrame]":
    from playbill.split.division import split

    contract = params.contract
    return split(
        Project(root).table("prepared/train"),
        params.split,
        key=contract.key,
        target=contract.target,
        time=contract.role("time"),
        group=contract.role("group"),
    )


def _ordered(rows: "pd.DataFrame", params: "Params") -> "pd.DataFrame":
    time = params.contract.role("time")
    if params.split.kind == "time" and time is not None:
        return rows.sort_values(time, kind="stable")
    return rows.sample(frac=1.0, random_state=params.seed)


def _fitted(
    root: Path, params: "Params", learn: "pd.DataFrame", judge: "pd.DataFrame"
) -> dict[str, dict[str, Any]]:
    """Return the leading metric on the rows learned from and on those that judge."""
    from playbill.config.metric import LEADING
    from playbill.contract.task import outcome
    from playbill.pipeline.runner import load_function

    params = _without_idle_folds(params)
    train = params.pipeline.stages["train"]
    made = load_function(root, train)(params, train=learn)
    leading = LEADING[outcome(params.contract).task]
    return {
        name: _measured(params, made["pipeline"], rows)[leading]
        for name, rows in (("rows learned from", learn), ("rows that judge", judge))
    }


def _without_idle_folds(params: "Params") -> "Params":
    """Leave out folds on which nothing is decided: few rows need not make them."""
    from playbill.config.schema import Validation

    training = params.training
    idle = (
        params.tuning.kind == "off"
        and training.calibration.method == "none"
        and training.threshold.kind == "fixed"
    )
    return params.model_copy(update={"validation": Validation()}) if idle else params


def _measured(params: "Params", pipeline: Any, rows: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    from playbill.contract.column import inputs
    from playbill.contract.frame import as_model_frame
    from playbill.contract.task import outcome
    from playbill.evaluation.assessment import make_plan, measured
    from playbill.evaluation.bootstrap import Part
    from playbill.evaluation.metrics import statistic
    from playbill.evaluation.scored import encode
    from playbill.model.estimator import predict

    contract, asked = params.contract, outcome(params.contract)
    frame = as_model_frame(rows, inputs(contract))
    answers = predict(pipeline, frame, task=asked.task, classes=asked.classes)
    scored = encode(rows[contract.target], answers, asked.task, asked.classes)
    plan = make_plan(rows, contract, params.evaluation)
    part = Part(statistic(scored).without("average_precision"))
    return measured([part], plan, len(rows))[0]


def _curve(
    title: str,
    note: str,
    labels: tuple[str, str],
    xs: Sequence[float],
    points: Sequence[Mapping[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    names = list(points[0])
    return {
        "title": title,
        "note": note,
        "x_label": labels[0],
        "y_label": labels[1],
        "x": list(xs),
        "lines": {
            name: {end: [point[name][end] for point in points] for end in ("value", "low", "high")}
            for name in names
        },
    }
