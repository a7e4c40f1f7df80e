"""The gate, asked of two revisions: finds the rows, asks the models, decides, writes evidence.

The evidence is plain JSON without a clock, a host or a path, so that whoever has the clone and the
DVC remote computes the same again: it names every byte that went in by its digest.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.decision import metric_of
from playbill.config.metric import modern
from playbill.errors import ConfigError, LineageError
from playbill.lineage import bundle, contradiction, git, registry, revision, upstream, worktree
from playbill.lineage.evidence import FORMAT_VERSION, seal
from playbill.pipeline.holdout import (
    REPORT,
    TEST,
    TRAIN,
    Rows,
    Said,
    Side,
    ask,
    leave_refused,
    rows_for,
    side,
)
from playbill.pipeline.project import Project

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from playbill.config.schema import Evaluation
    from playbill.evaluation.gate import Decision, Progress

Say = Callable[[str], None]
WORKSPACE = "workspace"


@dataclass(frozen=True)
class Gated:
    """The answer and its evidence.

    Attributes:
        decision: What was decided, and why.
        evidence: The same with digests of everything used, as plain values for JSON.
        notes: What a reader should know beside it.
        hints: What the asker should know of this clone; no part of the evidence.
    """

    decision: "Decision"
    evidence: dict[str, Any]
    notes: tuple[str, ...]
    hints: tuple[str, ...] = ()


def gate(
    root: Path,
    challenger: str = "HEAD",
    champion: str | None = None,
    stage: str = registry.PRODUCTION,
    say: Say = lambda _: None,
    progress: "Progress | None" = None,
) -> Gated:
    """Decide whether a challenger may take a champion's place.

    Args:
        root: The project.
        challenger: A revision, or `workspace`.
        champion: A revision; None: who is in the stage now. With nobody there the floors decide.
        stage: The stage that is meant.
        say: Told what takes long.
        progress: Told how many draws of the bootstrap are done, and how many there are.

    Raises:
        LineageError: A revision, its predictions or its rows cannot be had; the challenger's
            bundle is not of what it holds; or the champion is not known, in a shallow clone.
        DataError: The champion's contract does not allow the challenger's rows.
    """
    project = Project(root, None if challenger == WORKSPACE else challenger)
    if champion is None:
        upstream.refuse_shallow(root)
    contradiction.refuse_not_run(root, project.commit)
    tag = champion or in_stage(root, stage)
    new, old = side(project), side(Project(root, tag)) if tag else None
    settings = settings_of(project)
    rows = rows_for(new, old)
    owner = old if old is not None and rows.of == "champion" else new
    sides = {"challenger": new, **({"champion": old} if old else {})}
    leave_refused({f"the {name}": one for name, one in sides.items()}, rows, owner)
    said = {name: ask(one, rows, owner, say) for name, one in sides.items()}
    decision = _decide(settings, rows, said, owner, _smallest_group(project), progress)
    notes = [*rows.notes, *_notes(settings, new, old)]
    evidence = {
        "format_version": FORMAT_VERSION,
        "model": project.model,
        "stage": stage,
        **{name: _used(one, said[name]) for name, one in sides.items()},
        "champion_tag": tag if old is not None and champion is None else None,
        "policy": _policy(settings, new),
        "hold_out": _counted(rows, owner),
        "notes": notes,
        **_plain(asdict(decision)),
    }
    return Gated(decision, seal(evidence), tuple(notes), tuple(_hints(project)))


def in_stage(root: Path, stage: str) -> str | None:
    """Return the newest tag of a stage of this project's model; None if nobody is there."""
    of = registry.artifact(root, revision.model_name(root))
    now = registry.current(root, of, stage)
    return now.tag.name if now is not None and now.active else None


def settings_of(project: Project) -> "Evaluation":
    """Return the group evaluation of a revision; keys that this version does not know left out.

    Raises:
        ConfigError: A key of it has a value that this version refuses.
    """
    from pydantic import ValidationError

    from playbill.config.schema import Evaluation

    plain = project.params.get("evaluation")
    contract = project.params.get("contract")
    task = str(contract.get("task", "")) if isinstance(contract, Mapping) else ""
    known = modern(plain, task) if isinstance(plain, Mapping) else {}
    try:
        return Evaluation.model_validate(
            {key: value for key, value in known.items() if key in Evaluation.model_fields}
        )
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ConfigError(
            f"evaluation.{place} of {project.name}: {error.errors()[0]['msg']}",
            where=f"{revision.PARAMS} of {project.name}",
            run="playbill check",
        ) from error


