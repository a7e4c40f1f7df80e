"""When a monitored model is retrained: the declared policy, applied to what is known at a moment.

Pure: what is known goes in, a decision with its reasons comes out. `playbill backtest` replays the
past through it, so whoever changes the policy can see first what the change would have done.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from playbill.config.span import later

if TYPE_CHECKING:
    from playbill.config.schema import DriftPolicy


@dataclass(frozen=True)
class Known:
    """What is known at the end of a step.

    Attributes:
        now: The day of the decision.
        trained: End of the window that the model in service learned from.
        last: Day of the last retraining, promoted or not; None before the first.
        retrained: Retrainings so far.
        rows: Rows of the step.
        drifted: Whether the step's rows drifted.
        estimated: Whether the estimated loss matters; None where there is no estimate.
        realised: Loss of the measure on the rows whose truth is known; None without any.
    """

    now: date
    trained: date
    last: date | None
    retrained: int
    rows: int
    drifted: bool
    estimated: bool | None
    realised: float | None


@dataclass(frozen=True)
class Decision:
    """Whether to alarm and whether to retrain, each with the causes that say so."""

    alarms: tuple[str, ...]
    causes: tuple[str, ...]
    held_back: str
    """Why a cause did not lead to a retraining; empty if it did or there was none."""

    @property
    def retrain(self) -> bool:
        """Whether the model is retrained now."""
        return bool(self.causes) and not self.held_back


def decide(policy: "DriftPolicy", known: Known) -> Decision:
    """Return what the policy says of what is known."""
    signs = {
        "drift": known.drifted,
        "estimated loss": bool(known.estimated),
        "realised loss": known.realised is not None and known.realised >= policy.realised_loss,
        "schedule": known.now >= later(known.last or known.trained, policy.schedule),
    }
    wanted = {name.replace("_", " ") for name in policy.retrain_on}
    alarming = {name.replace("_", " ") for name in policy.alarm_on}
    causes = tuple(name for name, seen in signs.items() if seen and name in wanted)
    alarms = tuple(name for name, seen in signs.items() if seen and name in alarming)
    return Decision(alarms, causes, _held_back(policy, known) if causes else "")


def _held_back(policy: "DriftPolicy", known: Known) -> str:
    if known.rows < policy.minimum_rows:
        return f"{known.rows:,} rows are fewer than the {policy.minimum_rows:,} that it takes"
    if policy.budget is not None and known.retrained >= policy.budget:
        return f"the budget of {policy.budget} retrainings is spent"
    if known.last is not None and known.now < (ready := later(known.last, policy.cool_down)):
        return f"cooling down until {ready}"
    return ""
