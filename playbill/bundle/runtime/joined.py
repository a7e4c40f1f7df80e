"""Texts that are joined of the contract's text columns: what a crossing of categories looks at."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Joined:
    """A text column made of others.

    Attributes:
        of: Places of the columns; those of the contract come first, then the joined ones.
        missing: What stands for a missing text of each.
        separator: What stands between them.
    """

    of: tuple[int, ...]
    missing: tuple[str, ...]
    separator: str

    def text(self, values: Sequence[str | None]) -> str:
        """Return the text of one row; None stands for a missing one."""
        return self.separator.join([
            none if values[place] is None else str(values[place])
            for place, none in zip(self.of, self.missing, strict=True)
        ])  # fmt: skip

    def texts(self, columns: Sequence[Sequence[str | None]]) -> list[str]:
        """Return the text of each row."""
        parts = [
            [none if value is None else value for value in columns[place]]
            for place, none in zip(self.of, self.missing, strict=True)
        ]
        return [self.separator.join(row) for row in zip(*parts, strict=True)]
