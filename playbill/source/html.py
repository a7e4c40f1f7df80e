"""Sources of kind `html`: a table of a web page, or what CSS selectors find in it.

robots.txt is asked first and honoured. A cell that is missing or empty is a missing value.
"""

import hashlib
from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from playbill.config.source import HtmlSource, bound
from playbill.errors import DataError
from playbill.source.base import Context, Rows, as_table, missing_extra
from playbill.source.http import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import bs4
    import pandas as pd
    import pyarrow as pa

_FORBIDDEN = (401, 403)


def read(source: HtmlSource, context: Context) -> Rows:
    """Fetch the page, unless robots.txt forbids it, and read its rows.

    Raises:
        DataError: It is forbidden, cannot be had, or has no such table.
    """
    said = repr((source.url, source.parameters, source.table, source.row, source.columns))
    digest = hashlib.sha256(said.encode()).hexdigest()
    return Rows(_tables(source, context), {"url": source.url, "query_sha256": digest})


def _tables(source: HtmlSource, context: Context) -> "Iterator[pa.Table]":
    try:
        frame = _frame(_fetch(source, context), source, context)
    except ImportError as error:
        raise missing_extra("html", context, error) from error
    if len(frame):
        yield as_table(frame, context)


def _fetch(source: HtmlSource, context: Context) -> "bs4.BeautifulSoup":
    import bs4

    client = Client(source, context, {"User-Agent": source.agent})
    start, end = context.window.start, context.window.end
    url = bound(source.url, start, end)
    _ask_robots(client, url, source, context)
    said = {n: bound(str(v), start, end) for n, v in source.parameters.items()}
    content, charset = client.get(url, said, lambda a: (a.content, _charset(a.headers)))
    # What the author of conf/ says, then the server, then the page itself.
    return bs4.BeautifulSoup(content, "lxml", from_encoding=source.encoding or charset)


def _ask_robots(client: Client, url: str, source: HtmlSource, context: Context) -> None:
    from protego import Protego

    robots = urljoin(url, "/robots.txt")
    try:
        text = client.get(robots, {}, lambda answer: answer.text)
    except DataError as error:
        # RFC 9309: without the file everything is allowed; a server that fails forbids it all.
        if " answers status 4" in str(error) and not any(f" {n}" in error.what for n in _FORBIDDEN):
            return
        raise
    if not Protego.parse(text).can_fetch(url, source.agent):
        raise DataError(
            f"source `{context.name}`: robots.txt forbids {url.partition('?')[0]}",
            where=f"{context.where}.url",
            expected=f"a page that {robots} allows to `{source.agent}`",
        )


def _charset(headers: object) -> str | None:
    from requests.utils import _parse_content_type_header as parse

    _, options = parse(headers.get("Content-Type", ""))  # type: ignore[attr-defined]
    return options.get("charset")


def _frame(page: "bs4.BeautifulSoup", source: HtmlSource, context: Context) -> "pd.DataFrame":
    import pandas as pd

    if source.row is not None:
        found = [
            {name: _value(row, css) for name, css in source.columns.items()}
            for row in page.select(source.row)
        ]
        frame = pd.DataFrame(found, columns=list(source.columns))
        return frame.apply(_numbers)
    table = page.select_one(source.table)
    if table is None:
        count = len(page.select("table"))
        raise DataError(
            f"source `{context.name}`: the page has no `{source.table}`",
            where=f"{context.where}.table",
            expected=f"the CSS selector of one of its {count} tables",
        )
    frame = pd.read_html(StringIO(str(table)), flavor="lxml")[0]
    frame.columns = [
        " ".join(dict.fromkeys(map(str, c))) if isinstance(c, tuple) else str(c) for c in frame
    ]
    return frame


def _value(row: "bs4.Tag", css: str) -> str | None:
    selector, _, attribute = css.partition("@")
    cell = row.select_one(selector) if selector else row
    if cell is None:
        return None
    said = cell.get(attribute) if attribute else cell.get_text(" ", strip=True)
    return str(said).strip() or None if said is not None else None


def _numbers(column: "pd.Series") -> "pd.Series":
    """Return a column of texts as numbers if all of them are."""
    import pandas as pd

    try:
        return pd.to_numeric(column.replace({None: float("nan")}))
    except (ValueError, TypeError):
        return column
