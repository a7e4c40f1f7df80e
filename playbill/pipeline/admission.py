"""Promotion as a whole: what can be checked is checked, the gate is asked, the tags are written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.errors import LineageError, PlaybillError, UsageError
from playbill.lineage import evidence, promotion
from playbill.lineage.promotion import Candidate, Promotion, Wish
from playbill.pipeline.gate import Gated, gate

if TYPE_CHECKING:
    from playbill.evaluation.gate import Progress

Say = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What became of a wish.

    Attributes:
        promotion: What was done; None if the gate said no.
        gate: The gate's evidence; None if it was not asked, or could not answer.
    """

    promotion: Promotion | None
    gate: dict[str, Any] | None


def promote(
    root: Path,
    ref: str,
    wish: Wish,
    say: Say,
    given: Path | None = None,
    progress: "Progress | None" = None,
) -> Answer:
    """Put a revision into a stage, if the gate lets it through.

    Args:
        root: The project.
        ref: The revision.
        wish: Stage, version, and whether to override.
        say: Told what takes long.
        given: Evidence that `playbill gate --json` wrote elsewhere; None: the gate is asked here.
        progress: Told how far the gate is.

    Raises:
        LineageError: The revision cannot be promoted, or the evidence is about something else.
    """
    candidate = promotion.prepare(root, ref, wish)
    ask = partial(gate, root, candidate.commit, None, wish.stage, say, progress)
    decided, result = _decide(root, candidate, wish, say, ask, given)
    if decided is None:
        return Answer(None, result)
    return Answer(promotion.complete(root, candidate, wish, decided), result)


def _decide(
    root: Path,
    candidate: Candidate,
    wish: Wish,
    say: Say,
    ask: Callable[[], Gated],
    given: Path | None,
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return what the tag says of the decision, None for a no; and the gate's evidence."""
    if not candidate.needs_gate:
        return {"decision": "none"}, None
    try:
        if given is not None:
            found = _read(root, candidate, given)
        else:
            champion = candidate.champion.tag.name if candidate.champion else "the floors alone"
            say(f"asking the gate: {candidate.commit[:12]} against {champion}")
            found = ask().evidence
    except PlaybillError as error:
        if wish.override is None:
            raise
        say(f"the gate cannot answer: {error.what}")
        override = {"reason": wish.override, "because": error.what}
        return {"decision": "override", "gate": None, "override": override}, None
    said = {"gate": found, "gate_digest": found["digest"]}
    if found["passed"] and not candidate.overridden:
        return {"decision": "gate" if candidate.champion else "first", **said}, found
    if wish.override is not None:
        because = candidate.overridden if found["passed"] else "the gate did not pass"
        override = {"reason": wish.override, "because": because}
        return {"decision": "override", "override": override, **said}, found
    return None, found


def _read(root: Path, candidate: Candidate, path: Path) -> dict[str, Any]:
    """Return evidence that was made elsewhere, if it is of this candidate and unchanged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} is no evidence of the gate", expected="what `playbill gate --json` prints"
        ) from error
    if not isinstance(found, dict) or not evidence.is_sealed(found):
        raise LineageError(
            f"{path} was changed: it does not hash to the digest that it names",
            expected="the bytes that `playbill gate --json` printed",
            run="promote without --evidence: the gate is asked again",
        )
    if problem := evidence.mismatch(root, found, candidate.facts, candidate.place):
        raise LineageError(
            f"{path} is not about this promotion: {problem}",
            expected=f"evidence of {candidate.commit[:12]} for stage {candidate.place.stage}",
            run="promote without --evidence: the gate is asked again",
        )
    return found
