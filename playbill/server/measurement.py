"""Everything that is counted and logged of requests and answers, for one worker."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from playbill.server import feedback, watch
from playbill.server import log as prediction_log
from playbill.server.interface import Interface
from playbill.server.log import PredictionLog
from playbill.server.measure import Board, Family
from playbill.server.plain import Plain, PlainRows
from playbill.server.problem import TITLES, Kind, ProblemError
from playbill.server.record import Recorder
from playbill.server.settings import Settings

if TYPE_CHECKING:
    from playbill.server.served import Served
    from playbill.server.switch import Switchboard

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
STATUSES = (200, *TITLES)
OTHER = "other"
# Paths by the label that they are counted under.
ROUTES = {
    "/predict": "/predict", "/predict/batch": "/predict/batch", "/model": "/model",
    "/feedback": "/feedback",
    "/healthz": "health", "/readyz": "health", "/metrics": "/metrics",
    "/v2/health/live": "health", "/v2/health/ready": "health",
}  # fmt: skip
INFER = "/v2 infer"
LABELS = (*dict.fromkeys(ROUTES.values()), INFER, OTHER)
LOOK = 1.0  # seconds between two counts of the rows that wait

Answer = Mapping[str, Any]


class Measurement:
    """Counts and logs.

    Args:
        interface: The served interface.
        settings: Log, window, number of workers.
        profile: The reference profile of the bundle.
        facts: What every log record says of the model.
        plain: What the rows are.
        slot: Number of this worker.
        board: File that the workers share.
        key: Key of the HMAC of personal values.
    """

    def __init__(  # noqa: PLR0913 - all that a worker is told
        self,
        interface: Interface,
        settings: Settings,
        profile: Mapping[str, Any],
        facts: Mapping[str, Any],
        plain: PlainRows,
        *,
        slot: int = 0,
        board: Path | None = None,
        key: bytes | None = None,
    ) -> None:
        self._regression = interface.asked.task == "regression"
        self._buckets = _score_buckets(profile) if self._regression else SHARES
        self.watch = watch.Watch(interface.columns, profile, settings.window_seconds)
        families = [
            *_families(self._buckets),
            watch.family(list(interface.columns)),
            *prediction_log.FAMILIES,
            *feedback.FAMILIES,
        ]
        # One slot more, for the worker that replaces another while that one still drains.
        slots = settings.workers + 1 if board is not None else 1
        self.board = Board(families, extra=self.watch.extra, workers=slots, slot=slot, path=board)
        self._workers = settings.workers
        self.watch.attach(self.board)
        self._info = dict(facts)
        self._learned_until = _seconds(profile.get("window", {}).get("end"))
        self._log = PredictionLog(settings.log, self.board, slot) if settings.log.folder else None
        self._record = partial(
            Recorder, columns=list(interface.columns), plain=plain, personal=interface.personal,
            key=key,
        )  # fmt: skip
        self._fields, self._seconds = interface.columns, settings.window_seconds
        self._canary_info: dict[str, Any] = {}
        self.board_of_switches: Switchboard | None = None
        self._places()
        self._task: asyncio.Task[None] | None = None

    def _places(self) -> None:
        board = self.board
        self._requests = {
            (label, status): board.place("playbill_requests_total", label, str(status))
            for label in LABELS
            for status in (*STATUSES, OTHER)
        }
        self._latency = {x: board.place("playbill_request_seconds", x) for x in LABELS}
        self._errors = {x: board.place("playbill_errors_total", x) for x in get_args(Kind)}
        self._predictions = board.place("playbill_predictions_total")
        self._canary = board.place("playbill_canary_predictions_total")
        self._score = board.place("playbill_score")
        self._flight = board.place("playbill_requests_in_flight")

    async def start(self) -> None:
        """Open the log and begin to count what waits."""
        if self._log is not None:
            with suppress(OSError):  # readiness and metrics will say so
                self._log.start()
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def stop(self) -> None:
        """Count what still waits and finish the log."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.watch.count()
        if self._log is not None:
            await asyncio.to_thread(self._log.stop)
        self.board.forget()

    @property
    def log_fails(self) -> bool:
        """Whether the last prediction could not be logged."""
        return self._log is not None and self._log.failing

    def recorder(self, facts: Mapping[str, Any]) -> Recorder:
        """Return what writes the records of a model."""
        return self._record(facts)

    def watch_of(self, profile: Mapping[str, Any], digest: str) -> watch.Watch:
        """Return what compares features with the reference of another model.

        Its window is a file of its own, since another profile has other bins.
        """
        found = watch.Watch(self._fields, profile, self._seconds)
        window = None
        if self.board_of_switches is not None:
            window = self.board_of_switches.folder / f"window-{digest[-16:]}"
            window.touch()
        slots, slot = self.board.workers, self.board.slot
        if window is None:
            slots = slot = 0
        found.attach(
            self.board,
            Board((), extra=found.extra, workers=max(1, slots), slot=slot, path=window),
        )
        return found

    def adopt(self, main: "Served", canary: "Served | None") -> None:
        """Tell of another model from now on."""
        self.watch.count()
        self.watch = main.watch
        self._info = dict(main.facts)
        self._learned_until = _seconds(main.model.profile.get("window", {}).get("end"))
        self._canary_info = dict(canary.facts) if canary is not None else {}

    def predicted(
        self,
        rows: Sequence[Plain],
        answers: Sequence[Answer],
        who: str,
        request: str,
        served: "Served",
    ) -> None:
        """Log answers before they go out, and count them."""
        if self._log is not None:
            content = served.recorder.lines(rows, answers, who, request)
            self._log.write(content, len(answers))
        board = self.board
        board.add(self._predictions, len(answers))
        name = "value" if self._regression else "probability"
        board.observe_all(self._score, self._buckets, [answer[name] for answer in answers])
        self.watch.accept(rows)

    def canaried(self, rows: int) -> None:
        """Count rows that the canary answers."""
        self.board.add(self._canary, rows)

    def refused(self, error: ProblemError) -> None:
        """Count an error."""
        self.board.add(self._errors[error.kind])
        if error.seen:
            self.watch.refuse(error.seen)

    def begun(self, change: int) -> None:
        """Count a request that begins (1) or ends (-1)."""
        self.board.add(self._flight, change)

    def requested(self, path: str, status: int, seconds: float) -> str:
        """Count a request that was answered; return what its path is counted under."""
        label = label_of(path)
        place = self._requests.get((label, status))
        self.board.add(self._requests[label, OTHER] if place is None else place)
        self.board.observe(self._latency[label], SECONDS, seconds)
        return label

    def render(self) -> str:
        """Return all metrics of all workers in Prometheus' text format."""
        from playbill.server.measure import line

        self.watch.count()
        head = [
            "# HELP playbill_model_info The model that answers.",
            "# TYPE playbill_model_info gauge",
            line("playbill_model_info", _named(self._info), 1),
            "# HELP playbill_workers Processes that answer.",
            "# TYPE playbill_workers gauge",
            line("playbill_workers", {}, self._workers),
        ]
        if self._learned_until:
            name = "playbill_model_learned_until_timestamp_seconds"
            head += [
                f"# HELP {name} End of the window of rows that the model learned from.",
                f"# TYPE {name} gauge",
                line(name, {}, self._learned_until),
            ]
        if self._canary_info:
            head += [
                "# HELP playbill_canary_info The model that answers a share of the callers.",
                "# TYPE playbill_canary_info gauge",
                line("playbill_canary_info", _named(self._canary_info), 1),
            ]
        switches = self.board_of_switches.render() if self.board_of_switches is not None else ""
        return "\n".join(head) + "\n" + self.board.render() + self.watch.render() + switches

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.watch.count()


