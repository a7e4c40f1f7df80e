"""How a REST API's pages follow each other: what to ask for next, and when it ends.

A page counts as the last when it is empty or when all announced rows have come; a short page does
not, for a server may give less than was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playbill.config.source import Pagination
from playbill.errors import DataError
from playbill.source.base import Context

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True)
class Page:
    """One answer: its JSON, its rows, and the address of the next page in its Link header."""

    answer: Any
    rows: list[Any]
    link: str | None


@dataclass(frozen=True)
class Request:
    """What to ask for."""

    url: str
    parameters: Mapping[str, Any]


def first(config: Pagination, url: str, parameters: Mapping[str, Any]) -> Request:
    """Return the request for the first page."""
    asked = dict(parameters)
    if config.size is not None:
        asked[config.size_parameter] = config.size
    if config.kind == "page":
        asked[config.parameter or "page"] = config.first
    elif config.kind == "offset":
        asked[config.parameter or "offset"] = 0
    return Request(url, asked)


def following(
    config: Pagination, last: Request, page: Page, rows: int, context: Context
) -> Request | None:
    """Return the request for the page after `page`, or None after the last one.

    Args:
        config: How the rows are divided.
        last: The request that `page` answered.
        page: It.
        rows: How many rows have come, its own included.
        context: For errors.

    Raises:
        DataError: The next page lies on another host, to which no secret is carried.
    """
    asked = dict(last.parameters)
    match config.kind:
        case "page" | "offset" if page.rows and rows != total(config, page.answer):
            name = config.parameter or config.kind
            asked[name] = rows if config.kind == "offset" else int(asked[name]) + 1
            return Request(last.url, asked)
        case "cursor" if token := at(page.answer, config.next):
            if "://" in str(token) or str(token).startswith("/"):
                return Request(_same_host(last.url, str(token), context), {})
            return Request(last.url, {**asked, config.parameter or "cursor": token})
        case "link" if page.link:
            return Request(_same_host(last.url, page.link, context), {})
    return None


def total(config: Pagination, answer: Any) -> int | None:
    """Return how many rows the API announces, if it does."""
    found = at(answer, config.total) if config.total else None
    return int(found) if found is not None else None


def at(answer: Any, path: str) -> Any:
    """Return what stands under a dotted path of a JSON value; None if nothing does."""
    for name in filter(None, path.split(".")):
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(name)
    return answer


def link(answer: "requests.Response") -> str | None:
    """Return the next page's address in the Link header (RFC 8288)."""
    found: str | None = answer.links.get("next", {}).get("url")
    return found


def _same_host(url: str, found: str, context: Context) -> str:
    whole = urljoin(url, found)
    if urlsplit(whole)[:2] != urlsplit(url)[:2]:
        raise DataError(
            f"source `{context.name}`: the next page lies on {urlsplit(whole).netloc}",
            where=f"{context.where}.pagination",
            expected=f"pages on {urlsplit(url).netloc}: no secret is carried to another host",
        )
    return whole
