"""Brings one declared source in: by its kind, window by window, each with its provenance."""

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.config.source import AnySource, FileSource, Window
from playbill.errors import DataError
from playbill.source import file, html, landing, python, rest, sql
from playbill.source.base import Context, Reader, UnsteadyError
from playbill.source.seed import seed
from playbill.source.store import Store, Stored, declaration, open_store
from playbill.source.window import pieces, span

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 2
READERS: dict[str, Reader] = {
    "file": file.read,
    "sql": sql.read,
    "rest": rest.read,
    "html": html.read,
    "python": python.read,
}
# Known of a stored window and no part of its provenance.
HIDDEN = ("columns", "writer", "without")
# Of a window's rows, the first and the last by the columns that a source may name.
ENDS = {"time": ("first", "last"), "key": ("first_key", "last_key")}
# Rows that change while they are read are read again so many times in all.
READINGS = 3


@dataclass(frozen=True)
class Screen:
    """Keeps rows out of every window of a source, whether it is fetched or was stored.

    Attributes:
        keep: Returns the rows of a table that may come in.
        name: Changes when other rows are kept out: what was stored under another is screened again.
    """

    keep: "Callable[[pa.Table], pa.Table]"
    name: str


@dataclass(frozen=True)
class Snapshot:
    """One source's rows as they were ingested.

    Attributes:
        name: Name under which the query reads them.
        parquet: The files, by their name under data/raw.
        provenance: Where they come from.
    """

    name: str
    parquet: dict[str, Path]
    provenance: dict[str, Any]

    def files(self) -> dict[str, Path | dict[str, Any]]:
        """Return what is kept under data/raw, by relative name."""
        return {**self.parquet, f"{self.name}.json": self.provenance}

    def table(self) -> "pa.Table":
        """Return all rows, in order of the windows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [pq.read_table(path) for path in self.parquet.values()]
        return pa.concat_tables(tables, promote_options="permissive")


def fetch(  # noqa: PLR0913 - each is one fact, most have a default
    name: str,
    source: AnySource,
    window: Window,
    *,
    root: Path,
    allow: Sequence[str] = (),
    every: str | None = None,
    code: Mapping[str, str] | None = None,
    screen: Screen | None = None,
) -> Snapshot:
    """Return the snapshot of the source `name`; only windows that are not stored are fetched.

    Args:
        name: Name under which the query reads the source.
        source: Its config.
        window: The rows that are wanted, if the source knows time.
        root: The project's root; paths are relative to it.
        allow: Prefixes of targets that may be imported.
        every: Length of a window, as 1m; None: all of it is one.
        code: Digests of the project's code that the source calls; None: unknown, so nothing that
            was stored is taken.
        screen: Keeps rows out; None: all come in.

    Raises:
        DataError: The source is missing, cannot be read or has no rows.
    """
    whole = Context(name, window, root, allow)
    known = {**(code or {}), **_contents(source, whole)}
    digest = declaration(source.model_dump(mode="json"), known)
    store = open_store(root, name, digest)
    takes = code is not None or source.kind != "python"
    if takes:
        seed(root, name, store, digest)
    parts = pieces(window, every) if source.is_windowed else [window]
    again = {span(part) for part in parts[len(parts) - source.look_back :]}
    found: list[tuple[Window, Stored]] = []
    expected: list[str] = []
    for part in parts:
        at = span(part) if source.is_windowed else "whole"
        context = Context(name, part, root, allow)
        ask = partial(_fetched, store, at, source, context, expected, screen)
        takes_this = takes and span(part) not in again
        stored = _stored(store, at, source, context, screen) if takes_this else None
        found.append((part, stored or ask()))
    _require_rows(found, source, whole, expected)
    return _snapshot(name, source, found, whole, digest)


def _contents(source: AnySource, context: Context) -> dict[str, str]:
    """Return the digests of a project's own files: an edit of one counts as a new declaration."""
    if not isinstance(source, FileSource) or source.is_remote:
        return {}
    return {each.name: file.digest(each) for each in file.files(source, context)}


def _stored(
    store: Store, at: str, source: AnySource, context: Context, screen: Screen | None
) -> Stored | None:
    """Return a stored window as this version of pyarrow writes it, so that it has a fetch's bytes.

    What other versions wrote is written again, and so is what was screened otherwise; nothing is
    fetched for that.
    """
    stored = store.find(at)
    if stored is None or stored.file is None:
        return stored
    is_screened = stored.facts.get("without") == (screen.name if screen else None)
    if stored.facts.get("writer") == _writer() and (is_screened or screen is None):
        return stored
    return rewrite(store, at, source, context, screen)


