"""What a deployment decides, read once at start: who may ask, how much, and where the log goes.

Nothing here is part of a bundle or of its digests. A TOML file says it, and flags of the command
override it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from playbill.errors import UsageError

Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """Base of all sections: unknown keys are refused."""

    # Without `use_attribute_docstrings`, which parses this source again for each section.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tokens(Section):
    """JSON Web Tokens that are taken; needs the package joserfc."""

    jwks: Path
    """File with the public keys, a JWK Set."""
    audience: str
    """The `aud` that a token must have."""
    issuer: str | None = None
    """The `iss` that a token must have; none: any."""
    algorithms: list[Literal["RS256", "ES256"]] = ["RS256", "ES256"]
    """Signatures that are taken."""
    leeway_seconds: Annotated[int, Field(ge=0, le=300)] = 30
    """How far the clocks may be apart."""


class Authentication(Section):
    """Who may ask; with neither keys nor tokens everybody may, on loopback alone."""

    keys: Path | None = None
    """File of hashed API keys, as `--new-key` writes it."""
    keys_variable: str | None = None
    """Environment variable that holds what such a file would."""
    tokens: Tokens | None = None
    """JSON Web Tokens."""


class Limits(Section):
    """How much is taken; what a body may hold stands in conf/server."""

    requests_per_second: Positive | None = None
    """Requests of one key, all workers together; none: no limit. A key's own rate goes first."""
    burst_seconds: Positive = 2.0
    """Seconds' worth of requests that may come at once."""
    in_flight: Annotated[int, Field(ge=1)] = 256
    """Requests that one worker answers at a time; beyond that 503."""
    connections_per_address: Annotated[int, Field(ge=1)] = 512
    """Connections from one address to one worker; further ones are closed."""
    header_seconds: Positive = 10.0
    """Time in which a request's head must have arrived."""
    header_bytes: Annotated[int, Field(ge=1024)] = 32_768
    """Bytes that it may have."""
    body_seconds: Positive = 10.0
    """Time in which a body must have arrived."""
    keep_alive_seconds: Positive = 5.0
    """Time that a connection may wait for its next request."""
    drain_seconds: Positive = 30.0
    """Time for the requests under way when the server is told to stop."""


class Log(Section):
    """The prediction log."""

    folder: Path | None = None
    """Folder of the segments; none: predictions are not logged."""
    target: str | None = None
    """URL of object storage (fsspec) to which finished segments are moved."""
    segment_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """Size at which a segment is finished."""
    segment_seconds: Positive = 3600.0
    """Age at which a segment is finished."""
    fsync: Literal["never", "segment", "interval", "always"] = "interval"
    """When the disk is waited for: never, per finished segment, every second, per answer."""
    personal_key_variable: str | None = None
    """Environment variable with the key of the HMAC that stands for a personal value; none: such
    values are left out."""
    failing: Literal["unready", "ready"] = "unready"
    """What /readyz says while the log cannot be written; predictions are answered either way."""


class Logging(Section):
    """The server's own log lines, JSON on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "error"
    """Least level that is written. error: faults alone; info: a line a request too; debug: with the
    texts of exceptions, which may quote values."""


class Tracing(Section):
    """OpenTelemetry traces; need the packages of the extra `otel`."""

    endpoint: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """URL of an OTLP/HTTP receiver, mostly ending in /v1/traces; none: no traces."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the traces begun here that is kept; one that a sender began follows its sender."""
    service: str | None = None
    """The `service.name` of the spans; none: the model's name."""
    headers_variable: str | None = None
    """Environment variable with headers for the receiver, as NAME=VALUE,NAME=VALUE."""
    timeout_seconds: Positive = 10.0
    """Time that the receiver has to take a batch."""


class Feedback(Section):
    """What turned out to be true, reported under a prediction's identifier."""

    file: Path | None = None
    """SQLite file that keeps it; none: it is not taken. Needs a prediction log."""
    requests_per_second: Positive = 10.0
    """Requests of one key, all workers together; they do not count as predictions do."""


class Settings(Section):
    """Everything that a deployment decides."""

    authentication: Authentication = Authentication()
    limits: Limits = Limits()
    log: Log = Log()
    feedback: Feedback = Feedback()
    logging: Logging = Logging()
    tracing: Tracing = Tracing()
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that answer."""
    model_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9@#._+-]{1,100}$")] | None = None
    """Version that the answers name, as the registry has it."""
    window_seconds: Positive = 3600.0
    """Length of the window in which features are compared with the reference."""

    @model_validator(mode="after")
    def _feedback_needs_a_log(self) -> Self:
        if self.feedback.file is not None and self.log.folder is None:
            raise ValueError("feedback needs a prediction log, in which its prediction is found")
        return self

    @property
    def authenticates(self) -> bool:
        """Whether a request must say who sends it."""
        given = self.authentication
        return bool(given.keys or given.keys_variable or given.tokens)


def read_settings(path: Path | None, overrides: dict[str, Any]) -> Settings:
    """Return the settings of a TOML file with values replaced.

    Args:
        path: The file; none: the defaults.
        overrides: Values by dotted key; None leaves what the file says.

    Raises:
        UsageError: The file cannot be read or says what is not known.
    """
    plain: dict[str, Any] = {}
    if path is not None:
        import tomllib

        try:
            plain = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"the settings cannot be read: {error}", where=str(path)) from error
    for key, value in overrides.items():
        if value is not None:
            *sections, last = key.split(".")
            inner = plain
            for name in sections:
                inner = inner.setdefault(name, {})
            inner[last] = value
    try:
        return Settings.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UsageError(
            f"the settings are wrong: {first['msg']}",
            where=f"{path or 'flags'} {'.'.join(map(str, first['loc']))}",
            expected="the keys of docs/how-to/serve.md",
        ) from error
