"""Decides who a request is from, whether they may, and whether they ask too often.

Everything needs a scope but what stands in `OPEN`: a path that nobody thought of is closed.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from playbill.server.keys import SCOPES, Keyring, read_keys
from playbill.server.problem import ProblemError
from playbill.server.settings import Settings
from playbill.server.token import Verifier

# What a page needs to ask for a key, and what an orchestrator asks.
OPEN = frozenset({
    "/", "/docs", "/favicon.ico", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready",
    "/assets/page.css", "/assets/page.js", "/assets/index.js", "/assets/docs.js",
})  # fmt: skip
FEEDBACK = "/feedback"
NEEDED = {"/metrics": "metrics", FEEDBACK: "feedback"}
PREDICT = frozenset({"/predict", "/predict/batch"})  # asked most, so looked up first
PREFIXES = (("/admin", "admin"), (f"{FEEDBACK}/", "feedback"))
MOST_BUCKETS = 10_000  # senders whose rate is remembered


@dataclass
class Bucket:
    """A token bucket: `rate` a second, `size` at once."""

    rate: float
    size: float
    left: float = field(init=False)
    seen: float = field(init=False)

    def __post_init__(self) -> None:
        """Start full."""
        self.left, self.seen = self.size, time.monotonic()

    def take(self) -> float:
        """Take one; return 0, or the seconds after which there will be one."""
        now = time.monotonic()
        self.left = min(self.size, self.left + (now - self.seen) * self.rate)
        self.seen = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) / self.rate


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    name: str
    scopes: frozenset[str]
    rate: float | None = None


ANYBODY = Principal("anybody", frozenset(SCOPES))


class Gate:
    """Lets requests in.

    Args:
        settings: Keys, tokens and rates; a worker allows its share of a rate.

    Raises:
        UsageError: Authentication is on and there is nothing to authenticate with.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.authentication
        self._open = not settings.authenticates
        self._ring = Keyring(read_keys(given.keys, given.keys_variable))
        self._verifier = Verifier(given.tokens) if given.tokens else None
        self._rate = settings.limits.requests_per_second
        self._burst = settings.limits.burst_seconds
        self._feedback_rate = settings.feedback.requests_per_second
        self._workers = settings.workers
        self._buckets: dict[str, Bucket] = {}
        self._principals = {
            key.id: Principal(key.name, frozenset(key.scopes), key.requests_per_second)
            for key in self._ring.keys
        }

    def admit(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """Return who asks for `path`.

        Raises:
            ProblemError: 401 nobody we know, 403 they may not, 429 too often.
        """
        if self._open and self._rate is None and not path.startswith(FEEDBACK):
            return ANYBODY
        if path in OPEN:
            return ANYBODY
        principal = ANYBODY if self._open else self._identify(headers)
        if principal is None:
            raise ProblemError(
                401,
                "A valid API key or token is needed.",
                kind="authentication",
                headers={"www-authenticate": "Bearer"},
            )
        needed = scope_of(path)
        if needed not in principal.scopes:
            text = f"This needs the scope {needed}."
            raise ProblemError(403, text, kind="forbidden")
        if needed == "feedback":
            self._limit(f"feedback {principal.name}", self._feedback_rate)
        else:
            self._limit(principal.name, principal.rate or self._rate)
        return principal

    def _identify(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal | None:
        said = b""
        for name, value in headers:
            if name == b"x-api-key":
                said = value
            elif name == b"authorization" and not said:
                word, _, rest = value.partition(b" ")
                said = rest.strip() if word.lower() == b"bearer" else b""
        text = said.decode("latin-1")
        key = self._ring.find(text)
        if key is not None:
            return self._principals[key.id]
        if self._verifier is not None and text.count(".") == 2:  # noqa: PLR2004 - a token's parts
            found = self._verifier.scopes(text)
            if found is not None:
                return Principal(f"token:{found[0]}", frozenset(found[1]))
        return None

    def _limit(self, name: str, rate: float | None) -> None:
        if rate is None:
            return
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets.pop(next(iter(self._buckets)))
            share = rate / self._workers
            bucket = Bucket(share, max(1.0, share * self._burst))
            self._buckets[name] = bucket
        if wait := bucket.take():
            raise ProblemError(
                429,
                "Too many requests with this key.",
                kind="rate",
                headers={"retry-after": str(int(wait) + 1)},
            )


def scope_of(path: str) -> str:
    """Return the scope that a path needs."""
    if path in PREDICT:
        return "predict"
    found = NEEDED.get(path)
    if found is None:
        found = next((scope for prefix, scope in PREFIXES if path.startswith(prefix)), "predict")
    return found


def needs(scope: str) -> Callable[[Request], Principal]:
    """Return a FastAPI dependency for a project's own route that needs another scope."""

    def check(request: Request) -> Principal:
        principal = who(request.scope)
        if scope not in principal.scopes:
            raise ProblemError(403, f"This needs the scope {scope}.", kind="forbidden")
        return principal

    return check


def who(scope: Mapping[str, Any]) -> Principal:
    """Return who sent a request that was let in."""
    found = scope.get("playbill.principal")
    return found if isinstance(found, Principal) else Principal("nobody", frozenset())