def rewrite(
    store: Store, at: str, source: AnySource, context: Context, screen: Screen | None
) -> Stored:
    """Write a stored window again, as if the source had been fetched and screened now."""
    import pyarrow.parquet as pq

    stored = store.find(at)
    if stored is None or stored.file is None:
        raise AssertionError
    rows = pq.read_table(stored.file)

    def land(target: Path) -> dict[str, Any]:
        landed = landing.land(_screened(iter([rows]), screen), target, context)
        facts = stored.facts | _landed(landed, screen)
        ends = {name for names in ENDS.values() for name in names}
        plain = {key: value for key, value in facts.items() if key not in ends}
        return plain | _ends(source, target, landed, context)

    return store.put(at, land)


def _screened(tables: "Iterator[pa.Table]", screen: Screen | None) -> "Iterator[pa.Table]":
    if screen is None:
        return tables
    return (kept for table in tables if (kept := screen.keep(table)).num_rows)


def _landed(landed: landing.Landed, screen: Screen | None) -> dict[str, Any]:
    return {
        "rows": landed.rows,
        "columns": list(landed.columns),
        "sha256": landed.sha256,
        "writer": _writer(),
        **({"without": screen.name} if screen else {}),
    }


def _writer() -> str:
    return importlib.metadata.version("pyarrow")


def _fetched(
    store: Store,
    at: str,
    source: AnySource,
    context: Context,
    expected: list[str],
    screen: Screen | None,
) -> Stored:
    def land(target: Path) -> dict[str, Any]:
        rows = READERS[source.kind](source, context)
        landed = landing.land(_screened(rows.tables, screen), target, context)
        expected.extend(rows.expected)
        return _landed(landed, screen) | rows.facts | _ends(source, target, landed, context)

    for reading in range(READINGS):
        try:
            return store.put(at, land)
        except UnsteadyError:
            if reading == READINGS - 1:
                raise
    raise AssertionError


def _ends(
    source: AnySource, file: Path, landed: landing.Landed, context: Context
) -> dict[str, str]:
    """Return the first and last time and key of a window's rows."""
    facts: dict[str, str] = {}
    for role, names in ENDS.items():
        column = getattr(source, role)
        if column is None or not landed.rows:
            continue
        if column not in landed.columns:
            raise DataError(
                f"source `{context.name}` has no column `{column}`",
                where=f"{context.where}.{role}",
                expected=nearest(column, landed.columns),
            )
        for name, value in zip(names, landing.extremes(file, column), strict=True):
            facts[name] = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return facts


def _require_rows(
    found: list[tuple[Window, Stored]], source: AnySource, context: Context, expected: list[str]
) -> None:
    if not any(stored.facts["rows"] for _, stored in found):
        window = context.window
        when = f" from {window.start} to {window.end}" if source.is_windowed else ""
        raise DataError(
            f"source `{context.name}` has no rows{when}",
            where=context.where,
            expected=expected[-1] if expected else "at least one row",
        )


def _snapshot(
    name: str,
    source: AnySource,
    found: list[tuple[Window, Stored]],
    context: Context,
    digest: str,
) -> Snapshot:
    parquet: dict[str, Path] = {}
    windows = []
    for window, stored in found:
        file = f"{name}/{span(window)}.parquet" if source.is_windowed else f"{name}.parquet"
        if stored.file is not None:
            parquet[file] = stored.file
        bounds = {"start": window.start.isoformat(), "end": window.end.isoformat()}
        facts = {k: v for k, v in stored.facts.items() if k not in HIDDEN}
        windows.append({**(bounds if source.is_windowed else {}), "file": file, **facts})
    rows = [stored.facts for _, stored in found]
    whole = context.window
    provenance = {
        "format_version": FORMAT_VERSION,
        "kind": source.kind,
        "declaration": digest,
        "rows": sum(facts["rows"] for facts in rows),
        "columns": list(dict.fromkeys(c for facts in rows for c in facts["columns"])),
        "window": {"start": whole.start.isoformat(), "end": whole.end.isoformat()}
        if source.is_windowed
        else None,
        "snapshots": windows,
    }
    return Snapshot(name, parquet, provenance)
