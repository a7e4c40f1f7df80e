"""The two lanes, called in this process, answer every request with the same status and body."""

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbill.attack.case import Case
from playbill.attack.corpus import cases, raw
from playbill.attack.schema import read_target
from playbill.server.application import enclose
from playbill.server.settings import Limits, Settings
from tests.serving import Got, application, as_sent, call, made, row, texts

if TYPE_CHECKING:
    from playbill.server.edge import Edge

LANES = ("asgi", "fastapi")
TARGET = read_target(json.loads(texts()["openapi.json"]), row(), "visits")
CASES = [case for case in cases(TARGET) if isinstance(case.body, bytes)]
IDENTIFIER = re.compile(rb'"prediction_id":"[0-9a-f-]{36}"')


@cache
def edge(lane: str) -> "Edge":
    limits = Limits(body_seconds=0.2)
    return enclose(application(lane, Settings(limits=limits)))


def both(path: str, *arguments: Any, **more: Any) -> Got:
    """Ask both lanes, demand one answer, and return it."""
    asgi, fastapi = (call(edge(lane), path, *arguments, **more) for lane in LANES)
    assert asgi.status == fastapi.status, (asgi.body, fastapi.body)
    assert IDENTIFIER.sub(b"", asgi.body) == IDENTIFIER.sub(b"", fastapi.body)
    dropped = {"x-request-id"}
    heads = [{k: v for k, v in g.headers.items() if k not in dropped} for g in (asgi, fastapi)]
    assert heads[0] == heads[1]
    return asgi


@pytest.mark.parametrize("case", CASES, ids=[f"{c.group}-{c.name}" for c in CASES])
def test_a_hostile_request_gets_its_documented_answer_in_both_lanes(case: Case) -> None:
    assert isinstance(case.body, bytes)
    headers = dict(case.headers)
    got = both(case.path, case.body, method=case.method, headers=headers, kind=case.kind)
    assert got.status in case.right, got.body


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/v2/models/visits/infer"])
@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "http.disconnect"}], 400),
        ([{"type": "http.request", "body": b"{", "more_body": True},
          {"type": "http.disconnect"}], 400),
        ([{"type": "http.request", "body": b"{", "more_body": True}], 408),
        ([], 408),
        ([{"type": "http.request", "body": b" " * 65_536, "more_body": True}] * 300, 413),
        ([{"type": "http.request"}], 422),
    ],
)  # fmt: skip
def test_a_body_that_ends_early_drips_or_never_ends(
    path: str, messages: list[dict[str, Any]], status: int
) -> None:
    assert both(path, messages).status == status


def test_answers_are_the_pipeline_s_in_both_lanes() -> None:
    rows = as_sent(made().test)[:100]
    got = both("/predict/batch", json.dumps({"rows": rows}).encode())
    found = [one["probability"] for one in json.loads(got.body)["predictions"]]
    assert found == made().expected[:100].tolist()


def test_contributions_are_the_difference_to_the_typical_value() -> None:
    got = json.loads(both("/predict?explain=true", json.dumps(row()).encode()).body)
    typical = application().scoring.model
    assert typical is not None
    other = json.dumps(row(ward=typical.typical["ward"], age=typical.typical["age"])).encode()
    for name in ("ward", "age"):
        changed = json.dumps(row(**{name: typical.typical[name]})).encode()
        without = json.loads(both("/predict", changed).body)["probability"]
        assert got["contributions"][name] == got["probability"] - without
    assert json.loads(both("/predict", other).body).get("contributions") is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.integers(min_value=10**18, max_value=10**30)
    | st.sampled_from(["north", "2026-01-05T10:00:00Z", "0001-01-01T00:00:00", "9999-12-31T23:59"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    changes=st.dictionaries(st.sampled_from([*row(), "other"]), values, max_size=4),
    dropped=st.sets(st.sampled_from([*row()]), max_size=1),
    many=st.booleans(),
    query=st.sampled_from(["", "?explain=true", "?explain=no", "?explain=&explain=false"]),
)
def test_whatever_the_fields_hold_both_lanes_say_the_same(
    changes: dict[str, Any],
    dropped: set[str],
    many: bool,  # noqa: FBT001 - drawn
    query: str,
) -> None:
    plain = {name: value for name, value in {**row(), **changes}.items() if name not in dropped}
    body = json.dumps({"rows": [row(), plain]} if many else plain).encode()
    got = both(("/predict/batch" if many else "/predict") + query, body)
    assert got.status in {200, 400, 422}, got.body


@settings(max_examples=300, deadline=None, derandomize=True)
@given(place=st.integers(0, 250), bad=st.binary(min_size=1, max_size=3))
def test_whatever_bytes_are_put_into_a_body_both_lanes_say_the_same(place: int, bad: bytes) -> None:
    whole = raw(TARGET, "city", '"Bern"')
    got = both("/predict", whole[:place] + bad + whole[place:])
    assert got.status in {200, 400, 422}, got.body
