"""Where two files differ, in words: a key, a column, a line, a member, or the first byte.

Rows of tables are counted, never shown: they may be personal data.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SHOWN = 3  # differences that are named
_LETTERS = 60


def differences(before: Path, after: Path) -> list[str]:
    """Return in words where two outputs differ, files or folders: the first few places."""
    if before.is_dir() or after.is_dir():
        found = _folders(before, after)
    else:
        one, two = _read(before), _read(after)
        found = _files(before.name, one, two) if one != two else iter(())
    listed = []
    for each in found:
        listed.append(each)
        if len(listed) == _SHOWN:
            break
    return listed


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _folders(before: Path, after: Path) -> Iterator[str]:
    for name in sorted({*_names(before), *_names(after)}):
        first, second = before / name, after / name
        if not first.is_file() or not second.is_file():
            yield f"{name}: only {'now' if second.is_file() else 'before'}"
        elif (one := first.read_bytes()) != (two := second.read_bytes()):
            yield from (f"{name}: {each}" for each in _files(first.name, one, two))


def _names(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]


def _files(name: str, before: bytes, after: bytes) -> Iterator[str]:
    kinds = {".parquet": _tables, ".json": _json, ".skops": _archives, ".zip": _archives}
    suffix = Path(name).suffix
    try:
        yield from kinds.get(suffix, _texts)(before, after)
    except (ValueError, OSError, zipfile.BadZipFile):
        yield _bytes(before, after)


def _json(before: bytes, after: bytes) -> Iterator[str]:
    found = list(_values(json.loads(before), json.loads(after), ""))
    yield from found or ["the same values, written in another way"]


def _values(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(k for k in after if k not in before)]:
            yield from _values(before.get(key), after.get(key), f"{path}.{key}" if path else key)
        if list(before) != list(after) and set(before) == set(after):
            yield f"{path or 'top'}: the keys come in another order"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        if before != after and sorted(map(str, before)) == sorted(map(str, after)):
            yield f"{path}: the same items in another order"
            return
        for number, (one, two) in enumerate(zip(before, after, strict=True)):
            yield from _values(one, two, f"{path}[{number}]")
    elif isinstance(before, list) and isinstance(after, list):
        yield f"{path or 'list'}: {len(before)} items and {len(after)}"
    elif before != after or type(before) is not type(after):
        yield f"{path or 'value'}: {_cut(before)} and {_cut(after)}"


def _texts(before: bytes, after: bytes) -> Iterator[str]:
    one, two = before.decode().splitlines(), after.decode().splitlines()
    if "\0" in before.decode():
        raise ValueError
    if one != two and sorted(one) == sorted(two):
        yield "the same lines in another order"
        return
    for number, (left, right) in enumerate(zip(one, two, strict=False), 1):
        if left != right:
            yield f"line {number}: {_cut(left)} and {_cut(right)}"
    if len(one) != len(two):
        yield f"{len(one)} lines and {len(two)}"


def _archives(before: bytes, after: bytes) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(before)) as one, zipfile.ZipFile(io.BytesIO(after)) as two:
        first, second = one.namelist(), two.namelist()
        # What both have comes first: it says more than a name that only one has.
        for name in sorted({*first, *second}, key=lambda n: (n not in first or n not in second, n)):
            if name not in first or name not in second:
                yield f"member {name}: only {'now' if name in second else 'before'}"
            elif (left := one.read(name)) != (right := two.read(name)):
                yield from (f"member {name}: {each}" for each in _files(name, left, right))
        if one.infolist() and [i.date_time for i in one.infolist()] != [
            i.date_time for i in two.infolist()
        ]:
            yield "the members' times"


def _tables(before: bytes, after: bytes) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    one, two = (pq.read_table(io.BytesIO(content)) for content in (before, after))
    if one.num_rows != two.num_rows:
        yield f"{one.num_rows:,} rows and {two.num_rows:,}"
        return
    if one.schema != two.schema:
        yield f"columns or types: {', '.join(map(str, set(one.schema) ^ set(two.schema)))}"
        return
    equal = True
    for name in one.column_names:
        left, right = one[name], two[name]
        if left.equals(right):
            continue
        rows = pc.sum(pc.fill_null(pc.not_equal(left, right), fill_value=True)).as_py() or 0
        text = f"column {name}: {rows:,} of {one.num_rows:,} rows"
        if rows and pa.types.is_floating(left.type):
            largest = pc.max(pc.abs(pc.subtract(left, right))).as_py()
            text += f", by at most {largest:.3g}"
        equal = equal and not rows
        yield text
    if equal:
        yield "the same values, stored in another way"


def _bytes(before: bytes, after: bytes) -> str:
    if not before or not after:
        return "nothing was written" if not after else "nothing was there before"
    at = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    return f"from byte {at:,} on, of {len(before):,} and {len(after):,}"


def _cut(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LETTERS else f"{text[:_LETTERS]}..."
