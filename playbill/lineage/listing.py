"""What the registry holds, and who was in which stage, when and why: plain values of the tags."""

from pathlib import Path
from typing import Any

from playbill.config.metric import modern
from playbill.lineage import evidence, registry


def models(root: Path, *, withdrawn: bool = False) -> list[dict[str, Any]]:
    """Return the versions with stages, commit, date and metrics, as plain values.

    Args:
        root: The project.
        withdrawn: Return those that were withdrawn too.
    """
    known = registry.versions(root)
    gone = registry.versions(root, withdrawn=True) if withdrawn else []
    return [_version(root, one, withdrawn=one in gone) for one in [*known, *gone]]


def _version(root: Path, one: registry.Version, *, withdrawn: bool) -> dict[str, Any]:
    back = registry.withdrawal(root, one.artifact, one.version) if withdrawn else None
    return {
        "model": one.artifact,
        "version": one.version,
        "stages": list(one.stages),
        "not_believed": _not_believed(root, one),
        "commit": one.tag.commit,
        "date": one.tag.date.isoformat(),
        "by": one.tag.tagger,
        "metrics": modern(one.evidence.get("metrics", {})),
        "model_digest": one.evidence.get("model_digest"),
        "withdrawn": registry.reason(back) if back else None,
    }


def _not_believed(root: Path, one: registry.Version) -> dict[str, str]:
    """Return why nobody is served this version, by stage: what its newest tag there says fails."""
    found = {}
    for now in registry.stages(root, one.artifact):
        if now.stage in one.stages and (wrong := evidence.problems(root, now.tag)):
            found[now.stage] = wrong[0].what
    return found


def history(
    root: Path, of: str | None = None, stage: str | None = None, *, check: bool = True
) -> list[dict[str, Any]]:
    """Return every change of a stage in the order in which it happened, as plain values.

    Args:
        root: The project.
        of: Keep one artifact.
        stage: Keep one stage.
        check: Whether to verify what each tag says; `problem` is empty where all holds.
    """
    return [_entry(root, one, check=check) for one in registry.assignments(root, of, stage)]


def _entry(root: Path, one: registry.Assignment, *, check: bool) -> dict[str, Any]:
    facts = one.evidence
    found = evidence.problems(root, one.tag, past=True) if check and one.active else []
    return {
        "model": one.artifact,
        "stage": one.stage,
        "tag": one.tag.name,
        "version": facts.get("version"),
        "commit": one.tag.commit,
        "active": one.active,
        "date": one.tag.date.isoformat(),
        "by": one.tag.tagger,
        "decision": facts.get("decision") if one.active else "withdrawn",
        "why": _why(one, facts),
        "gate_digest": facts.get("gate_digest"),
        "attestation": facts.get("attestation"),
        "before_signatures": check and evidence.is_before_signatures(root, one.tag.name),
        "problem": found[0].what if found else "",
        "next": found[0].run if found else "",
    }


def _why(one: registry.Assignment, facts: dict[str, Any]) -> str:
    decision, gate = facts.get("decision"), facts.get("gate")
    if decision == "first":
        return "the first in the stage; the floors decided"
    if decision == "gate" and isinstance(gate, dict):
        return gate_line(gate)
    if decision == "rollback":
        return f"back to {(facts.get('rollback') or {}).get('to')}: {registry.reason(one.tag)}"
    return registry.reason(one.tag)


def gate_line(gate: dict[str, Any]) -> str:
    """Return a gate's result in a line."""
    found, claim = gate.get("contrast"), gate.get("claim")
    if not isinstance(found, dict):
        return "nothing was compared"
    return (
        f"{claim} by {found['metric']}: {_number(found['champion'])} -> "
        f"{_number(found['challenger'])} on {found['rows']} rows"
    )


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
