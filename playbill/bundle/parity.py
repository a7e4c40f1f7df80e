"""Proves that what is shipped answers as the fitted Pipeline did: the hold-out and the edges.

Each runtime is tried in the order of `bundle.runtimes`; the first that is equal is taken. Equal
means: no label differs, no answer differs by more than `TOLERANCE` (of its size, if that is over
1), and what the Pipeline refuses is refused.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.bundle.candidate import Candidate, build
from playbill.bundle.edge import LIMIT, edges_of
from playbill.bundle.runtime.base import Runtime, open_runtime
from playbill.contract.task import Outcome, labels
from playbill.errors import BundleError, DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.contract.column import Column

    Answers = NDArray[np.float64]
    Columns = Mapping[str, Sequence[Any]]

TOLERANCE = 1e-9
SINGLE_ROWS = 2000  # rows that are asked one by one too, at equal distances
CHUNK = 50_000  # rows that are turned into Python values at a time


@dataclass(frozen=True)
class Trial:
    """Rows with the Pipeline's answers.

    Attributes:
        name: What the rows are.
        columns: Values by input column, as a request would bring them.
        answered: Places of the rows that the Pipeline answers.
        refused: Places of the rows that it refuses.
        expected: Its answers to `answered`.
    """

    name: str
    columns: "Columns"
    answered: Sequence[int]
    refused: Sequence[int]
    expected: "Answers"


@dataclass(frozen=True)
class Choice:
    """The runtime that was taken, its files and needs, and the proof that it is equal."""

    runtime: str
    candidate: Candidate
    proof: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A fitted Pipeline and what is asked of it.

    Attributes:
        pipeline: The fitted Pipeline.
        inputs: The contract's input columns.
        asked: What the contract asks for.
        threshold: Probability from which on the label of a binary model is true.
        layer: Files of the model layer that a runtime may read beside its own.
        trusted: Types that a model file may hold, as the server's text names them.
    """

    pipeline: Any
    inputs: "Sequence[Column]"
    asked: Outcome
    threshold: float
    layer: Mapping[str, bytes]
    trusted: Sequence[str] = ()


def choose(
    runtimes: Sequence[str],
    model: Model,
    rows: "pd.DataFrame",
    expected: "Answers",
    *,
    edge_rows: int = LIMIT,
) -> Choice:
    """Return the first runtime that is equal to the Pipeline.

    Args:
        runtimes: Kinds, in the order in which they are tried.
        model: The Pipeline.
        rows: The hold-out.
        expected: What the Pipeline answered on the hold-out.
        edge_rows: Most rows at the edges; beyond it thresholds are sampled.

    Raises:
        BundleError: None is equal; the text says why for each.
    """
    _same_length(rows, expected)
    sent = {column.name: as_sent(rows[column.name]) for column in model.inputs}
    whole = Trial("hold-out", sent, range(len(rows)), (), expected)
    edges, told = _edges(model, sent, edge_rows)
    refusals: list[dict[str, str]] = []
    for kind in runtimes:
        try:
            candidate = build(kind, model.pipeline, model.inputs, model.asked)
            files = {**model.layer, **candidate.files}
            runtime = open_runtime(kind, files, model.trusted)
            proofs = [prove(runtime, each, model) for each in (whole, edges)]
        except BundleError as error:
            refusals.append({"runtime": kind, "reason": error.what})
            continue
        proof = {
            "format_version": 2,
            "runtime": kind,
            "tolerance": TOLERANCE,
            "hold_out": proofs[0],
            "edges": {**told, **proofs[1]},
            "refused": refusals,
        }
        return Choice(kind, candidate, proof)
    raise BundleError(
        "no runtime answers as the fitted Pipeline does: "
        + "; ".join(f"{each['runtime']}: {each['reason']}" for each in refusals),
        where="conf/bundle runtimes",
        expected="one that takes the whole Pipeline; `skops` takes most",
        run="add `skops` to `bundle.runtimes`, or change the Pipeline",
    )


def prove(runtime: Runtime, trial: Trial, model: Model) -> dict[str, Any]:
    """Return the proof that `runtime` answers a trial as the Pipeline did.

    Raises:
        BundleError: A single row differs.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        found = _in_chunks(runtime, _taken(trial.columns, trial.answered), len(trial.answered))
        asked_shortly = _short_ways(runtime, trial, model)
        for place in trial.refused:
            _must_refuse(runtime, trial, place)
    difference = _difference(found, trial.expected)
    changed = _changed(found, trial.expected, model)
    if not (difference <= TOLERANCE).all() or changed:
        row = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
        raise _differs(trial, found, difference, changed, trial.answered[row])
    single_rows, ways, single_expected = asked_shortly
    for each in ways:
        apart = _difference(each, single_expected)
        if not (apart <= TOLERANCE).all() or _changed(each, single_expected, model):
            row = single_rows[int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))]
            raise _differs(trial, each, apart, 0, row)
    return {
        "rows": len(trial.answered) + len(trial.refused),
        "refused_by_both": len(trial.refused),
        "asked_one_by_one": len(single_rows),
        "largest_difference": float(difference.max(initial=0.0)),
        "labels_changed": changed,
        "rows_digest": _digest(trial.columns),
    }


def as_sent(values: "pd.Series") -> list[Any]:
    """Return a column as a JSON body would bring it: Python values, None for a missing one."""
    present = values.notna()
    return [value if there else None for value, there in zip(values.tolist(), present, strict=True)]


def _edges(model: Model, rows: "Columns", limit: int) -> tuple[Trial, dict[str, Any]]:
    """Return the rows at the edges with the Pipeline's answers, and what is told of them."""
    from playbill.bundle.compiler.encoder import words_of
    from playbill.bundle.compiler.pipeline import raw_breaks

    breaks = raw_breaks(model.pipeline, model.inputs)
    edges = edges_of(rows, model.inputs, breaks, words_of(model.pipeline), limit=limit)
    places, expected = _answers(model, edges.columns, range(len(edges.kinds)))
    answered = set(places)
    refused = [place for place in range(len(edges.kinds)) if place not in answered]
    told = {
        "possible": edges.possible,
        "kinds": dict(sorted(Counter(edges.kinds).items())),
        "thresholds": sum(len(each) for each in breaks.values()),
    }
    return Trial("edges", edges.columns, places, refused, expected), told


