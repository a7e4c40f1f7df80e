"""What a hostile or careless body gets: the documented 4xx, the field, the reason, and no echo."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving import Running, row

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1_000_000


def raw(**changes: str) -> bytes:
    """Return a body in which fields have raw JSON text."""
    fields = {name: json.dumps(value) for name, value in row().items()} | changes
    text = ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items())
    return f"{{{text}}}".encode("utf-8", "surrogatepass")


def post(server: Running, body: Any, path: str = "/predict", **headers: str) -> httpx.Response:
    return server.client.post(path, content=body, headers={**JSON, **headers})


def check_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == {"type", "title", "status", "detail", "errors", "error"}
    for leak in ("Traceback", "site-packages", ".py", "pydantic"):
        assert leak not in answer.text
    return found


FIELDS = [
    ("age", '"41"', "valid integer"),
    ("age", "41.0", "valid integer"),
    ("age", "true", "valid integer"),
    ("age", "null", "valid integer"),
    ("age", "121", "less than or equal to 120"),
    ("age", "-1", "greater than or equal to 0"),
    ("age", "1e400", "valid integer"),
    ("age", "[[1]]", "valid integer"),
    ("class", "9223372036854775808", "9223372036854775807"),
    ("class", "1" * 400, "9223372036854775807"),
    ("dose", "NaN", "finite number"),
    ("dose", "Infinity", "finite number"),
    ("dose", "-Infinity", "finite number"),
    ("dose", "1e400", "finite number"),
    ("dose", '"NaN"', "valid number"),
    ("dose", '"1.5"', "valid number"),
    ("dose", "true", "valid number"),
    ("dose", "0", "greater than 0"),
    ("ward", '"west"', "'north', 'south'"),
    ("ward", '"NORTH"', "'north', 'south'"),
    ("ward", "null", "'north', 'south'"),
    ("ward", "1", "'north', 'south'"),
    ("city", "5", "valid string"),
    ("city", json.dumps("x" * 1001), "at most 1000 characters"),
    ("model_dump", "1", "valid boolean"),
    ("at night?", '"false"', "valid boolean"),
    ("seen", "5", "ISO 8601"),
    ("seen", '"5"', "ISO 8601"),
    ("seen", '"yesterday"', "ISO 8601"),
    ("seen", '"2026-13-01T00:00:00"', "month value"),
    ("seen", "null", "ISO 8601"),
    ("__proto__", "{}", "not permitted"),
    ("field_class", "1", "not permitted"),
]


@pytest.mark.parametrize(("field", "value", "reason"), FIELDS)
def test_a_value_outside_the_contract_is_refused_with_field_and_reason(
    server: Running, field: str, value: str, reason: str
) -> None:
    found = check_problem(post(server, raw(**{field: value})), 422)
    assert [error["field"] for error in found["errors"]] == [field]
    assert reason in found["errors"][0]["reason"]


def test_a_missing_field_is_refused_by_name(server: Running) -> None:
    plain = row()
    del plain["at night?"]
    found = check_problem(post(server, json.dumps(plain)), 422)
    assert found["errors"] == [{"field": "at night?", "reason": "Field required"}]


def test_null_means_missing_where_the_contract_says_so(server: Running) -> None:
    assert post(server, raw(dose="null", city="null")).status_code == 200


BODIES = [
    (b"", 422),
    (b"{", 422),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"{'age': 1}", 422),
    (b'{"age": 1} {"age": 2}', 422),
    (b"\xef\xbb\xbf{}", 422),
    (b"\x00" * 100, 422),
    (b"\xff\xfe{}", 400),
    ("{}".encode("utf-16"), 400),
    (raw(city='"\udc80"'), 400),
    (raw(city='"\\ud800"'), 422),
    (raw(age="1" * 5000), 422),
    (b"[" * 400_000, 400),
    (b'{"a":' * 100_000, 400),
    (b"[" * 150 + b"]" * 150, 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[repr(body[:20]) for body, _ in BODIES])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_what_is_no_json_of_the_right_form_is_refused(
    server: Running, body: bytes, status: int, path: str
) -> None:
    check_problem(post(server, body, path), status)


def test_of_a_key_that_is_given_twice_the_last_counts(server: Running) -> None:
    twice = raw().replace(b'"age":', b'"age": 500, "age":')
    assert post(server, twice).json()["label"] == post(server, raw()).json()["label"]


def test_a_refused_value_is_not_echoed(server: Running) -> None:
    secret = "4111-1111-secret"
    for body in (raw(age=f'"{secret}"'), raw(ward=f'"{secret}"'), raw(seen=f'"{secret}"'),
                 f'{{"age": "{secret}'.encode()):  # fmt: skip
        assert secret not in post(server, body).text


def test_a_made_up_key_is_cut_short_and_cannot_break_the_answer(server: Running) -> None:
    key = "\u2028\r\nSet-Cookie: a=b<script>" + "k" * 5000
    found = check_problem(post(server, json.dumps({**row(), key: 1})), 422)
    assert found["errors"][0]["field"] == key[:64]


def test_thousands_of_faults_are_counted_and_twenty_are_listed(server: Running) -> None:
    body = json.dumps({f"k{number}": 1 for number in range(20_000)})
    found = check_problem(post(server, body), 422)
    assert len(found["errors"]) == 20
    assert found["detail"].startswith("20008 fields")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_twenty_megabytes_are_refused_by_their_declared_length(server: Running, path: str) -> None:
    check_problem(post(server, b" " * (20 * MEGABYTE), path), 413)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_twenty_megabytes_in_chunks_are_refused_by_their_count(server: Running, path: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(320):
            yield b" " * 65_536

    check_problem(post(server, chunks(), path), 413)


def test_too_many_rows_are_refused(server: Running) -> None:
    full = {"rows": [row()] * 100}
    assert post(server, json.dumps(full), "/predict/batch").status_code == 200
    full["rows"].append(row())
    check_problem(post(server, json.dumps(full), "/predict/batch"), 413)
    check_problem(post(server, b'{"rows":[]}', "/predict/batch"), 422)


def test_a_batch_names_the_row_and_the_field(server: Running) -> None:
    rows = [row(), row(), row(age=-5)]
    found = check_problem(post(server, json.dumps({"rows": rows}), "/predict/batch"), 422)
    assert found["errors"][0]["field"] == "rows.2.age"


def test_a_flood_of_empty_rows_costs_little(server: Running) -> None:
    body = b'{"rows":[' + b",".join([b"{}"] * 340_000) + b"]}"
    answer = post(server, body, "/predict/batch")
    check_problem(answer, 422)
    assert answer.elapsed.total_seconds() < 5


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_another_content_type_is_refused(server: Running, kind: str) -> None:
    check_problem(post(server, raw(), **{"Content-Type": kind}), 415)


def test_a_compressed_body_is_refused(server: Running) -> None:
    check_problem(post(server, raw(), **{"Content-Encoding": "gzip"}), 415)


def test_parameters_of_the_content_type_are_allowed(server: Running) -> None:
    kind = "Application/JSON; charset=utf-8"
    assert post(server, raw(), **{"Content-Type": kind}).status_code == 200


def test_a_body_that_ends_early_does_no_harm(server: Running) -> None:
    parts = urlsplit(server.url)
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for length in ("500", "99999999999999999999", "-1", "abc"):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall(f"{head}Content-Length: {length}\r\n\r\n{{".encode())
            if length != "500":
                assert connection.recv(100).startswith(b"HTTP/1.1 4")
    assert post(server, raw()).status_code == 200


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["north", "2026-01-05T10:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


@settings(
    max_examples=200, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(changes=st.dictionaries(st.sampled_from([*row(), "other"]), values, min_size=1, max_size=3))
def test_whatever_the_fields_hold_the_answer_is_documented(
    server: Running, changes: dict[str, Any]
) -> None:
    answer = post(server, json.dumps({**row(), **changes}).encode())
    assert answer.status_code in {200, 400, 422}, (answer.status_code, changes)
    if answer.status_code == 200:
        assert 0 <= answer.json()["probability"] <= 1
    else:
        check_problem(answer, answer.status_code)


@settings(
    max_examples=200, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
def test_whatever_the_bytes_are_the_answer_is_documented(server: Running, body: bytes) -> None:
    answer = post(server, body)
    assert answer.status_code in {400, 422}
    check_problem(answer, answer.status_code)
