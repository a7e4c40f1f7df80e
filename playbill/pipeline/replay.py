"""One history with the models and checks that were needed so far, and a policy's way through it.

Each decision sees what was known at its moment and nothing later: rows up to then, truth older
than the label delay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.bundle.fingerprint import frame_digest
from playbill.config.schema import DriftPolicy, Params
from playbill.config.source import Window
from playbill.config.span import later
from playbill.contract.column import inputs
from playbill.contract.task import outcome
from playbill.drift.decision import check
from playbill.drift.performance import profile_performance
from playbill.drift.policy import Known, decide
from playbill.drift.profile import build_profile, with_model
from playbill.errors import DataError
from playbill.pipeline import candidate
from playbill.pipeline.candidate import Candidate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.drift.result import DriftReport

FEWEST = 20  # rows of each class that a measure of a step takes
UNITS = {"d": 86_400, "h": 3600, "m": 60}
Advance = Callable[[str, float], None]


@dataclass(frozen=True)
class Step:
    """What happened in one span of new rows, and what was decided at its end."""

    start: date
    end: date
    rows: int
    model: str
    """End of the window that the model in service learned from."""
    measure: float | None
    """What the model in service got on the rows of the step, known when all their truth is."""
    drifted: tuple[str, ...]
    estimated_loss: float | None
    realised_loss: float | None
    alarms: tuple[str, ...]
    causes: tuple[str, ...]
    held_back: str
    gate: str
    """better, no clear difference or worse; empty if nothing was retrained."""
    promoted: bool


@dataclass(frozen=True)
class Run:
    """One policy's way through the history."""

    name: str
    steps: tuple[Step, ...]
    measure: float
    """Mean of the steps' measures, each by its rows."""
    alarms: int
    retrained: int
    promoted: int
    seconds: float
    """CPU seconds of the fits, as they took when they were made."""