def _answers(
    model: Model, columns: "Columns", places: Sequence[int]
) -> "tuple[list[int], Answers]":
    """Return which rows the Pipeline answers, and how; a refused batch is halved until it fits."""
    import warnings

    import numpy as np
    from threadpoolctl import threadpool_limits

    from playbill.contract.frame import as_model_frame
    from playbill.model.estimator import answer

    frame = as_model_frame(_taken(columns, places), model.inputs)
    asked = model.asked
    try:
        # Not `predict`, which finds out who refused the rows and why: here many are to be refused.
        with warnings.catch_warnings(), threadpool_limits(limits=1):
            warnings.simplefilter("ignore")  # an unknown category is there on purpose
            found = answer(model.pipeline, frame, task=asked.task, classes=asked.classes)
    except ValueError:
        if len(places) <= 1:
            width = (0, len(asked.classes)) if asked.task == "multiclass" else (0,)
            return [], np.empty(width)
        half = len(places) // 2
        parts = [_answers(model, columns, each) for each in (places[:half], places[half:])]
        return parts[0][0] + parts[1][0], np.concatenate([part[1] for part in parts])
    return list(places), found


def _taken(columns: "Columns", places: Sequence[int]) -> "Columns":
    if isinstance(places, range) and places == range(len(next(iter(columns.values()), ()))):
        return columns
    return {name: [values[place] for place in places] for name, values in columns.items()}


def _in_chunks(runtime: Runtime, columns: "Columns", count: int) -> "Answers":
    import numpy as np

    parts = [
        runtime.predict({n: values[start : start + CHUNK] for n, values in columns.items()})
        for start in range(0, count, CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _short_ways(
    runtime: Runtime, trial: Trial, model: Model
) -> "tuple[list[int], list[Answers], Answers]":
    """Ask some rows one by one, and together; return places, both answers, the Pipeline's."""
    import numpy as np

    count = len(trial.answered)
    number = min(count, SINGLE_ROWS if runtime.quick else SINGLE_ROWS // 100)
    chosen = [at * count // number for at in range(number)]
    lists = [trial.columns[column.name] for column in model.inputs]
    places = [trial.answered[at] for at in chosen]
    rows = [tuple(values[place] for values in lists) for place in places]
    single = np.array([runtime.predict_row(row) for row in rows], dtype=np.float64)
    together = runtime.predict_rows(rows) if rows else single
    return places, [single, together], trial.expected[chosen]


def _must_refuse(runtime: Runtime, trial: Trial, place: int) -> None:
    values = tuple(column[place] for column in trial.columns.values())
    ways: list[Callable[[], Any]] = [
        lambda: runtime.predict(_taken(trial.columns, [place])),
        lambda: runtime.predict_row(values),
        lambda: runtime.predict_rows([values]),
    ]
    if not any(_answers_it(way) for way in ways):
        return
    raise BundleError(
        f"the runtime answers a row that the Pipeline refuses ({trial.name})",
        where=f"row {place + 1} of the {trial.name}",
    )


def _answers_it(way: Callable[[], Any]) -> bool:
    try:
        way()
    except (DataError, ValueError):
        return False
    return True


def _difference(found: "Answers", expected: "Answers") -> "Answers":
    """Return the largest difference of each row, shape (n,), relative where answers exceed 1."""
    import numpy as np

    size = np.maximum(np.abs(expected), 1.0)
    apart = np.where(found == expected, 0.0, np.abs(found - expected) / size)
    return np.asarray(apart.reshape(len(found), -1).max(axis=1, initial=0.0))


def _changed(found: "Answers", expected: "Answers", model: Model) -> int:
    """Return how many labels differ; a regression has none."""
    if model.asked.task == "regression" or not len(found):
        return 0
    said = [labels(each, model.asked, model.threshold) for each in (found, expected)]
    return int((said[0] != said[1]).sum())


def _differs(
    trial: Trial, found: "Answers", difference: "Answers", changed: int, row: int
) -> BundleError:
    count = int((~(difference <= TOLERANCE)).sum())
    return BundleError(
        f"it differs from the Pipeline on {count} of {len(found)} rows of the {trial.name} "
        f"({changed} labels), by at most {float(difference.max()):.3g}",
        where=f"row {row + 1} of the {trial.name}",
        expected="the same answer on every row",
        run="dvc repro (if it stays, report it: a bundle must never differ)",
    )


def _digest(columns: "Columns") -> str:
    total = hashlib.sha256()
    for name, values in columns.items():
        total.update(f"{name}={values!r}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _same_length(rows: "pd.DataFrame", expected: "Answers") -> None:
    if len(rows) != len(expected):
        raise BundleError(
            f"the hold-out has {len(rows)} rows and its predictions {len(expected)}",
            run="dvc repro",
        )
