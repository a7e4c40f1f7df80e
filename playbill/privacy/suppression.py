"""Rows of people who were erased enter no snapshot again: they are known by keyed digests alone."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Suppression:
    """Whom a source's rows must not speak of.

    Attributes:
        column: The column that names the person.
        digests: Keyed digests of those who were erased.
        key: The key of the digests.
    """

    column: str
    digests: Collection[str]
    key: bytes

    def keep(self, table: "pa.Table") -> "pa.Table":
        """Return the rows that speak of nobody who was erased."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.column not in table.column_names:
            return table
        values = table.column(self.column).combine_chunks().dictionary_encode()
        gone = [digest(value.as_py(), self.key) in self.digests for value in values.dictionary]
        if not any(gone):
            return table
        hit = pa.array(gone, pa.bool_()).take(values.indices)
        return table.filter(pc.invert(pc.fill_null(hit, fill_value=False)))


def digest(value: object, key: bytes) -> str:
    """Return the keyed digest of the value that names a person: HMAC-SHA-256 of its text."""
    return hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()
