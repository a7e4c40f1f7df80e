"""The truth that came later: what turned out to be true of a prediction, by its identifier.

One SQLite file, because it brings all that is needed: a row is there once however often it is
sent, several processes write to one file, and what was acknowledged is on the disk. Everything in
it is in quarantine: `playbill feedback join` decides what is believed.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.errors import DataError

if TYPE_CHECKING:
    import sqlite3

Value = str | int | float
FORMAT_VERSION = 1
WAIT = 10.0  # seconds that a writer waits for another
_TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    prediction_id TEXT PRIMARY KEY,
    truth TEXT NOT NULL,
    received TEXT NOT NULL,
    source TEXT NOT NULL,
    batch TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Truth:
    """What turned out to be true of one prediction.

    Attributes:
        prediction_id: Identifier of the answer.
        value: The target, in the contract's terms.
        received: When it was taken, ISO 8601 in UTC.
        source: Who said it: the name of a key, or of a file.
        batch: What is believed or not as a whole: a source's month, or a file's digest.
    """

    prediction_id: str
    value: Value
    received: str
    source: str
    batch: str


@dataclass(frozen=True)
class Kept:
    """What became of truths: new ones, repetitions, and those that contradict an earlier one."""

    accepted: int
    repeated: int
    contradicting: tuple[str, ...] = ()


def keep(path: Path, truths: Sequence[Truth]) -> Kept:
    """Add truths to a file, all of them or, if one contradicts what is there, none.

    Raises:
        DataError: The file cannot be written, or is something else.
    """
    found: list[str] = []
    repeated = 0
    with _opened(path) as database, database:
        database.execute("BEGIN IMMEDIATE")  # nobody writes between the look and the write
        fresh: dict[str, Truth] = {}
        for truth in truths:
            known = _known(database, truth.prediction_id)
            if known is None and truth.prediction_id in fresh:
                known = _text(fresh[truth.prediction_id].value)
            if known is None:
                fresh[truth.prediction_id] = truth
            elif known == _text(truth.value):
                repeated += 1
            else:
                found.append(truth.prediction_id)
        if not found:
            rows = [
                (one.prediction_id, _text(one.value), one.received, one.source, one.batch)
                for one in fresh.values()
            ]
            database.executemany("INSERT INTO feedback VALUES (?, ?, ?, ?, ?)", rows)
    return Kept(0 if found else len(fresh), repeated, tuple(found))


def truths(paths: Iterable[Path]) -> Iterator[Truth]:
    """Yield everything that files hold, in order of the predictions within each.

    Raises:
        DataError: There is no such file, or it is something else.
    """
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"there is no feedback in {path}",
                where=str(path),
                expected="the file that `[feedback] file` of the server names",
            )
        with _opened(path) as database:
            rows = database.execute("SELECT * FROM feedback ORDER BY prediction_id").fetchall()
        for identifier, text, *rest in rows:
            yield Truth(identifier, json.loads(text), *rest)


def newest(path: Path) -> str | None:
    """Return the identifier of the newest prediction whose truth a file has; None without any.

    Raises:
        DataError: The file cannot be read, or is something else.
    """
    if not path.is_file():
        return None
    with _opened(path) as database:
        found = database.execute("SELECT max(prediction_id) FROM feedback").fetchone()[0]
    return None if found is None else str(found)


@contextmanager
def _opened(path: Path) -> "Iterator[sqlite3.Connection]":
    import sqlite3  # a server without feedback does without

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=WAIT, isolation_level=None)) as database:
            # Acknowledged is kept: the disk is waited for, which once a request is cheap enough.
            database.execute("PRAGMA synchronous = FULL")
            if database.execute("PRAGMA user_version").fetchone()[0] not in {0, FORMAT_VERSION}:
                raise DataError("the feedback is of a later version", where=str(path))
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            yield database
    except (sqlite3.Error, OSError) as error:
        raise DataError(f"the feedback cannot be kept: {error}", where=str(path)) from error


def _known(database: "sqlite3.Connection", identifier: str) -> str | None:
    found = database.execute(
        "SELECT truth FROM feedback WHERE prediction_id = ?", (identifier,)
    ).fetchone()
    return str(found[0]) if found else None


def _text(value: Value) -> str:
    """Return one text for one value: 1 and 1.0 are the same truth."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value)