def _decide(
    settings: "Evaluation",
    rows: Rows,
    said: Mapping[str, Said],
    owner: Side,
    k: int | None,
    progress: "Progress | None",
) -> "Decision":
    from playbill.evaluation.assessment import make_plan
    from playbill.evaluation.gate import Question, decide
    from playbill.evaluation.slices import MISSING

    gate_, table = settings.gate, rows.table
    columns = settings.slices if gate_.slices is None else gate_.slices
    slices: dict[str, NDArray[np.object_]] = {
        column: table[column].astype("str").fillna(MISSING).to_numpy(dtype=object)
        for column in columns
        if column in table
    }
    champion = said.get("champion")
    question = Question(
        challenger=said["challenger"].scored,
        champion=champion.scored if champion else None,
        slices=slices,
        blocks=make_plan(table, owner.contract, settings).blocks,
        metric=metric_of(gate_.metric, owner.contract.task),
        slice_rows=settings.slice_rows,
        refused=rows.refused,
        k=k,
    )
    return decide(question, gate_, progress)


def _smallest_group(project: Project) -> int | None:
    """Return the k of the rows that a revision prepared; None if its `prepare` counted none."""
    found = revision.read_json(project.root, project.commit, REPORT)
    counted = found.get("anonymity") if isinstance(found, dict) else None
    return int(counted["k"]) if isinstance(counted, dict) and "k" in counted else None


def _used(one: Side, said: Said) -> dict[str, Any]:
    """Return the digests of what was used of one side."""
    root, commit = one.project.root, one.project.commit
    names = {
        "bundle": bundle.path(root, commit),
        "predictions": one.path("evaluation/predictions.parquet"),
        "seen": one.path("seen.parquet") if one.digest(one.path("seen.parquet")) else TRAIN,
        "test": TEST,
    }
    digests = {name: one.digest(path) for name, path in names.items() if one.digest(path)}
    if "bundle" not in digests:
        raise LineageError(
            f"{names['bundle']} is not an output in {revision.LOCK} of {one.project.name}",
            expected="a revision in which the pipeline ran to its end",
            run="dvc repro && git add dvc.lock && git commit",
        )
    return {"commit": commit, **digests, "answers": said.source, "threshold": one.threshold}


def _policy(settings: "Evaluation", new: Side) -> dict[str, Any]:
    plain = settings.gate.model_dump(mode="json")
    plain["metric"] = metric_of(settings.gate.metric, new.contract.task)
    plain["slices"] = settings.slices if settings.gate.slices is None else settings.gate.slices
    return {**plain, "slice_rows": settings.slice_rows, "block": settings.interval.block}


def _hints(project: Project) -> Iterator[str]:
    """Say that a run which nobody committed was not asked about."""
    root, commit = project.root, project.commit
    if commit is None or commit != git.head(root):
        return
    if files := worktree.changed(root, (revision.LOCK, revision.PARAMS)):
        yield (
            f"not committed in the workspace: {', '.join(files)}, so {commit[:12]} was asked about "
            "and not the last run. Commit it first, or ask with --challenger workspace"
        )


def _notes(settings: "Evaluation", new: Side, old: Side | None) -> list[str]:
    notes = []
    if old is not None and old.project.commit == new.project.commit:
        notes.append("challenger and champion are the same commit: a model met itself")
    if old is None and not settings.gate.floors:
        notes.append("no floor is declared in conf/evaluation: nothing was asked of a first model")
    if old is not None and "gate" in (old.project.params.get("evaluation") or {}):
        before = settings_of(old.project)
        if before.gate != settings.gate:
            notes.append("the gate's settings are not those that the champion was let in by")
    return notes


def _counted(rows: Rows, owner: Side) -> dict[str, Any]:
    keys = "\n".join(sorted(map(str, rows.table[owner.contract.key])))
    return {
        "of": rows.of,
        "held_out": rows.held_out,
        "trained_on": rows.trained,
        "younger_than_label_delay": rows.young,
        "unlabelled": rows.unlabelled,
        "refused": rows.refused,
        "compared": len(rows.table),
        "keys": f"sha256:{hashlib.sha256(keys.encode()).hexdigest()}",
    }


def _plain(value: Any) -> Any:
    """Return plain values for JSON; numbers that it has no form for become None."""
    import math

    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