class Replay:
    """A history with the models and checks that were needed so far.

    Args:
        root: The project.
        params: Its params.
        table: The validated rows of the history.
    """

    def __init__(self, root: Path, params: Params, table: "pd.DataFrame") -> None:
        self._root, self._params = root, params
        contract = params.contract
        self._time = contract.role("time") or ""
        self._rows = table.sort_values([self._time, contract.key], ignore_index=True)
        self._digest = frame_digest(self._rows)
        self._moment = self._rows[self._time]
        truth = self._rows[contract.target]
        self._labelled = truth.notna().to_numpy()
        self._positive = (truth == outcome(contract).positive).to_numpy()
        self._models: dict[tuple[date, date], Candidate] = {}
        self._profiles: dict[tuple[date, date], dict[str, Any]] = {}
        self._checks: dict[tuple[tuple[date, date], date, date], DriftReport] = {}

    def fit_all(self, until: date, jobs: int, advance: Advance) -> None:
        """Fit what retraining at every step would, side by side; `always` needs them all."""
        from joblib import Parallel, delayed

        now, windows = self._params.source.window.end, [self._params.source.window]
        while (now := later(now, self._params.drift.policy.every)) <= until:
            windows.append(self._retraining(now))
        calls = (
            delayed(candidate.fit)(self._root, self._params, self._rows, each, self._digest)
            for each in windows
        )
        made = Parallel(n_jobs=jobs, return_as="generator")(calls)
        for number, (window, model) in enumerate(zip(windows, made, strict=True), 1):
            self._models[window.start, window.end] = model
            advance(f"model until {window.end}", number / len(windows))

    def _retraining(self, now: date) -> Window:
        """Return what a retraining on a day may know: rows whose truth is out, as long as ever."""
        first, delay = self._params.source.window, self._params.contract.label_delay
        late = timedelta(days=ceil(int(delay[:-1]) * UNITS[delay[-1]] / UNITS["d"]))
        return Window(start=now - late - (first.end - first.start), end=now - late)

    def full_steps(self, policy: DriftPolicy) -> date:
        """Return the end of the last step into which the history reaches up to its last day."""
        final, end = self._moment.max().date(), self._params.source.window.end
        while (after := later(end, policy.every)) <= final + timedelta(days=1):
            end = after
        return end

    def run(self, name: str, policy: DriftPolicy, until: date) -> Run:
        """Return one policy's way from the end of the first window until a day."""
        first = self._params.source.window
        serving = self.model(first)
        now, last, steps, fitted = first.end, None, list[Step](), list[Candidate]()
        while (end := later(now, policy.every)) <= until:
            step, challenger = self._step(serving, policy, (now, end), last, len(fitted))
            steps.append(step)
            if challenger is not None:
                fitted.append(challenger)
                last = end
                serving = challenger if step.promoted else serving
            now = end
        measured = [(s.measure, s.rows) for s in steps if s.measure is not None]
        weight = sum(rows for _, rows in measured)
        return Run(
            name=name,
            steps=tuple(steps),
            measure=sum(m * rows for m, rows in measured) / weight if weight else float("nan"),
            alarms=sum(bool(step.alarms) for step in steps),
            retrained=len(fitted),
            promoted=sum(step.promoted for step in steps),
            seconds=sum(each.seconds for each in fitted),
        )

    def _step(
        self,
        serving: Candidate,
        policy: DriftPolicy,
        span: tuple[date, date],
        last: date | None,
        retrained: int,
    ) -> tuple[Step, Candidate | None]:
        now, end = span
        inside = self.between(now, end)
        if not inside.any():
            raise DataError(
                f"the source has no rows from {now} to {end}",
                where="conf/source",
                expected="rows in every step of the history",
                run=f"playbill backtest --until {now}",
            )
        report = self.check(serving, now, end)
        realised = self._loss(serving, inside & self._known(end))
        known = Known(
            now=end,
            trained=serving.window.end,
            last=last,
            retrained=retrained,
            rows=int(inside.sum()),
            drifted=report.verdict == "drift",
            estimated=report.matters,
            realised=realised,
        )
        decision = decide(policy, known)
        challenger, gate = None, ""
        if decision.retrain:
            challenger = self.model(self._retraining(end))
            gate = self._gate(serving, challenger, end)
        return Step(
            start=now,
            end=end,
            rows=int(inside.sum()),
            model=str(serving.window.end),
            measure=self._measure(serving, inside & self._labelled),
            drifted=tuple(column.name for column in report.drifted),
            estimated_loss=None if report.estimate is None else report.estimate.loss,
            realised_loss=realised,
            alarms=decision.alarms,
            causes=decision.causes,
            held_back=decision.held_back,
            gate=gate,
            promoted=gate == "better",
        ), challenger

    def model(self, window: Window) -> Candidate:
        """Return the model of a window, fitted at most once."""
        at = (window.start, window.end)
        if at not in self._models:
            self._models[at] = candidate.fit(
                self._root, self._params, self._rows, window, self._digest
            )
        return self._models[at]

    def check(self, model: Candidate, start: date, end: date) -> "DriftReport":
        """Return the drift report of a span against what a model learned from."""
        at = (model.window.start, model.window.end)
        if at not in self._profiles:
            self._profiles[at] = self._profile(model)
        if (at, start, end) not in self._checks:
            inside = self.between(start, end)
            self._checks[at, start, end] = check(
                self._profiles[at],
                self._rows[inside],
                self._params.drift,
                scores=model.scores[inside],
            )
        return self._checks[at, start, end]

    def between(self, start: date, end: date) -> "NDArray[np.bool_]":
        """Return which rows lie from `start` on, before `end`."""
        return ((self._moment >= str(start)) & (self._moment < str(end))).to_numpy()

    def _profile(self, model: Candidate) -> dict[str, Any]:
        held_out = model.held_out & self._labelled
        profile = build_profile(
            self._rows[model.learned],
            inputs(self._params.contract),
            self._params.drift,
            scores=model.scores[held_out],
            time=self._time,
        )
        known = profile_performance(
            model.scores[held_out], self._positive[held_out], model.threshold
        )
        return with_model(profile, performance=known)

    def _known(self, now: date) -> "NDArray[np.bool_]":
        """Return the rows whose truth is known at the start of a day."""
        delay = self._params.contract.label_delay
        import pandas as pd

        bound = pd.Timestamp(now) - timedelta(seconds=int(delay[:-1]) * UNITS[delay[-1]])
        return (self._moment < bound).to_numpy() & self._labelled

    def _loss(self, model: Candidate, rows: "NDArray[np.bool_]") -> float | None:
        before = self._measure(model, model.held_out & self._labelled)
        now = self._measure(model, rows)
        if before is None or now is None:
            return None
        return now - before if self._params.drift.measure == "brier" else before - now

    def _measure(self, model: Candidate, rows: "NDArray[np.bool_]") -> float | None:
        """Return the policy's measure, or None with too few rows of a class."""
        from playbill.evaluation.metrics import measure
        from playbill.evaluation.scored import Scored

        truth = self._positive[rows]
        if min(int(truth.sum()), int((~truth).sum())) < FEWEST:
            return None
        scored = Scored(
            "binary", truth.astype("int64"), model.scores[rows], threshold=model.threshold
        )
        value = measure(scored)[self._params.drift.measure]
        return None if value is None else float(value)

    def _gate(self, champion: Candidate, challenger: Candidate, now: date) -> str:
        """Compare both on rows of the challenger's hold-out that neither learned from."""
        import pandas as pd

        from playbill.evaluation.pairing import Predictions, pair

        fresh = challenger.held_out & ~champion.learned & self._known(now)
        sides = [
            Predictions(
                pd.DataFrame(
                    {
                        "key": self._rows[self._params.contract.key][fresh].to_numpy(),
                        "truth": self._positive[fresh].astype("int64"),
                        "score": model.scores[fresh],
                    }
                ),
                "key",
                "truth",
                ("score",),
            )
            for model in (champion, challenger)
        ]
        paired, _ = pair(sides[0], sides[1], "challenger")
        wanted = "brier" if self._params.drift.measure == "brier" else "roc_auc"
        return next((one.verdict for one in paired if one.metric == wanted), "too few rows")
