"""What every kind of source gives: rows as an Arrow table, where they came from, and a snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from playbill.config.schema import Window
from playbill.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Context:
    """What a reader may know beside its own config."""

    name: str
    window: Window
    root: Path
    allow: Sequence[str]

    @property
    def where(self) -> str:
        """Key of the source's config, for errors."""
        return f"source.sources.{self.name}"


@dataclass(frozen=True)
class Rows:
    """What a reader found: the rows, whether the window chose them, and what it knows of them."""

    frame: "pd.DataFrame"
    windowed: bool
    facts: dict[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """A kind of source: `read` in the module of that name."""

    def __call__(self, source: Any, context: Context) -> Rows:
        """Return the rows of the window; DataError if there are none."""


@dataclass(frozen=True)
class Snapshot:
    """One source's rows as they were ingested."""

    name: str
    table: "pa.Table"
    file: str
    content: bytes
    provenance: dict[str, Any]

    def files(self) -> dict[str, bytes | dict[str, Any]]:
        """Return what is kept under data/raw, by relative name."""
        return {self.file: self.content, f"{self.name}.json": self.provenance}


def require_rows(rows: int, context: Context, what: str, expected: str) -> None:
    """Raise DataError with `what` unless there are rows."""
    if rows == 0:
        raise DataError(what, where=context.where, expected=expected)
