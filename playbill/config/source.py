"""The typed form of `conf/source`: where rows come from, by kind, and the windows they come in."""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from playbill.config.group import Group
from playbill.config.scalar import Day, Span, placed

SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
# What a windowed query or address must hold, so that only the window's rows are asked for.
BOUNDS = ("start", "end")
_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s]+@")


class Window(Group):
    """A span of time, its end excluded."""

    start: Day
    """First day, as 2013-01-01."""
    end: Day
    """First day that is no longer part of the window."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            what = f"the window ends {self.end}, not after its start {self.start}"
            raise placed(what, "end")
        return self


class Origin(Group):
    """What every kind of source may say."""

    time: str | None = None
    """Column with the time of a row; of a file, the one by which the window picks its rows."""
    key: str | None = None
    """Column that identifies a row; its first and last value stand in the provenance."""
    look_back: Annotated[int, Field(ge=0, le=1000)] = 0
    """Last windows that are fetched again at each ingest: late and corrected rows come in."""
    secrets: dict[str, SecretName] = {}
    """Names of environment variables, by what they are for; conf/env lists them as secrets."""

    @property
    def is_windowed(self) -> bool:
        """True if the window picks the rows."""
        return False


class FileSource(Origin):
    """Files by path, glob or address: CSV, JSON Lines, Parquet or Excel."""

    kind: Literal["file"]
    """Says that this source is a file."""
    path: str
    """Path or glob, relative to the project's root; or an fsspec address, as s3://bucket/*.csv."""
    format: Literal["csv", "jsonl", "parquet", "excel"] | None = None
    """What the files hold; none: their ending says so."""
    options: dict[str, Any] = {}
    """Keyword arguments for pandas' reader of that format, such as `sep` or `sheet_name`."""
    storage: dict[str, Any] = {}
    """Options of the fsspec file system of an address; those that are secret go in `secrets`."""

    @property
    def is_windowed(self) -> bool:
        """True if a column picks the window's rows."""
        return self.time is not None

    @property
    def is_remote(self) -> bool:
        """True if the path is an address, and not a file of the project."""
        return "://" in self.path


class SqlSource(Origin):
    """The rows of a query on a database that SQLAlchemy knows."""

    kind: Literal["sql"]
    """Says that this source is a query."""
    url: str
    """SQLAlchemy's URL without a password, as postgresql+psycopg://reader@host/base."""
    query: str
    """SELECT that ends with ORDER BY; `:start` and `:end` stand for the window's bounds."""
    batch_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000
    """Rows that are in memory at a time."""

    @property
    def is_windowed(self) -> bool:
        """True if the query asks for a window."""
        return any(_parameter(name).search(self.query) for name in BOUNDS)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if _PASSWORD.search(self.url):
            raise placed("the URL holds a password; say `secrets: {password: NAME}`", "url")
        if not re.search(r"\border\s+by\b", self.query, re.IGNORECASE):
            raise placed("the query leaves the order of its rows open (no ORDER BY)", "query")
        _both_bounds([name for name in BOUNDS if _parameter(name).search(self.query)], "query")
        if stray := sorted(set(self.secrets) - {"password", "username"}):
            raise placed(f"a database has no secret `{stray[0]}`", "secrets", stray[0])
        return self


class Pagination(Group):
    """How a REST API divides its rows into pages."""

    kind: Literal["none", "page", "offset", "cursor", "link"] = "none"
    """page: numbers; offset: rows to skip; cursor: a token in the answer; link: the Link header."""
    parameter: str | None = None
    """Query parameter that is counted up or takes the token; default: the kind's name."""
    first: Annotated[int, Field(ge=0)] = 1
    """page: number of the first page."""
    size: Annotated[int, Field(ge=1)] | None = None
    """Rows a page to ask for, with `size_parameter`."""
    size_parameter: str = "limit"
    """Query parameter that takes `size`."""
    next: str = "next"
    """cursor: dotted path in the answer to the next token, or to the next page's address."""
    total: str | None = None
    """Dotted path in the answer to the number of all rows; what comes in is compared with it."""


class Authentication(Group):
    """How a REST API knows who asks; the values come from `secrets`."""

    kind: Literal["bearer", "basic", "header", "query"]
    """bearer: secret `token`; basic: `username`, `password`; else `token` as `name`."""
    name: str = "X-API-Key"
    """header, query: the header or the query parameter that takes the token."""


