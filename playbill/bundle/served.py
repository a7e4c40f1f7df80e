"""What is asked of a model and what it answers, and the file of the model layer that says so."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.contract import task
from playbill.contract.column import as_dict, columns, from_dict, inputs
from playbill.contract.task import BINARY, Outcome, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playbill.config.schema import Params
    from playbill.contract.column import Column

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Served:
    """What is asked of a model and what it answers.

    Attributes:
        name: The model.
        key: Name of the column that identifies a row.
        inputs: The contract's input columns.
        target: The column that is predicted.
        threshold: Probability from which on the label is true.
        asked: What the contract asks for: task, classes, positive class.
    """

    name: str
    key: str
    inputs: "Sequence[Column]"
    target: "Column"
    threshold: float
    asked: Outcome = BINARY


def declared(params: "Params", tuned: float | None = None) -> Served:
    """Return what conf/ declares.

    Args:
        params: The project's.
        tuned: The threshold that training found; None: conf/evaluation's.
    """
    contract = params.contract
    return Served(
        name=params.name,
        key=contract.key,
        inputs=inputs(contract),
        target=next(c for c in columns(contract) if c.name == contract.target),
        threshold=params.evaluation.threshold if tuned is None else tuned,
        asked=outcome(contract),
    )


def contract_file(served: Served) -> dict[str, bytes]:
    """Return the file of the model layer that says what is asked and what is answered."""
    contract = {
        "format_version": FORMAT_VERSION,
        "name": served.name,
        "key": served.key,
        "inputs": [as_dict(column) for column in served.inputs],
        "target": as_dict(served.target),
        "threshold": served.threshold,
        **task.as_dict(served.asked),
    }
    return {"contract.json": to_json(contract)}


def served_of(contract: bytes) -> Served:
    """Return what is asked of the model with this contract.json, of this version or before."""
    plain = json.loads(contract)
    return Served(
        name=plain["name"],
        key=plain["key"],
        inputs=[from_dict(each) for each in plain["inputs"]],
        target=from_dict(plain["target"]),
        threshold=plain["threshold"],
        asked=task.from_dict(plain),
    )


def to_json(value: Any) -> bytes:
    """Return the JSON form of every file in the model layer: sorted, readable, strict."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
