import json
import re
import time
from uuid import UUID

import httpx
import pytest

from playbill.server.identifier import new_identifier
from tests.serving import Running, as_sent, made, row, texts


def test_one_row_is_answered_with_all_that_identifies_the_answer(server: Running) -> None:
    answer = httpx.post(f"{server.url}/predict", json=row())
    assert answer.status_code == 200
    found = answer.json()
    listed = json.loads(made().files["manifest.json"])
    assert found["model"] == "visits"
    assert found["model_digest"] == listed["model_digest"]
    assert found["label"] == (found["probability"] >= 0.4)
    assert UUID(found["prediction_id"]).version == 7


def test_many_rows_are_answered_as_the_pipeline_answered_them(server: Running) -> None:
    rows, found = as_sent(made().test), []
    for start in (0, 100):
        body = {"rows": rows[start : start + 100]}
        answer = httpx.post(f"{server.url}/predict/batch", json=body)
        assert answer.status_code == 200, answer.text
        found += [one["probability"] for one in answer.json()["predictions"]]
    assert found == made().expected.tolist()


def test_rows_sent_one_by_one_are_answered_as_the_pipeline_answered_them(server: Running) -> None:
    rows = as_sent(made().test)[:25]
    with httpx.Client(base_url=server.url) as client:
        found = [client.post("/predict", json=one).json()["probability"] for one in rows]
    assert found == made().expected[:25].tolist()


def test_every_prediction_has_an_identifier_of_its_own(server: Running) -> None:
    answer = httpx.post(f"{server.url}/predict/batch", json={"rows": [row()] * 50})
    assert len({one["prediction_id"] for one in answer.json()["predictions"]}) == 50


def test_identifiers_sort_by_the_time_they_were_made() -> None:
    before = time.time_ns() // 10**6
    first = new_identifier()
    time.sleep(0.002)
    second = new_identifier()
    assert first < second
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    assert before <= first.int >> 80 <= time.time_ns() // 10**6


def test_the_server_serves_exactly_the_reviewed_openapi(server: Running) -> None:
    served = httpx.get(f"{server.url}/openapi.json").json()
    assert served == json.loads(texts()["openapi.json"])


def test_health_readiness_and_the_model_page(server: Running) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready", "log": "off"}
    page = httpx.get(f"{server.url}/model").json()
    assert page["name"] == "visits"
    assert page["threshold"] == 0.4
    assert page["metrics"]["roc_auc"] == 0.7
    front, _, text = page["card"].removeprefix("---\n").partition("\n---\n")
    assert "model-index:" in front
    assert text.lstrip().startswith("# Model card for visits\n")
    assert [column["name"] for column in page["contract"]["inputs"]][:2] == ["age", "dose"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_load_nothing_from_elsewhere(server: Running, path: str) -> None:
    page = httpx.get(server.url + path)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for name in ("page.css", "page.js", "index.js", "docs.js"):
        text = page.text + httpx.get(f"{server.url}/assets/{name}").text
        addresses = re.findall(r"""[a-z]+://[^"'`\s]+|["'(]//\w""", text)
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}  # a name, not a place


def test_every_answer_has_the_security_headers_and_no_banner(server: Running) -> None:
    for path in ("/", "/model", "/nowhere"):
        headers = httpx.get(server.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_other_paths_and_methods_get_a_problem(server: Running) -> None:
    for method, path, status in (("GET", "/x", 404), ("GET", "/predict", 405)):
        answer = httpx.request(method, server.url + path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert httpx.get(f"{server.url}/assets/..%2f..%2fmanifest.json").status_code == 404