class Fetching(Origin):
    """What is asked for over HTTP."""

    url: str
    """Address; `{start}` and `{end}` in it stand for the window's bounds."""
    parameters: dict[str, str | int | float | bool] = {}
    """Query parameters; `{start}` and `{end}` in them stand for the window's bounds."""
    headers: dict[str, str] = {}
    """Request headers that are not secret."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 5
    """Tries of a request that is answered 429 or 5xx, breaks off or is cut short."""
    backoff: Annotated[float, Field(ge=0, le=600)] = 0.5
    """Seconds before the second try; doubled each time, unless the server says Retry-After."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30
    """Seconds that a server may take to answer."""
    per_second: Annotated[float, Field(gt=0)] | None = None
    """Most requests a second; none: no bound."""

    @property
    def is_windowed(self) -> bool:
        """True if the address asks for a window."""
        return bool(self._bounds())

    def _bounds(self) -> list[str]:
        texts = [self.url, *(value for value in self.parameters.values() if isinstance(value, str))]
        return [name for name in BOUNDS if any(f"{{{name}}}" in text for text in texts)]

    @model_validator(mode="after")
    def _asks_for_both(self) -> Self:
        if not re.match(r"https?://", self.url):
            raise placed("the address is not of the form http(s)://host/...", "url")
        _both_bounds(self._bounds(), "url")
        return self


class RestSource(Fetching):
    """The rows of a JSON API, page by page."""

    kind: Literal["rest"]
    """Says that this source is an API."""
    rows: str = ""
    """Dotted path in the answer to the list of rows; empty: the answer is the list."""
    pagination: Pagination = Pagination.model_construct()
    """How the rows are divided."""
    authentication: Authentication | None = None
    """How the API knows who asks."""

    @model_validator(mode="after")
    def _has_secrets(self) -> Self:
        if self.authentication is not None:
            basic = self.authentication.kind == "basic"
            for name in ("username", "password") if basic else ("token",):
                if name not in self.secrets:
                    what = f"authentication `{self.authentication.kind}` needs the secret `{name}`"
                    raise placed(what, "secrets")
        return self


class HtmlSource(Fetching):
    """A table of a web page, or what CSS selectors find in it."""

    kind: Literal["html"]
    """Says that this source is a web page."""
    table: str = "table"
    """CSS selector of a table; the first that it finds is read."""
    row: str | None = None
    """CSS selector of what holds one row; with `columns`, instead of `table`."""
    columns: dict[str, str] = {}
    """By column, the CSS selector inside a row; `a@href` takes an attribute instead of the text."""
    encoding: str | None = None
    """Encoding of the page; none: what the server and the page say."""
    agent: str = "playbill"
    """User agent, by which robots.txt is asked too."""

    @model_validator(mode="after")
    def _row_and_columns(self) -> Self:
        if (self.row is None) != (not self.columns):
            raise placed("`row` and `columns` belong together", "row" if self.row else "columns")
        return self


class PythonSource(Origin):
    """A function of the project that returns the rows of a window: a frame, or frames."""

    kind: Literal["python"]
    """Says that this source is a function."""
    target: str
    """`package.module:function`; called with `start` and `end` (datetime.date, end excluded)."""
    windowed: bool = True
    """False for a table that does not change with the window; then called without arguments."""

    @property
    def is_windowed(self) -> bool:
        """True if the function takes the window."""
        return self.windowed


AnySource = FileSource | SqlSource | RestSource | HtmlSource | PythonSource


class Source(Group):
    """Where the rows come from: named sources, and the query that joins them into one table."""

    window: Window
    """The rows that the model learns from; `playbill retrain` moves it."""
    every: Span | None = None
    """Length of a snapshot, as 1m, 2w or 1d, by the calendar; none: the whole window is one."""
    sources: dict[str, Annotated[AnySource, Field(discriminator="kind")]]
    """Each source by the name under which the query reads it."""
    query: str
    """SQL (DuckDB) over the named sources; its result is the table that the contract describes."""

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if not self.sources:
            raise placed("at least one source is needed", "sources")
        return self


def bound(text: str, start: date, end: date) -> str:
    """Return a text with `{start}` and `{end}` replaced, other braces as they are."""
    return text.replace("{start}", start.isoformat()).replace("{end}", end.isoformat())


def _parameter(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![:\w]):{name}\b")


def _both_bounds(found: list[str], key: str) -> None:
    if len(found) == 1:
        raise placed(f"the window is asked for with `{found[0]}` alone, not with both bounds", key)