def _named(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a model."""
    return {key: str(facts.get(key) or "") for key in ("model", "model_version", "model_digest")}


def label_of(path: str) -> str:
    """Return what a path is counted under."""
    label = ROUTES.get(path)
    if label is None:
        is_infer = path.startswith("/v2/models/") and path.endswith("/infer")
        label = INFER if is_infer else OTHER
    return label


def _seconds(day: str | None) -> float:
    """Return the seconds since 1970 of a day in UTC, 0 without one."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() if day else 0.0


def now() -> float:
    """Return the clock that durations are measured with."""
    return time.perf_counter()


def _families(scores: tuple[float, ...]) -> list[Family]:
    statuses = (*map(str, STATUSES), OTHER)
    return [
        Family(
            "playbill_requests_total", "Requests by route and status.",
            labels=("route", "status"), values=(LABELS, statuses),
        ),
        Family(
            "playbill_request_seconds", "Time to answer.", "histogram",
            labels=("route",), values=(LABELS,), buckets=SECONDS,
        ),
        Family(
            "playbill_errors_total", "Requests that were refused or failed, by kind.",
            labels=("kind",), values=(get_args(Kind),),
        ),
        Family("playbill_predictions_total", "Rows that were answered."),
        Family("playbill_canary_predictions_total", "Rows that the canary answered."),
        Family("playbill_score", "Probabilities (a regression: predictions) that were answered.",
               "histogram", buckets=scores),
        Family("playbill_requests_in_flight", "Requests that are being answered.", "gauge"),
    ]  # fmt: skip


def _score_buckets(profile: Mapping[str, Any]) -> tuple[float, ...]:
    edges = profile.get("score", {}).get("edges", [])
    return tuple(sorted({float(edge) for edge in edges})) or (0.0,)
