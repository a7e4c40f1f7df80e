"""A column of the contract as plain values, for everyone who must not know pandera."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "integer", "text", "boolean", "datetime"]


@dataclass(frozen=True)
class Column:
    """One column of the contract; bounds are inclusive unless they say otherwise."""

    name: str
    kind: Kind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    categories: tuple[str, ...] | None = None
    description: str = ""
    example: str | float | int | bool | None = None
