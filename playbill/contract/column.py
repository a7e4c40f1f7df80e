"""A column of the contract as plain values, for everyone who must not know pandera."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """One column of the contract: its kind, its bounds and what people are told about it."""

    name: str
    kind: Literal["number", "integer", "text", "boolean", "datetime"]
    nullable: bool
    minimum: float | None
    maximum: float | None
    categories: tuple[str, ...] | None
    description: str
    example: str | float | int | bool | None
