"""Web pages: what robots.txt allows, tables, selectors, encodings, cells that are not there."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from playbill.config.source import HtmlSource, Window
from playbill.errors import DataError
from playbill.source.fetch import Snapshot, fetch
from tests.source.worlds import Answer, Server

WINDOW = TypeAdapter(Window).validate_python({"start": "2020-01-01", "end": "2020-02-01"})
TABLE = """<html><body><table><tr><th>no</th></tr><tr><td>0</td></tr></table>
<table class=prices><thead><tr><th>Stadt</th><th>Preis</th></tr></thead><tbody>
<tr><td>Köln</td><td>1.5</td></tr><tr><td>Gießen</td><td></td></tr><tr><td>Bonn</td></tr>
</tbody></table></body></html>"""
CARDS = """<div class=card><h2>One</h2><a href="/1">more</a><i>7</i></div>
<div class=card><h2>Two</h2><i> </i></div>"""


def serve(server: Server, page: bytes, robots: Answer = (404, {}, b""), charset: str = "") -> None:
    kind = "text/html" + (f"; charset={charset}" if charset else "")
    server.answer = lambda path, _: (
        robots if path == "/robots.txt" else (200, {"Content-Type": kind}, page)
    )


def read(server: Server, root: Path, **more: Any) -> Snapshot:
    plain = {"kind": "html", "url": f"{server.url}/a/page", "backoff": 0.0, **more}
    source: HtmlSource = TypeAdapter(HtmlSource).validate_python(plain)
    return fetch("rows", source, WINDOW, root=root)


def test_the_selected_table_is_read_and_missing_cells_are_missing(
    server: Server, tmp_path: Path
) -> None:
    serve(server, TABLE.encode(), charset="utf-8")
    table = read(server, tmp_path, table="table.prices").table()
    assert table.to_pydict() == {
        "Stadt": ["Köln", "Gießen", "Bonn"], "Preis": [1.5, None, None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "charset", "declared", "meta"),
    [
        ("latin-1", "iso-8859-1", None, ""),
        ("utf-16", "utf-16", None, ""),
        ("latin-1", "", None, "<meta charset=iso-8859-1>"),
        ("latin-1", "utf-8", "latin-1", ""),  # the server is wrong, conf/ knows
        ("utf-8", "", None, "<meta charset=utf-8>"),
    ],
)
def test_the_encoding_is_what_conf_the_server_or_the_page_says(
    server: Server, tmp_path: Path, encoding: str, charset: str, declared: str | None, meta: str
) -> None:
    serve(server, (meta + TABLE).encode(encoding), charset=charset)
    snapshot = read(server, tmp_path, table="table.prices", encoding=declared)
    assert snapshot.table().column("Stadt").to_pylist() == ["Köln", "Gießen", "Bonn"]


def test_selectors_pick_texts_and_attributes_and_miss_what_is_not_there(
    server: Server, tmp_path: Path
) -> None:
    serve(server, CARDS.encode())
    columns = {"title": "h2", "to": "a@href", "count": "i"}
    table = read(server, tmp_path, row="div.card", columns=columns).table()
    assert table.to_pydict() == {
        "title": ["One", "Two"], "to": ["/1", None], "count": [7, None],
    }  # fmt: skip


def test_a_page_that_robots_txt_forbids_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    serve(server, TABLE.encode(), (200, {}, b"User-agent: *\nDisallow: /a/*\n"))
    with pytest.raises(DataError, match=r"robots\.txt forbids"):
        read(server, tmp_path)
    assert [path for path, _, _ in server.asked] == ["/robots.txt"]


def test_robots_txt_is_asked_under_our_own_name(server: Server, tmp_path: Path) -> None:
    robots = b"User-agent: *\nDisallow: /\n\nUser-agent: our-bot\nAllow: /\n"
    serve(server, TABLE.encode(), (200, {}, robots), "utf-8")
    assert read(server, tmp_path, agent="our-bot").provenance["rows"] == 1
    assert server.asked[1][2]["User-Agent"] == "our-bot"
    with pytest.raises(DataError, match="forbids"):
        read(server, tmp_path / "other", agent="playbill")


@pytest.mark.parametrize("status", [500, 403])
def test_a_robots_txt_that_cannot_be_had_forbids_all(
    server: Server, tmp_path: Path, status: int
) -> None:
    serve(server, TABLE.encode(), (status, {}, b""))
    with pytest.raises(DataError, match=r"robots\.txt"):
        read(server, tmp_path, attempts=2)
    assert {path for path, _, _ in server.asked} == {"/robots.txt"}


def test_a_selector_that_finds_nothing_is_named(server: Server, tmp_path: Path) -> None:
    serve(server, TABLE.encode())
    with pytest.raises(DataError, match=r"no `table\.price`") as caught:
        read(server, tmp_path, table="table.price")
    assert "2 tables" in caught.value.expected


def test_a_row_selector_that_finds_nothing_gives_no_rows(server: Server, tmp_path: Path) -> None:
    serve(server, CARDS.encode())
    with pytest.raises(DataError, match="has no rows"):
        read(server, tmp_path, row="div.none", columns={"title": "h2"})
