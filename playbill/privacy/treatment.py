"""Drops, pseudonymises and generalises the personal columns of a table, as conf/privacy says.

Every treatment looks at one value at a time, so a table may come whole or in batches. A missing
value stays missing.
"""

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from math import floor
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.config.privacy import Generalise, Privacy, Pseudonymise
from playbill.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# Hexadecimal digits that are kept: 128 bits, the half that RFC 2104 (section 5) still allows.
DIGITS = 32
Secret = Callable[[str], str]


def treat(table: "pa.Table", privacy: Privacy, secret: Secret) -> "pa.Table":
    """Return the table in which no personal column stands untreated.

    Args:
        table: What the query gave, whole or in part.
        privacy: What becomes of which column.
        secret: Gives the value of an environment variable that conf/env lists as a secret.

    Raises:
        DataError: A column is not there, or is of a kind that the treatment does not fit.
        ConfigError: A key is not in the environment.
    """
    for name, treatment in privacy.columns.items():
        if name not in table.column_names:
            raise DataError(
                f"the query gives no column `{name}`",
                where=f"privacy.columns.{name}",
                expected=nearest(name, table.column_names) or "a column of source.query",
            )
        at = table.column_names.index(name)
        if treatment.kind == "drop":
            table = table.remove_column(at)
        elif isinstance(treatment, Pseudonymise):
            digest = partial(pseudonym, key=secret(treatment.secret).encode())
            table = table.set_column(at, name, _each(table.column(at), digest))
        elif isinstance(treatment, Generalise):
            table = table.set_column(at, name, generalised(table.column(at), treatment, name))
    return table


def pseudonym(value: object, *, key: bytes) -> str:
    """Return what stands for a value: HMAC-SHA-256 (RFC 2104) of its text, 32 hexadecimal digits.

    Without the key not even a value that can be guessed is found again.
    """
    return hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()[:DIGITS]


def generalised(column: "pa.ChunkedArray", how: Generalise, name: str) -> "pa.ChunkedArray":
    """Return the coarser values of a column.

    Raises:
        DataError: The column's kind is not one that is generalised in this way.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if how.date is not None:
        _require(pa.types.is_temporal(kind), name, kind, "a date or a timestamp")
        if how.date == "year":
            return pc.year(column)
        if how.date == "month":
            return pc.strftime(column, format="%Y-%m")
        parts = [pc.cast(part(column), pa.string()) for part in (pc.year, pc.quarter)]
        return pc.binary_join_element_wise(*parts, "-Q")
    if how.prefix is not None:
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        _require(is_text, name, kind, "text")
        return pc.utf8_slice_codeunits(column, 0, how.prefix)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    _require(is_number, name, kind, "a number")
    return _each(column, _in_width(how.width) if how.width else _in_edges(how.edges or []))


def _in_width(width: float) -> Callable[[Any], str | None]:
    def band(value: Any) -> str | None:
        if value != value:  # noqa: PLR0124 - not a number
            return None
        low = floor(float(value) / width)
        return f"[{_text(low * width)}, {_text((low + 1) * width)})"

    return band


def _in_edges(edges: list[float]) -> Callable[[Any], str | None]:
    def band(value: Any) -> str | None:
        if value != value:  # noqa: PLR0124 - not a number
            return None
        at = bisect_right(edges, float(value))
        if at == 0:
            return f"< {_text(edges[0])}"
        if at == len(edges):
            return f">= {_text(edges[-1])}"
        return f"[{_text(edges[at - 1])}, {_text(edges[at])})"

    return band


def _text(bound: float) -> str:
    """Return a bound without the digits that binary fractions add: 3 * 0.1 is 0.3."""
    return f"{bound:.12g}"


def _each(column: "pa.ChunkedArray", change: Callable[[Any], str | None]) -> "pa.ChunkedArray":
    """Return the text that `change` makes of each value; it is called once a distinct value."""
    import pyarrow as pa

    encoded = column.combine_chunks().dictionary_encode()
    values = pa.array([change(each.as_py()) for each in encoded.dictionary], pa.string())
    return pa.chunked_array([values.take(encoded.indices)])


def _require(fits: object, name: str, kind: object, expected: str) -> None:
    if not fits:
        raise DataError(
            f"`{name}` cannot be generalised in this way: its kind is {kind}",
            where=f"privacy.columns.{name}",
            expected=f"{expected}; cast it in source.query",
        )
