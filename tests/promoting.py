"""A promotion with a gate's result that passed, for tests of the layers below the gate."""

from pathlib import Path
from typing import Any

from playbill.lineage import evidence, promotion
from playbill.lineage.promotion import Candidate, Promotion, Wish


def passed(candidate: Candidate, **changes: Any) -> dict[str, Any]:
    """Return what a tag says of a gate that let this candidate in."""
    champion = candidate.champion
    result = evidence.seal(
        {
            "format_version": 2,
            "kind": "gate",
            "stage": candidate.place.stage,
            "challenger": {"commit": candidate.commit, "bundle": candidate.facts["bundle"]},
            "champion": {"commit": champion.tag.commit} if champion else None,
            "passed": True,
            **changes,
        }
    )
    decision = "gate" if champion else "first"
    return {"decision": decision, "gate": result, "gate_digest": result["digest"]}


def promote(root: Path, revision: str, stage: str = "prod", **wish: Any) -> Promotion:
    """Promote a revision whose bundle the DVC remote need not have."""
    wanted = Wish(stage, allow_unpushed=True, **wish)
    candidate = promotion.prepare(root, revision, wanted)
    decided = passed(candidate) if candidate.needs_gate else {"decision": "none"}
    return promotion.complete(root, candidate, wanted, decided)
