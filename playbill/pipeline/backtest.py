"""Replays the past under a monitor policy: what would have alarmed, retrained and been promoted.

Step by step, each decision sees what was known at its moment and nothing later: rows up to then,
truth older than the label delay. Rival policies go through the same history with the same models.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from playbill.config.params import read_params
from playbill.config.schema import DriftPolicy, Params
from playbill.config.source import Window
from playbill.config.span import later
from playbill.contract.task import outcome
from playbill.errors import UsageError
from playbill.pipeline import candidate
from playbill.pipeline.replay import Advance, Replay, Run

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Backtest:
    """The declared policy and its rivals on one history."""

    name: str
    measure: str
    start: date
    end: date
    rows: int
    policy: dict[str, Any]
    runs: tuple[Run, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, dates as text."""
        return {"format_version": FORMAT_VERSION, **asdict(self)}


def rivals(policy: DriftPolicy) -> dict[str, DriftPolicy]:
    """Return the declared policy and those that it is held against, by name."""
    free = {"cool_down": "0d", "budget": None, "minimum_rows": 1}
    return {
        "declared": policy,
        "never": policy.model_copy(update={"retrain_on": []}),
        "always": policy.model_copy(
            update={"retrain_on": ["schedule"], "schedule": policy.every, **free}
        ),
        "schedule": policy.model_copy(update={"retrain_on": ["schedule"], **free}),
    }


def backtest(
    root: Path,
    until: date | None,
    *,
    jobs: int = 1,
    advance: Advance = lambda _what, _share: None,
) -> Backtest:
    """Replay the history from the end of the data window until a day.

    Args:
        root: The project; its params say the first window and the policy.
        until: First day that is no longer replayed; None: the end of the last step that is full.
        jobs: Models that are fitted at the same time; the result does not depend on it.
        advance: Called with what is done and the share that is done.

    Raises:
        UsageError: The model is no classifier of two classes, or there is no time to replay.
        DataError: The source has no rows there.
    """
    params = read_params(root)
    first, policy = params.source.window, params.drift.policy
    _refuse(params)
    advance("reading the history", 0.0)
    last = until or datetime.now(tz=UTC).date()
    _refuse_short(first, policy, last)
    whole = Window(start=first.start, end=last)
    replay = Replay(root, params, candidate.history(root, params, whole))
    until = until or replay.full_steps(policy)
    _refuse_short(first, policy, until)
    replay.fit_all(until, jobs, advance)
    found = []
    for number, (name, each) in enumerate(rivals(policy).items()):
        advance(f"policy {name}", number / len(rivals(policy)))
        found.append(replay.run(name, each, until))
    advance("done", 1.0)
    return Backtest(
        name=params.name,
        measure=params.drift.measure,
        start=first.end,
        end=until,
        rows=int(replay.between(first.end, until).sum()),
        policy=policy.model_dump(mode="json"),
        runs=tuple(found),
    )


def _refuse(params: Params) -> None:
    task = outcome(params.contract).task
    if task != "binary":
        raise UsageError(
            f"a backtest of a {task} model is not possible",
            where="conf/contract task",
            expected="a classifier of two classes, whose loss can be estimated without labels",
        )
    if params.contract.role("time") is None:
        raise UsageError(
            "a backtest replays time, and no column has the role `time`",
            where="conf/contract columns",
            expected="the column with the time of each row: `role: time`",
        )


def _refuse_short(first: Window, policy: DriftPolicy, until: date) -> None:
    if later(first.end, policy.every) > until:
        raise UsageError(
            f"nothing to replay: the data window ends {first.end}, the history {until}",
            where="conf/source window",
            expected=f"a history of at least {policy.every} after the window",
            run="playbill backtest --until YYYY-MM-DD, or an earlier window in conf/source",
        )


def best(runs: Sequence[Run], measure: str) -> Run:
    """Return the run with the best measure; of equal ones the one that retrained less."""
    sign = -1 if measure == "brier" else 1
    return max(runs, key=lambda run: (sign * run.measure, -run.retrained))
