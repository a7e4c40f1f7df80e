"""The typed form of conf/drift: what counts as drift, and what follows from it."""

from typing import Annotated, Literal

from pydantic import Field

from playbill.config.group import Group
from playbill.config.scalar import Share, Sign, Span


class DriftPolicy(Group):
    """When to look, when to alarm and when to retrain; `playbill backtest` replays it."""

    every: Span = "1m"
    """How often new rows are checked, and so how many there are each time: 1m, 2w or 30d."""
    alarm_on: list[Sign] = ["drift", "estimated_loss", "realised_loss"]
    """What is told."""
    retrain_on: list[Sign] = ["estimated_loss", "realised_loss"]
    """What leads to a retraining, on a window as long as the present one that ends now."""
    realised_loss: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Smallest loss of `drift.measure` against the hold-out that counts, once labels arrive."""
    schedule: Span = "3m"
    """Time after which `schedule` asks for a retraining."""
    cool_down: Span = "0d"
    """Shortest time between two retrainings."""
    minimum_rows: Annotated[int, Field(ge=1)] = 1000
    """Fewer new rows than this lead to no retraining."""
    budget: Annotated[int, Field(ge=0)] | None = None
    """Most retrainings of one backtest; none: no bound."""


class Drift(Group):
    """When new rows count as drifted from the rows that the model learned from."""

    alpha: Share = 0.05
    """Chance of any alarm when nothing changed: of all columns and of all `checks` together."""
    checks: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Checks that share alpha: with 90 daily ones it is the chance of any alarm in 90 days."""
    minimum_effect: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Smallest difference that matters: total variation distance between binned distributions."""
    bins: Annotated[int, Field(ge=2, le=100)] = 10
    """Quantile bins of a numeric column."""
    categories: Annotated[int, Field(ge=2, le=1000)] = 50
    """Categories kept by name; the rest are counted together."""
    draws: Annotated[int, Field(ge=100, le=100_000)] = 2000
    """Monte Carlo draws of each null distribution."""
    minimum_rows: Annotated[int, Field(ge=2)] = 100
    """Fewer rows than this give no verdict."""
    joint: bool = True
    """Compare pairs of columns too: a broken correlation is seen though no column moved."""
    unit: Literal["row", "period"] = "row"
    """What is drawn by chance: single rows, or whole periods of rows that time ties together."""
    period: Annotated[str, Field(pattern=r"^[1-9]\d{0,3}[hdw]$")] = "1d"
    """Length of a period for `unit: period`: a number and h, d or w (hours, days, weeks)."""
    measure: Literal[
        "roc_auc", "accuracy", "precision", "recall", "f1", "brier", "log_loss", "mae", "rmse"
    ] = "roc_auc"
    """Measure whose estimated loss says whether drift matters: of a binary model the first six, of
    one with more classes accuracy or log_loss, of a regressor mae or rmse. One that the task does
    not have gives way to the first that it has."""
    minimum_loss: Annotated[float, Field(ge=0)] = 0.0
    """Smallest loss of that measure that matters; its whole interval must lie above."""
    policy: DriftPolicy = DriftPolicy.model_construct()
    """What follows from a check."""
    seed: int = 0
    """Seed of the draws."""
