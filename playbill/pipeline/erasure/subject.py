"""A person as the files of a project know them, and whether a file speaks of them."""

import json
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config import place
from playbill.config.privacy import Pseudonymise
from playbill.errors import UsageError
from playbill.model.seen import KEY, digests
from playbill.privacy.treatment import pseudonym

if TYPE_CHECKING:
    import pyarrow as pa

    from playbill.config.schema import Params

# Characters from which on a value is looked for in texts and in other columns too: `42` is in all.
LONG = 6
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"
# What may stand beside a name, for RE2.
OUTSIDE = r"[^\pL\pN_.@+-]"


@dataclass(frozen=True)
class Subject:
    """Whom a search is about.

    Attributes:
        terms: What stands for the person: the value itself, and its pseudonyms.
        columns: Columns that name a person: of the sources, and the contract's subject and key.
        keys: Keys of the person's rows, by which files know them that name nobody.
        key: The contract's key column.
    """

    terms: frozenset[str]
    columns: frozenset[str]
    key: str
    keys: frozenset[str] = frozenset()

    def with_keys(self, keys: Collection[str]) -> "Subject":
        """Return the same person with the keys of their rows."""
        return replace(self, keys=frozenset(keys))

    @property
    def long(self) -> list[str]:
        """The terms that are long enough to mean something in any text."""
        return sorted(term for term in self.terms if len(term) >= LONG)

    def is_in(self, text: bytes) -> bool:
        """Say whether a text names the person: as a whole word, plain or as JSON writes it."""
        return any(_pattern(term).search(text) for term in self.long)


def subject_of(params: "Params", value: str, root: Path) -> Subject:
    """Return the person that a value names.

    Raises:
        UsageError: The project does not say which columns name people.
    """
    contract, privacy = params.contract, params.privacy
    role = contract.role("subject")
    columns = {*privacy.subjects.values(), *([role] if role else [])}
    if not columns:
        raise UsageError(
            "nothing says which column names a person",
            where="conf/privacy",
            expected="`subjects: {SOURCE: COLUMN}`, and `role: subject` in contract.columns",
        )
    if not value.strip():
        raise UsageError("the subject is empty", expected="--subject VALUE")
    secrets = {t.secret for t in privacy.columns.values() if isinstance(t, Pseudonymise)}
    made = {pseudonym(value, key=place.secret(name, root).encode()) for name in secrets}
    return Subject(frozenset({value, *made}), frozenset(columns), contract.key)


def rows_about(table: "pa.Table", subject: Subject) -> "pa.ChunkedArray":
    """Return for each row of a table whether it speaks of a person."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hit = pa.chunked_array([pa.array([False] * table.num_rows)])
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        wanted: set[str] = set()
        if name in subject.columns:
            wanted |= subject.terms
        if name == subject.key:
            wanted |= subject.terms | subject.keys
        if wanted and not pa.types.is_nested(kind):
            found = pc.is_in(pc.cast(column, pa.string()), pa.array(sorted(wanted), pa.string()))
            hit = pc.or_(hit, found)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            for term in subject.long:
                word = f"(^|{OUTSIDE}){_escaped(term)}($|{OUTSIDE}|[.]($|{OUTSIDE}))"
                inside = pc.match_substring_regex(column, word)
                hit = pc.or_(hit, pc.fill_null(inside, fill_value=False))
        elif pa.types.is_uint64(kind) and name == KEY and subject.keys:
            known = pa.array(digests(sorted(subject.keys)), pa.uint64())
            hit = pc.or_(hit, pc.is_in(column, known))
    return hit


def count(path: Path, subject: Subject) -> int:
    """Return how many rows of a file speak of a person; of what is no table 1 if it names them."""
    with path.open("rb") as file:
        head = file.read(4)
    if head == PARQUET:
        return sum(_true(rows_about(batch, subject)) for batch in batches(path))
    if head == ZIP:
        with zipfile.ZipFile(path) as archive:
            return int(any(subject.is_in(archive.read(name)) for name in archive.namelist()))
    return int(subject.is_in(path.read_bytes()))


def keys_in(path: Path, subject: Subject) -> set[str]:
    """Return the keys of a person's rows in a Parquet file that has the key column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: set[str] = set()
    with path.open("rb") as file:
        if file.read(4) != PARQUET:
            return found
    for batch in batches(path):
        if subject.key in batch.column_names:
            rows = batch.filter(rows_about(batch, subject))
            found |= set(pc.cast(rows[subject.key], pa.string()).to_pylist()) - {None}
    return found


def batches(path: Path) -> "Iterator[pa.Table]":
    """Yield the rows of a Parquet file in parts; of a damaged file none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid:
        return


def _true(hit: "pa.ChunkedArray") -> int:
    import pyarrow.compute as pc

    return int(pc.sum(hit).as_py() or 0)


@cache
def _pattern(term: str) -> re.Pattern[bytes]:
    """Return a pattern for a term that is no part of a longer name: 0013 is not in 00131."""
    forms = sorted({term.encode(), json.dumps(term)[1:-1].encode()})
    found = b"|".join(map(re.escape, forms))
    return re.compile(rb"(?<![\w.@+-])(?:" + found + rb")(?![\w@+-]|[.][\w@+-])")


def _escaped(term: str) -> str:
    """Return a term for RE2, which knows fewer escapes than Python."""
    return "".join(letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in term)


def secret_for_erased(params: "Params", root: Path) -> bytes:
    """Return the key of the digests by which the erased are known.

    Raises:
        UsageError: The project names none.
        ConfigError: Its value is not in the environment.
    """
    if params.privacy.erased_secret is None:
        raise UsageError(
            "nothing says with which key the erased are known",
            where="conf/privacy",
            expected="`erased_secret: NAME`, a name that conf/env lists under `secrets`",
            run="openssl rand -hex 32 makes a key; keep it",
        )
    return place.secret(params.privacy.erased_secret, root).encode()
