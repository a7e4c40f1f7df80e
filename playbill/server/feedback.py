"""`POST /feedback`: what turned out to be true of predictions that this model made.

A truth is taken if the prediction log has its prediction, whenever that was; all truths of a
request are kept, or none. What is taken is in quarantine until `playbill feedback join` has looked
at it.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from playbill.errors import PlaybillError
from playbill.prediction.feedback import Kept, Truth, keep, newest
from playbill.prediction.log import moment_of
from playbill.prediction.lookup import locate
from playbill.server import problem
from playbill.server.authentication import FEEDBACK, who
from playbill.server.interface import Interface
from playbill.server.lane import REFUSALS, strict_route
from playbill.server.measure import Board, Family
from playbill.server.problem import LISTED, Fault, ProblemError
from playbill.server.settings import Settings

_DAY = 86_400.0
DELAYS = (60.0, 3600.0, 6 * 3600.0, _DAY, 3 * _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY)
TRUTHS = "playbill_feedback_total"
DELAY = "playbill_feedback_delay_seconds"
NEWEST = "playbill_feedback_newest_timestamp_seconds"
FAMILIES = (
    Family(TRUTHS, "Truths by what became of them.",
           labels=("what",), values=(("accepted", "repeated", "unknown", "contradicting"),)),
    Family(DELAY, "Time from a prediction to its truth.", "histogram", buckets=DELAYS),
    Family(NEWEST, "When the newest prediction was made whose truth is known.",
           "gauge", merge="max"),
)  # fmt: skip


class Receipt(BaseModel):
    """What became of feedback."""

    accepted: int = Field(description="Truths that are new; they are on the disk.")
    repeated: int = Field(description="Truths that had been sent before.")


def router(interface: Interface, settings: Settings, board: Board) -> APIRouter:
    """Return the route that takes feedback.

    Args:
        interface: The served interface, whose contract types the truth.
        settings: Where feedback and the prediction log are.
        board: Counts what was taken.
    """
    found = APIRouter(tags=["feedback"])
    _remember(settings, board)

    async def feedback(body: Any, request: Request) -> Any:
        """Take what turned out to be true of predictions, however long ago they were made."""
        if settings.feedback.file is None:
            raise ProblemError(404, "Feedback is not taken here.")
        said = {one.prediction_id: one.truth for one in body.feedback}
        try:
            records = await run_in_threadpool(_predictions, said, settings)
            identifiers = [one.prediction_id for one in body.feedback]
            _refuse_unknown(identifiers, records, interface.name, board)
            truths = _truths(body.feedback, who(request.scope).name)
            kept = await run_in_threadpool(keep, settings.feedback.file, truths)
        except PlaybillError as error:
            raise ProblemError(503, "Feedback cannot be kept now.", kind="model") from error
        _refuse_contradicting(identifiers, kept, board)
        _count(kept, said, board)
        return Receipt(accepted=kept.accepted, repeated=kept.repeated)

    feedback.__annotations__["body"] = interface.feedback
    found.add_api_route(
        FEEDBACK,
        feedback,
        methods=["POST"],
        response_model=Receipt,
        responses=problem.documented(404, 409, *REFUSALS),
        operation_id="feedback",
        route_class_override=strict_route(interface.max_batch_bytes, settings.limits.body_seconds),
    )
    return found


def _remember(settings: Settings, board: Board) -> None:
    """Say after a restart what was known before it."""
    with suppress(PlaybillError):  # the first request will say what is wrong with the file
        last = newest(settings.feedback.file) if settings.feedback.file else None
        if last is not None:
            board.set(board.place(NEWEST), moment_of(last))


def _predictions(said: Mapping[str, Any], settings: Settings) -> dict[str, dict[str, Any]]:
    log = settings.log
    places = [str(log.folder)] + ([log.target] if log.target else [])
    return locate(said, places, segment_seconds=log.segment_seconds)


def _refuse_unknown(
    identifiers: Sequence[str],
    records: Mapping[str, Mapping[str, Any]],
    model: str,
    board: Board,
) -> None:
    """Refuse truths of predictions that nobody made here, or that another model made."""
    reason = "This model has made no such prediction."
    strange = {
        number: reason
        for number, name in enumerate(identifiers)
        if records.get(name, {}).get("model") != model
    }
    if strange:
        board.add(board.place(TRUTHS, "unknown"), len(strange))
        raise _refusal(422, "Predictions are unknown", strange)


def _refuse_contradicting(identifiers: Sequence[str], kept: Kept, board: Board) -> None:
    if not kept.contradicting:
        return
    board.add(board.place(TRUTHS, "contradicting"), len(kept.contradicting))
    reason = "Another truth of this prediction is known."
    bad = set(kept.contradicting)
    found = {number: reason for number, name in enumerate(identifiers) if name in bad}
    raise _refusal(409, "Truths contradict what is known", found)


def _refusal(status: int, what: str, strange: Mapping[int, str]) -> ProblemError:
    faults = [
        Fault(field=f"feedback.{number}.prediction_id", reason=reason)
        for number, reason in list(strange.items())[:LISTED]
    ]
    text = f"{what} ({len(strange)}); nothing was taken."
    return ProblemError(status, text, faults, kind="contract")


def _truths(body: Sequence[Any], source: str) -> list[Truth]:
    now = time.gmtime()
    received = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    batch = f"{source} {received[:7]}"
    return [Truth(one.prediction_id, one.truth, received, source, batch) for one in body]


def _count(kept: Kept, said: Mapping[str, Any], board: Board) -> None:
    board.add(board.place(TRUTHS, "accepted"), kept.accepted)
    board.add(board.place(TRUTHS, "repeated"), kept.repeated)
    if not kept.accepted:
        return
    made = [moment_of(name) for name in said]
    place, now = board.place(DELAY), time.time()
    for moment in made:
        board.observe(place, DELAYS, max(0.0, now - moment))
    place = board.place(NEWEST)
    board.set(place, max([board.mine[place], *made]))
