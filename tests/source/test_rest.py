"""A JSON API that misbehaves: what is tried again, what is refused, and who may see the token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from playbill.config.source import RestSource, Window
from playbill.errors import ConfigError, DataError
from playbill.source.fetch import Snapshot, fetch
from tests.source.worlds import Answer, Server

WINDOW = TypeAdapter(Window).validate_python({"start": "2020-01-01", "end": "2020-02-01"})
IDS = list("abcde")


def source(server: Server, **more: Any) -> RestSource:
    plain = {
        "kind": "rest", "url": f"{server.url}/rows", "rows": "data", "backoff": 0.0, **more,
    }  # fmt: skip
    return TypeAdapter(RestSource).validate_python(plain)


def read(server: Server, root: Path, **more: Any) -> Snapshot:
    return fetch("rows", source(server, **more), WINDOW, root=root)


def ids(snapshot: Snapshot) -> list[str]:
    found: list[str] = snapshot.table().column("id").to_pylist()
    return found


def reply(plain: object, **headers: str) -> Answer:
    return 200, headers, json.dumps(plain).encode()


def rows(names: list[str], **more: Any) -> Answer:
    return reply({"data": [{"id": name} for name in names], **more})


def in_turn(*answers: Answer) -> Callable[[str, dict[str, str]], Answer]:
    """Give one answer after the other, the last for ever."""
    left = list(answers)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


BUSY: Answer = (429, {"Retry-After": "0"}, b"")
BROKEN: Answer = (500, {}, b"")
CUT: Answer = (200, {"Content-Length": "500"}, b'{"data": [{"id"')
HALF: Answer = (200, {}, b'{"data": [{"id"')


@pytest.mark.parametrize("bad", [BUSY, BROKEN, CUT, HALF], ids=["429", "500", "cut", "half"])
def test_a_failure_that_passes_is_tried_again(server: Server, tmp_path: Path, bad: Answer) -> None:
    server.answer = in_turn(bad, bad, rows(IDS))
    assert ids(read(server, tmp_path)) == IDS
    assert len(server.asked) == 3


@pytest.mark.parametrize("bad", [BUSY, BROKEN, CUT, HALF], ids=["429", "500", "cut", "half"])
def test_a_failure_that_stays_is_told_after_so_many_tries(
    server: Server, tmp_path: Path, bad: Answer
) -> None:
    server.answer = in_turn(bad)
    with pytest.raises(DataError, match="failed 3 times") as caught:
        read(server, tmp_path, attempts=3)
    assert len(server.asked) == 3
    assert caught.value.where == "source.sources.rows"


def test_a_server_that_says_when_is_heard(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)
    server.answer = in_turn((429, {"Retry-After": "7"}, b""), BROKEN, BROKEN, rows(IDS))
    read(server, tmp_path, backoff=0.5)
    assert pauses == [7.0, 1.0, 2.0]


def test_what_is_refused_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn((404, {}, b""))
    with pytest.raises(DataError, match="answers status 404"):
        read(server, tmp_path)
    assert len(server.asked) == 1


def test_a_redirect_is_told_and_not_followed(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn((302, {"Location": "http://elsewhere.example/x?t=1"}, b""))
    with pytest.raises(DataError, match=r"moved to http://elsewhere\.example/x\n"):
        read(server, tmp_path)


PAGINATIONS: dict[str, dict[str, Any]] = {
    "page": {"kind": "page", "parameter": "p", "first": 0, "size": 2, "size_parameter": "n"},
    "offset": {"kind": "offset", "size": 2},
    "offset-total": {"kind": "offset", "size": 2, "total": "meta.total"},
    "cursor": {"kind": "cursor", "parameter": "after", "next": "meta.next"},
    "link": {"kind": "link"},
}


def api(server: Server, kind: str) -> Callable[[str, dict[str, str]], Answer]:
    """Answer two rows a page in the way of `kind`."""

    def answer(_: str, query: dict[str, str]) -> Answer:
        by_page = {"page": 2 * int(query.get("p", 0)), "cursor": int(query.get("after", 0))}
        skip = by_page.get(kind, int(query.get("offset", 0)))
        part = [{"id": name} for name in IDS[skip : skip + 2]]
        more = skip + 2 < len(IDS)
        meta = {"total": len(IDS), "next": str(skip + 2) if more else None}
        link = {"Link": f'<{server.url}/rows?offset={skip + 2}>; rel="next"'} if more else {}
        return reply({"data": part, "meta": meta}, **(link if kind == "link" else {}))

    return answer


@pytest.mark.parametrize("kind", PAGINATIONS)
def test_every_page_comes_once(server: Server, tmp_path: Path, kind: str) -> None:
    server.answer = api(server, kind.partition("-")[0])
    assert ids(read(server, tmp_path, pagination=PAGINATIONS[kind])) == IDS
    assert len(server.asked) == (4 if kind in ("page", "offset") else 3)


def test_a_page_that_comes_twice_is_refused_after_reading_again(
    server: Server, tmp_path: Path
) -> None:
    server.answer = in_turn(rows(["a", "b"]))
    with pytest.raises(DataError, match="gives a page twice"):
        read(server, tmp_path, pagination={"kind": "page"})
    assert len(server.asked) == 6  # two pages, three readings


def test_a_total_that_changes_once_is_read_again_from_the_start(
    server: Server, tmp_path: Path
) -> None:
    server.answer = in_turn(
        rows(["a", "b"], total=3), rows(["b"], total=4),
        rows(["x", "a"], total=4), rows(["b", "c"], total=4),
    )  # fmt: skip
    snapshot = read(server, tmp_path, pagination={"kind": "offset", "total": "total"})
    assert ids(snapshot) == ["x", "a", "b", "c"]


def test_fewer_rows_than_announced_are_refused(server: Server, tmp_path: Path) -> None:
    server.answer = lambda _, query: rows([] if int(query["offset"]) else ["a"], total=2)
    with pytest.raises(DataError, match="announced 2 rows and gave 1"):
        read(server, tmp_path, pagination={"kind": "offset", "total": "total"})


def test_a_next_page_on_another_host_is_refused(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn(reply({"data": [{"id": "a"}], "next": "http://127.0.0.1:1/steal"}))
    with pytest.raises(DataError, match=r"the next page lies on 127\.0\.0\.1:1"):
        read(server, tmp_path, pagination={"kind": "cursor"})


def test_an_answer_without_the_rows_says_what_it_holds(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn(reply({"items": []}))
    with pytest.raises(DataError, match="no list of objects at `data`") as caught:
        read(server, tmp_path)
    assert "items" in caught.value.expected


def test_nested_objects_become_columns(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn(reply({"data": [{"id": "a", "at": {"lat": 1.5}}, {"id": "b"}]}))
    table = read(server, tmp_path).table()
    assert table.column("at_lat").to_pylist() == [1.5, None]


@pytest.mark.parametrize(
    ("how", "sent"),
    [
        ({"kind": "bearer"}, ("Authorization", "Bearer s3cr3t-t0ken")),
        ({"kind": "basic"}, ("Authorization", "Basic YW5uOnMzY3IzdC10MGtlbg==")),
        ({"kind": "header", "name": "X-Key"}, ("X-Key", "s3cr3t-t0ken")),
        ({"kind": "query", "name": "key"}, ("key", "s3cr3t-t0ken")),
    ],
    ids=["bearer", "basic", "header", "query"],
)
def test_the_token_comes_from_the_environment_and_stays_out_of_the_provenance(
    server: Server, secretive: Path, how: dict[str, str], sent: tuple[str, str]
) -> None:
    server.answer = in_turn(rows(IDS))
    secrets = {"token": "API_TOKEN", "username": "API_USER", "password": "API_TOKEN"}
    snapshot = read(server, secretive, authentication=how, secrets=secrets)
    _, query, headers = server.asked[0]
    assert {**headers, **query}[sent[0]] == sent[1]
    kept = json.dumps(snapshot.provenance) + str(list(secretive.rglob("*")))
    assert "s3cr3t" not in kept


def test_a_secret_that_no_place_names_is_refused(server: Server, secretive: Path) -> None:
    how = {"authentication": {"kind": "bearer"}, "secrets": {"token": "OTHER"}}
    with pytest.raises(ConfigError, match="`OTHER` is not declared"):
        read(server, secretive, **how)
    assert server.asked == []


def test_requests_keep_their_pace(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("playbill.source.http.time.sleep", pauses.append)
    server.answer = api(server, "offset")
    read(server, tmp_path, pagination={"kind": "offset", "size": 2}, per_second=0.5)
    assert len(pauses) == 4
    assert pauses[0] == 0
    assert all(1 < pause <= 2 for pause in pauses[1:])


def test_the_window_is_part_of_what_is_asked(server: Server, tmp_path: Path) -> None:
    server.answer = in_turn(rows(IDS))
    read(server, tmp_path, url=f"{server.url}/{{start}}/rows", parameters={"to": "{end}"})
    assert server.asked[0][:2] == ("/2020-01-01/rows", {"to": "2020-02-01"})


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"parameters": {"from": "{start}"}}, "`start` alone"),
        ({"authentication": {"kind": "bearer"}}, "needs the secret `token`"),
        ({"url": "ftp://x/y"}, "http"),
    ],
)
def test_what_cannot_work_is_refused_at_compose(
    server: Server, more: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        source(server, **more)
