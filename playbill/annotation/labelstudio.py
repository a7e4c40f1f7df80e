"""Label Studio's files: tasks and a labelling interface out, its JSON exports in.

Formats as its documentation has them (labelstud.io/guide/tasks and /guide/export): tasks are a list
of `{"data": ..., "predictions": [...]}`; the export JSON has the annotations below each task,
JSON_MIN one object for each annotation.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from playbill.errors import DataError

if TYPE_CHECKING:
    from playbill.contract.column import Column
    from playbill.contract.outcome import Outcome

CONTROL = "truth"  # name of the control that people fill in
QUESTION = "question"
IDENTIFIER = "prediction_id"
RUN = "in Label Studio: Export > JSON"


@dataclass(frozen=True)
class Label:
    """What one annotator said of one row.

    Attributes:
        prediction_id: The row.
        value: The text of the choice, or the number.
        annotator: Who, as Label Studio counts them.
        when: When, in its own text, which sorts by time.
    """

    prediction_id: str
    value: str | float
    annotator: str
    when: str


def interface(asked: "Outcome", target: "Column") -> str:
    """Return the labelling interface of a contract, in Label Studio's XML.

    Args:
        asked: Task and classes.
        target: The column that people are to fill in.
    """
    view = ET.Element("View")
    ET.SubElement(view, "Text", name=QUESTION, value=f"${QUESTION}")
    ET.SubElement(view, "Table", name="row", value="$row")
    ET.SubElement(view, "Header", value=target.description or target.name)
    if asked.task == "regression":
        bounds = {"min": target.minimum, "max": target.maximum}
        plain = {name: f"{bound:g}" for name, bound in bounds.items() if bound is not None}
        rest = {"toName": QUESTION, "required": "true", "step": "any", **plain}
        ET.SubElement(view, "Number", {"name": CONTROL, **rest})
    else:
        control = ET.SubElement(
            view, "Choices", name=CONTROL, toName=QUESTION, choice="single-radio",
            required="true", showInline="true",
        )  # fmt: skip
        short = all(len(str(each)) == 1 for each in asked.classes)
        for number, each in enumerate(asked.classes, 1):
            keys = str(each) if short else str(number)
            hot = {"hotkey": keys} if len(keys) == 1 else {}
            ET.SubElement(control, "Choice", {"value": str(each), **hot})
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def task(
    record: Mapping[str, Any], why: str, question: str, asked: "Outcome", hidden: Sequence[str]
) -> dict[str, Any]:
    """Return a task: the row, why it was chosen, and the model's own answer as a suggestion.

    Args:
        record: The prediction log's.
        why: What the row was chosen for; it is not shown, for it might sway who labels.
        question: What stands above the row.
        asked: Task and classes.
        hidden: Inputs that are not shown: personal ones.
    """
    row = {name: _shown(value) for name, value in record["row"].items() if name not in hidden}
    data = {IDENTIFIER: record[IDENTIFIER], QUESTION: question, "row": row, "chosen": why}
    if asked.task == "regression":
        value, kind = {"number": record["value"]}, "number"
        suggestion = {}
    else:
        said = record["label"]
        if asked.task == "binary":
            said = _named(asked, positive=bool(said))
        value, kind = {"choices": [str(said)]}, "choices"
        suggestion = {"score": record["probability"]}
    result = {"from_name": CONTROL, "to_name": QUESTION, "type": kind, "value": value}
    version = record.get("model_version") or str(record.get("model_digest", ""))[:19]
    return {
        "data": data,
        "predictions": [{"model_version": version, **suggestion, "result": [result]}],
    }


def labels(path: Path) -> list[Label]:
    """Return the labels of an export, JSON or JSON_MIN, in the order of the file.

    Annotations that were skipped or cancelled are left out.

    Raises:
        DataError: The file is none, or a task is none of `playbill label choose`.
    """
    try:
        exported = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}", expected="an export", run=RUN) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.name} is no JSON: {str(error)[:120]}", where=str(path), run=RUN
        ) from error
    if not isinstance(exported, list) or not all(isinstance(each, dict) for each in exported):
        raise DataError(
            f"{path.name} is no export of Label Studio",
            where=str(path),
            expected="a list of tasks, as its JSON or JSON_MIN export writes it",
            run=RUN,
        )
    read = _whole if any("annotations" in each for each in exported) else _minimal
    found: list[Label] = []
    for number, each in enumerate(exported):
        found += read(each, f"{path.name}[{number}]")
    return found


def _shown(value: object) -> object:
    """Return a value as Label Studio's table shows it: of true, false and null it shows nothing."""
    if value is None:
        return "(missing)"
    return str(value).lower() if isinstance(value, bool) else value


def _whole(task: Mapping[str, Any], where: str) -> Iterator[Label]:
    name = _identifier(task.get("data") or {}, where)
    for annotation in task.get("annotations") or []:
        if annotation.get("was_cancelled"):
            continue
        for result in annotation.get("result") or []:
            if result.get("from_name") == CONTROL:
                value = _value(result.get("value") or {}, where)
                who = annotation.get("completed_by")
                who = who.get("id") if isinstance(who, dict) else who
                when = str(annotation.get("updated_at") or annotation.get("created_at") or "")
                yield Label(name, value, str(who), when)


def _minimal(task: Mapping[str, Any], where: str) -> Iterator[Label]:
    name = _identifier(task, where)
    if (value := task.get(CONTROL)) is None or value == "":
        return
    if isinstance(value, dict):
        value = _value(value, where)
    elif isinstance(value, list):
        value = _value(value[0], where) if value else None
    if value is not None:
        plain = value if isinstance(value, str) else float(value)
        yield Label(name, plain, str(task.get("annotator")), str(task.get("updated_at", "")))


def _identifier(data: Mapping[str, Any], where: str) -> str:
    name = data.get(IDENTIFIER)
    if not isinstance(name, str):
        raise DataError(
            f"a task has no {IDENTIFIER}",
            where=where,
            expected="tasks that `playbill label choose` wrote",
        )
    return name


def _value(value: Any, where: str) -> str | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, dict):
        if isinstance(choices := value.get("choices"), list) and len(choices) == 1:
            return str(choices[0])
        if isinstance(number := value.get("number"), (int, float)):
            return float(number)
    raise DataError(
        f"a label is neither one choice nor a number: {json.dumps(value)[:80]}", where=where
    )


def _named(asked: "Outcome", *, positive: bool) -> object:
    other = [each for each in asked.classes if each != asked.positive]
    return asked.positive if positive else other[0]
