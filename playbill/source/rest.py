"""Sources of kind `rest`: the rows of a JSON API, page by page.

An API that is written to while it is read gives a page twice, or announces another total. Then the
window is read again from its start, and refused if that does not help: rows would be missing.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from playbill.config import place
from playbill.config.source import RestSource, bound
from playbill.errors import DataError
from playbill.source import pagination
from playbill.source.base import Context, Rows, UnsteadyError, as_table
from playbill.source.http import Client
from playbill.source.pagination import Page, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import requests


def read(source: RestSource, context: Context) -> Rows:
    """Ask for every page of the window.

    Raises:
        DataError: The server refuses or fails, or an answer has no rows where they should be.
        UnsteadyError: The rows changed while they were read.
    """
    asked = {"url": source.url, "parameters": source.parameters, "rows": source.rows}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Rows(_tables(source, context), {"url": source.url, "query_sha256": digest})


def _tables(source: RestSource, context: Context) -> "Iterator[pa.Table]":
    headers, parameters = _identity(source, context)
    client = Client(source, context, headers)
    start, end = context.window.start, context.window.end
    said = {
        name: bound(value, start, end) if isinstance(value, str) else value
        for name, value in source.parameters.items()
    }
    url = bound(source.url, start, end)
    request: Request | None = pagination.first(source.pagination, url, said)
    seen, count, announced = set[str](), 0, None
    while request is not None:
        page = client.get(
            request.url, {**request.parameters, **parameters}, lambda a: _page(a, source, context)
        )
        digest = hashlib.sha256(json.dumps(page.rows, sort_keys=True).encode()).hexdigest()
        if page.rows and digest in seen:
            raise _unsteady("gives a page twice", context)
        seen.add(digest)
        total = pagination.total(source.pagination, page.answer)
        if announced is not None and total is not None and total != announced:
            raise _unsteady(f"announced {announced} rows, then {total}", context)
        announced = total if announced is None else announced
        count += len(page.rows)
        if page.rows:
            yield _table(page.rows, context)
        request = pagination.following(source.pagination, request, page, count, context)
    if announced is not None and count != announced:
        raise _unsteady(f"announced {announced} rows and gave {count}", context)


def _identity(source: RestSource, context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the query parameters that say who asks."""
    how = source.authentication
    if how is None:
        return {}, {}
    found = {name: place.secret(env, context.root) for name, env in source.secrets.items()}
    if how.kind == "basic":
        import base64

        pair = f"{found['username']}:{found['password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}, {}
    if how.kind == "bearer":
        return {"Authorization": f"Bearer {found['token']}"}, {}
    mine = {how.name: found["token"]}
    return (mine, {}) if how.kind == "header" else ({}, mine)


def _page(answer: "requests.Response", source: RestSource, context: Context) -> Page:
    plain = answer.json()
    rows = pagination.at(plain, source.rows)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        keys = ", ".join(plain) if isinstance(plain, dict) else f"a {type(plain).__name__}"
        raise DataError(
            f"source `{context.name}`: the answer has no list of objects at `{source.rows}`",
            where=f"{context.where}.rows",
            expected=f"the dotted path to one; the answer holds: {keys}",
        )
    return Page(plain, rows, pagination.link(answer))


def _table(rows: list[Any], context: Context) -> "pa.Table":
    import pandas as pd

    return as_table(pd.json_normalize(rows, sep="_"), context)


def _unsteady(what: str, context: Context) -> UnsteadyError:
    return UnsteadyError(
        f"source `{context.name}`: the API {what}",
        where=context.where,
        expected="rows that stay as they are while they are read: a sort order, a closed window",
        run="ask for a window that is over, or for rows in a fixed order",
    )
