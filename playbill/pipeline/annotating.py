"""Rows of the prediction log out to Label Studio, and its labels back as feedback."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.annotation import labelstudio
from playbill.annotation.agreement import Agreement, Settled, agreement, settle
from playbill.annotation.choice import choose, doubts
from playbill.contract.column import columns, inputs
from playbill.contract.outcome import Outcome, outcome
from playbill.errors import DataError, UsageError
from playbill.prediction import log as prediction_log

if TYPE_CHECKING:
    from playbill.config.schema import Params

TASKS = "tasks.json"
INTERFACE = "interface.xml"


@dataclass(frozen=True)
class Round:
    """What was written for people to label.

    Attributes:
        tasks: The file of tasks.
        interface: The file of the labelling interface.
        chosen: Rows by what they were chosen for.
        rows: Rows that could have been chosen.
        hidden: Inputs that are personal, and so not shown.
    """

    tasks: Path
    interface: Path
    chosen: dict[str, int]
    rows: int
    hidden: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """What came back.

    Attributes:
        settled: The labels by row.
        agreement: How far annotators agree.
        labels: Labels that were read.
    """

    settled: Settled
    agreement: Agreement
    labels: int


def ask(
    params: "Params",
    logs: str,
    folder: Path,
    profile: dict[str, Any] | None,
    threshold: float,
    known: Sequence[Path] = (),
) -> Round:
    """Write the tasks of a round and the labelling interface into a folder.

    Args:
        params: The project's.
        logs: Folder or URL of the prediction log.
        folder: Where to write; what is there is not overwritten.
        profile: The reference profile; None leaves the drifted rows to the uncertain ones.
        threshold: Probability from which on the model says yes.
        known: Files of labels; their rows are not asked for again.

    Raises:
        UsageError: The folder holds a round already.
        DataError: The log has no prediction of this model that is not labelled.
    """
    files = folder / TASKS, folder / INTERFACE
    if there := [path for path in files if path.exists()]:
        raise UsageError(
            f"{there[0]} is there already: nothing was written",
            expected="a folder for this round alone",
            run=f"playbill label choose --out {folder}-2 ...",
        )
    labelled = {name for path in known for name in _identifiers(path)}
    records = [
        each for each in prediction_log.records(logs)
        if each.get("model") == params.name and each["prediction_id"] not in labelled
    ]  # fmt: skip
    if not records:
        raise DataError(
            f"the log has no prediction of {params.name} that waits for a label",
            where=logs,
            expected="a record of a prediction that no --known file has",
        )
    asked = outcome(params.contract)
    hidden = tuple(column.name for column in inputs(params.contract) if column.personal)
    chosen = choose(
        _doubts(records, asked, threshold), _strangeness(records, profile, hidden),
        len(records), params.annotation,
    )  # fmt: skip
    question = params.server.description or params.server.title
    tasks = [
        labelstudio.task(records[each.row], each.why, question, asked, hidden) for each in chosen
    ]
    target = next(each for each in columns(params.contract) if each.name == params.contract.target)
    folder.mkdir(parents=True, exist_ok=True)
    _write(files[0], json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")
    _write(files[1], labelstudio.interface(asked, target))
    counts = dict.fromkeys(("random", "drifted", "uncertain"), 0)
    for each in chosen:
        counts[each.why] += 1
    return Round(*files, counts, len(records), hidden)


def read(params: "Params", exports: Sequence[Path]) -> Read:
    """Return the labels of exports of Label Studio, settled by the declared rule.

    Raises:
        DataError: A file is no export, or a label is none of the target's classes.
    """
    asked = outcome(params.contract)
    classes = {str(each) for each in asked.classes}
    found = [label for path in exports for label in labelstudio.labels(path)]
    for label in found:
        number = isinstance(label.value, float)
        if number if asked.task != "regression" else not number:
            raise DataError(
                f"the label {label.value!r} is of another task", where=label.prediction_id,
                expected=f"labels of a {asked.task} target",
            )  # fmt: skip
        if not number and label.value not in classes:
            raise DataError(
                f"the label {label.value!r} is no class of {params.contract.target}",
                where=label.prediction_id,
                expected=f"one of {', '.join(sorted(classes))}",
            )
    if not found:
        raise DataError(
            "the exports hold no finished label", where=", ".join(map(str, exports)),
            expected="tasks that someone submitted", run=labelstudio.RUN,
        )  # fmt: skip
    return Read(settle(found, params.annotation), agreement(found), len(found))


def write(path: Path, settled: Settled) -> None:
    """Write settled labels as CSV, as `playbill feedback import` takes them, sorted by row.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow([labelstudio.IDENTIFIER, "truth"])
            out.writerows(sorted(settled.truths.items()))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", where=str(path)) from error


def _doubts(records: Sequence[dict[str, Any]], asked: Outcome, threshold: float) -> Any:
    import numpy as np

    said = [record.get("probability") for record in records]
    known = None if None in said else np.asarray(said, dtype=np.float64)
    return doubts(asked.task, known, threshold)


def _strangeness(
    records: Sequence[dict[str, Any]], profile: dict[str, Any] | None, hidden: Sequence[str]
) -> Any:
    if profile is None:
        return None
    import pandas as pd

    from playbill.drift.contribution import contributions

    frame = pd.DataFrame.from_records([record["row"] for record in records])
    return contributions(profile, frame.drop(columns=[n for n in hidden if n in frame]))


def _identifiers(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [row[labelstudio.IDENTIFIER] for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} holds no labels",
            where=str(path),
            expected=f"a CSV file with the column {labelstudio.IDENTIFIER}",
        ) from error


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
