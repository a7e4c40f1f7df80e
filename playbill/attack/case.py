"""One hostile request, the answers that are right, and what no answer may hold."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MARKER = "pb-marker-4111"  # stands in bodies that are refused; an answer with it is an echo
# Words that only a stack trace, a path or a banner brings into an answer.
LEAKS = re.compile(
    r"Traceback|File \\?\"|site-packages|\.py\b|pydantic|starlette|uvicorn|/home/|/usr/|/var/"
    r"|Exception|errno",
    re.IGNORECASE,
)
BANNER = re.compile(r"\d+\.\d+")
PROBLEM = "application/problem+json"
JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """A request over HTTP, and what is right.

    Attributes:
        group: The kind of attack.
        name: What it is, in a few words.
        right: Statuses that are right.
        body: The body, or what yields its chunks.
        path: Where it goes.
        method: How.
        headers: Headers beside the content type and the key.
        kind: The content type.
        anonymous: Sent without the key.
    """

    group: str
    name: str
    right: frozenset[int]
    body: bytes | Callable[[], Iterator[bytes]] = b""
    path: str = "/predict"
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    kind: str | None = JSON
    anonymous: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Verdict:
    """A line of the table."""

    group: str
    name: str
    right: str
    got: str
    faults: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def judge(case: Case, answer: Answer) -> Verdict:
    """Return the verdict on an answer."""
    faults = []
    if answer.status not in case.right:
        faults.append(f"answered {answer.status}")
    faults += leaks(answer)
    return Verdict(case.group, case.name, shown(case.right), str(answer.status), tuple(faults))


def leaks(answer: Answer) -> list[str]:
    """Return what is wrong with an answer whatever was asked."""
    faults = []
    text = answer.body.decode("utf-8", "replace")
    refused = answer.status >= 400  # noqa: PLR2004 - where errors begin
    if refused and (found := LEAKS.search(text)):
        faults.append(f"tells {found.group()!a}")
    if MARKER in text:
        faults.append("echoes what was sent")
    if BANNER.search(answer.headers.get("server", "")):
        faults.append("has a version banner")
    if "set-cookie" in answer.headers or "x-injected" in answer.headers:
        faults.append("has an injected header")
    kind = answer.headers.get("content-type", "")
    if refused and answer.body and not kind.startswith((PROBLEM, JSON)):
        faults.append(f"is {kind.partition(';')[0] or 'of no type'}, not JSON")
    if "json" in kind and answer.body and not strict_json(text):
        faults.append("is not valid JSON")
    return faults


def strict_json(text: str) -> bool:
    """Say whether a text is JSON as RFC 8259 has it, without NaN."""

    def refuse(_: str) -> None:
        raise ValueError

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def shown(right: frozenset[int]) -> str:
    """Return statuses as text."""
    return "/".join(str(status) for status in sorted(right))
