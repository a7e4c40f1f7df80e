"""What a model of the contract answers: the task, its classes and which of them is positive.

Plain values alone: the server reads it too, and has no pandas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.config.outcome import Class, Task

if TYPE_CHECKING:
    from playbill.config.schema import Contract


@dataclass(frozen=True)
class Outcome:
    """What a model of a contract answers.

    Attributes:
        task: The kind of answer.
        classes: The classes, sorted; empty for a regression.
        positive: The class whose probability a binary model gives.
    """

    task: Task = "binary"
    classes: tuple[Class, ...] = (0, 1)
    positive: Class | None = 1


BINARY = Outcome()


def outcome(contract: "Contract") -> Outcome:
    """Return what a model of `contract` answers."""
    return Outcome(contract.task, contract.classes, contract.positive_class)


def as_dict(asked: Outcome) -> dict[str, Any]:
    """Return the JSON form of an outcome, as it stands in the bundle's contract.json."""
    return {"task": asked.task, "classes": list(asked.classes), "positive": asked.positive}


def from_dict(plain: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `as_dict` wrote; a bundle of before there were tasks is binary."""
    if "task" not in plain:
        return Outcome()
    return Outcome(plain["task"], tuple(plain["classes"]), plain["positive"])
