"""What the generated texts of a deployment say: the image's base, and when somebody is told."""

from typing import Annotated, Literal

from pydantic import Field

from playbill.config.group import Group


class Image(Group):
    """The image of the server: the generated Dockerfile."""

    base: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]*$")] | None = None
    """Base image with Python; pinned as NAME@sha256:...; none: python:VERSION-slim."""
    packages: Literal["index", "wheels"] = "index"
    """index: pip asks its index; wheels: a folder of wheels is given to the build, no network."""


class Alerts(Group):
    """Limits of the generated alert rules."""

    window: Annotated[str, Field(pattern=r"^[1-9]\d*[smh]$")] = "5m"
    """Time over which rates are taken; at least four scrapes."""
    pending: Annotated[str, Field(pattern=r"^\d+[smh]$")] = "5m"
    """Time for which a limit must be passed before somebody is told."""
    latency_seconds: Annotated[float, Field(gt=0)] = 0.25
    """Longest time that 99 of 100 scoring requests may take."""
    error_share: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of requests that may end in a server error."""
    drift: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Distance of a feature from the reference beyond what sampling alone makes of it."""
    drift_rows: Annotated[int, Field(ge=1)] = 500
    """Fewer rows in the server's window tell nothing about drift or missing values."""
    missing_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of missing values of a feature beyond the reference's."""
    refused_share: Annotated[float, Field(ge=0)] = 0.05
    """Unknown, out of range or ill-typed values of a feature per row answered."""
    log_lag_seconds: Annotated[float, Field(gt=0)] = 900.0
    """Age of the oldest log record that is not kept for good."""
    model_days: Annotated[int, Field(ge=1)] = 365
    """Age of the newest row that the model learned from."""
    label_days: Annotated[int, Field(ge=1)] = 90
    """Age of the newest prediction whose truth is known, once any is."""
    runbook: str = "runbook.md"
    """Address of the runbook; an alert adds its heading. Default: the file beside alerts.yaml; a
    Git host shows it at https://HOST/TEAM/PROJECT/blob/main/models/NAME/server/runbook.md."""
