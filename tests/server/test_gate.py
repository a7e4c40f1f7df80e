"""Who is let in: keys, tokens, scopes, rates; asked of the application in this process."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from playbill.errors import UsageError
from playbill.server.application import enclose
from playbill.server.authentication import OPEN, Bucket, Gate, scope_of
from playbill.server.edge import Edge
from playbill.server.keys import Keyring, add_line, new_key, read_keys
from playbill.server.settings import Authentication, Limits, Settings, Tokens, read_settings
from tests.serving import Got, application, call, row

BODY = json.dumps(row()).encode()


def guarded(tmp_path: Path, *scopes: str, **limits: Any) -> tuple[Edge, str]:
    """Return an application that takes one key, and the key."""
    key, line = new_key("team", scopes or ("predict",))
    add_line(tmp_path / "keys.jsonl", line)
    settings = Settings(
        authentication=Authentication(keys=tmp_path / "keys.jsonl"), limits=Limits(**limits)
    )
    return enclose(application(settings=settings)), key


def ask(edge: Edge, path: str, **headers: str) -> Got:
    method = "POST" if path.startswith("/predict") else "GET"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(edge, path, BODY if method == "POST" else b"", method=method, headers=named)


def test_a_key_opens_and_anything_else_gets_the_same_refusal(tmp_path: Path) -> None:
    edge, key = guarded(tmp_path)
    assert ask(edge, "/predict", x_api_key=key).status == 200
    assert ask(edge, "/predict", authorization=f"Bearer {key}").status == 200
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    strange = new_key("x", ["predict"])[0]
    wrong = ["", "x", key[:-1], f"{key} ", other, strange, "pbk_", "\xff" * 80, key.upper()]
    answers = [ask(edge, "/predict", x_api_key=each) for each in wrong]
    answers += [ask(edge, "/predict"), ask(edge, "/predict", authorization=f"Basic {key}")]
    assert {got.status for got in answers} == {401}
    assert len({got.body for got in answers}) == 1
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert ask(edge, f"/predict?x-api-key={key}").status == 401


def test_a_key_file_holds_hashes_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    _, key = guarded(tmp_path)
    path = tmp_path / "keys.jsonl"
    assert key not in path.read_text()
    assert hashlib.sha256(key.encode()).hexdigest() in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_every_comparison_is_of_equal_lengths_in_constant_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def spy(a: str, b: str) -> bool:
        seen.append((len(a), len(b)))
        return real(a, b)

    monkeypatch.setattr("playbill.server.keys.hmac.compare_digest", spy)
    ring = Keyring([])
    for presented in ("", "pbk_000000000000_" + "x" * 43, "y" * 10_000):
        assert ring.find(presented) is None
    assert seen == [(64, 64)] * 3


@pytest.mark.parametrize(
    ("path", "scope"),
    [("/metrics", "metrics"), ("/model", "predict"), ("/openapi.json", "predict"),
     ("/v2", "predict"), ("/nobody/thought/of/it", "predict"), ("/admin/x", "admin")],
)  # fmt: skip
def test_each_path_needs_its_scope(tmp_path: Path, path: str, scope: str) -> None:
    assert scope_of(path) == scope
    for own in ("predict", "metrics", "admin"):
        folder = tmp_path / own
        folder.mkdir()
        edge, key = guarded(folder, own)
        got = ask(edge, path, x_api_key=key)
        assert (got.status == 403) is (own != scope)
        assert ask(edge, path).status == 401


def test_only_the_listed_paths_are_open(tmp_path: Path) -> None:
    edge, _ = guarded(tmp_path)
    for path in OPEN:
        assert ask(edge, path).status == 200
    for path in ("/docs/", "//docs", "/DOCS", "/assets/other.js", "/healthz/x", "/openapi.json"):
        assert ask(edge, path).status == 401


def test_a_rate_is_kept_for_each_key(tmp_path: Path) -> None:
    edge, key = guarded(tmp_path, requests_per_second=2, burst_seconds=1)
    answers = [ask(edge, "/predict", x_api_key=key) for _ in range(5)]
    assert [got.status for got in answers[:2]] == [200, 200]
    assert 429 in {got.status for got in answers}
    assert answers[-1].headers["retry-after"] == "1"
    assert ask(edge, "/healthz").status == 200


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("playbill.server.authentication.time.monotonic", lambda: clock[0])
    bucket = Bucket(rate=2, size=2)
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.5]
    clock[0] += 0.5
    assert [bucket.take(), bucket.take()] == [0, 0.5]
    clock[0] += 1000
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.5]


def test_too_many_requests_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    edge, key = guarded(tmp_path, in_flight=1)
    edge._active = 1
    got = ask(edge, "/predict", x_api_key=key)
    assert (got.status, got.headers["retry-after"]) == (503, "1")
    edge._active = 0
    assert ask(edge, "/predict", x_api_key=key).status == 200


def test_a_bug_tells_nothing_but_that_there_is_one(tmp_path: Path) -> None:
    app = application()

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("/secret/path.py")

    edge = enclose(app)
    sent: list[Any] = []
    call(edge, "/broken", method="GET", sent=sent)  # the edge has logged it; nothing is raised
    start, body = sent
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert json.loads(body["body"])["detail"] == "The server failed; its log says more."
    assert (b"x-content-type-options", b"nosniff") in start["headers"]


@pytest.fixture(scope="module")
def pairs() -> dict[str, Any]:
    return {
        "RS256": RSAKey.generate_key(2048, {"kid": "r"}, private=True),
        "ES256": ECKey.generate_key("P-256", {"kid": "e"}, private=True),
        "other": RSAKey.generate_key(2048, {"kid": "r"}, private=True),
    }


@pytest.fixture
def tokens(tmp_path: Path, pairs: dict[str, Any]) -> Gate:
    keys = KeySet([pairs["RS256"], pairs["ES256"]]).as_dict(private=False)
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    made = Tokens(jwks=tmp_path / "jwks.json", audience="flights", issuer="https://us")
    return Gate(Settings(authentication=Authentication(tokens=made)))


def token(key: Any, algorithm: str = "RS256", kid: str = "r", **changes: Any) -> str:
    claims = {"sub": "ann", "aud": "flights", "iss": "https://us", "scope": "predict other",
              "exp": int(time.time()) + 60}  # fmt: skip
    plain = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": kid}, plain, key, algorithms=[algorithm])


def status(gate: Gate, text: str, path: str = "/predict") -> int:
    from playbill.server.problem import ProblemError

    try:
        gate.admit(path, [(b"authorization", f"Bearer {text}".encode())])
    except ProblemError as error:
        return error.status
    return 200


def test_a_signed_token_opens_what_its_scope_says(tokens: Gate, pairs: dict[str, Any]) -> None:
    assert status(tokens, token(pairs["RS256"])) == 200
    assert status(tokens, token(pairs["ES256"], "ES256", "e")) == 200
    assert status(tokens, token(pairs["RS256"]), "/metrics") == 403
    assert status(tokens, token(pairs["RS256"], scope=["metrics"]), "/metrics") == 200
    assert status(tokens, token(pairs["RS256"], aud=["x", "flights"])) == 200


def _none(pairs: dict[str, Any]) -> str:
    head, body, _ = token(pairs["RS256"]).split(".")
    plain = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert head
    return f"{plain}.{body}."


def _confused(pairs: dict[str, Any]) -> str:
    """Sign with HMAC and the public key as its secret."""
    _, body, _ = token(pairs["RS256"]).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"r"}').rstrip(b"=").decode()
    secret = pairs["RS256"].as_pem(private=False)
    mark = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


BAD: dict[str, Callable[[dict[str, Any]], str]] = {
    "expired": lambda p: token(p["RS256"], exp=int(time.time()) - 3600),
    "without expiry": lambda p: token(p["RS256"], exp=None),
    "not yet": lambda p: token(p["RS256"], nbf=int(time.time()) + 3600),
    "other audience": lambda p: token(p["RS256"], aud="weather"),
    "without audience": lambda p: token(p["RS256"], aud=None),
    "other issuer": lambda p: token(p["RS256"], iss="https://them"),
    "without subject": lambda p: token(p["RS256"], sub=None),
    "another's key": lambda p: token(p["other"]),
    "unknown key": lambda p: token(p["RS256"], kid="z"),
    "RS512": lambda p: token(p["RS256"], "RS512"),
    "no algorithm": _none,
    "algorithm confusion": _confused,
    "cut": lambda p: token(p["RS256"])[:-3],
    "no token": lambda _: "a.b.c",
    "endless": lambda _: "a." * 2 + "x" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_not_right_in_every_way_is_refused(
    tokens: Gate, pairs: dict[str, Any], name: str
) -> None:
    assert status(tokens, BAD[name](pairs)) == 401


def test_authentication_without_a_key_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for given in ({"keys": tmp_path / "empty"}, {"keys_variable": "PLAYBILL_NOT_SET"},
                  {"keys": tmp_path / "missing"}):  # fmt: skip
        with pytest.raises(UsageError):
            Gate(Settings(authentication=Authentication(**given)))


def test_keys_come_from_an_environment_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    key, line = new_key("team", ["predict"])
    monkeypatch.setenv("TEAM_KEYS", line)
    assert Keyring(read_keys(None, "TEAM_KEYS")).find(key) is not None


def test_a_bad_line_of_a_key_file_is_named_and_not_shown(tmp_path: Path) -> None:
    key, line = new_key("team", ["predict"])
    (tmp_path / "keys").write_text(f"{line}\n{key}\n")
    with pytest.raises(UsageError) as caught:
        read_keys(tmp_path / "keys", None)
    assert caught.value.where.endswith("keys:2")
    assert key not in str(caught.value)


def test_settings_name_the_key_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text("[limits]\nbody_second = 3\n")
    with pytest.raises(UsageError) as caught:
        read_settings(tmp_path / "server.toml", {})
    assert "limits.body_second" in caught.value.where
    (tmp_path / "server.toml").write_text("workers = 2\n[log]\nfolder = 'a'\n")
    found = read_settings(tmp_path / "server.toml", {"workers": None, "log.folder": "b"})
    assert (found.workers, str(found.log.folder)) == (2, "b")
