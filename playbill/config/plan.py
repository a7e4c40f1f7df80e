"""What `dvc repro` will do, said before it does it: a simulation of DVC on plain values.

Nothing here reads a file: the edge hands in what dvc.lock, the compiled files, the workspace and
the run cache say. `dvc repro --dry` shows only the first changed stage; this follows the graph.
The rules are DVC's own: a stage is looked at again when its command, an input, a parameter or one
of its outputs is not what dvc.lock has; then its outputs are restored if they are known for what
it reads, else it runs. What a stage that runs will write is not known before it did.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

from playbill.config.reason import Reason, output_reasons, own_reasons
from playbill.errors import ConfigError

Verdict = Literal["runs", "restored", "if-changed", "unchanged"]
Interface = Literal["cosmetic", "retrain", "breaking"]
Digests = Mapping[str, str | None]  # None: not known before an earlier stage wrote it


@dataclass(frozen=True)
class Node:
    """A stage as dvc.yaml declares it.

    Attributes:
        name: Its name.
        cmd: Its command.
        deps: Digest of each dependency on disk; empty: there is none. What an earlier stage writes
            is overruled by what that stage is found to do.
        params: What DVC compares of each parameter, by its name in dvc.yaml: a digest.
        outs: Its outputs, metrics included.
        cacheable: False if DVC never restores it.
        values: What the parameters stand for, by the same names.
    """

    name: str
    cmd: str
    deps: Mapping[str, str]
    params: Mapping[str, Any]
    outs: tuple[str, ...]
    cacheable: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Locked:
    """A stage as dvc.lock has it: what it was made from, and the digests of what it made.

    Attributes:
        cmd: Its command.
        deps: Digests of what it read.
        params: Its parameters as dvc.lock has them.
        outs: Digests of what it wrote.
        values: What the parameters stood for, as far as it is known.
    """

    cmd: str
    deps: Mapping[str, str]
    params: Mapping[str, Any]
    outs: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)


class Past(Protocol):
    """What DVC keeps of earlier runs."""

    def made(self, node: Node, deps: Digests) -> Mapping[str, str] | None:
        """Return the digests that the run cache has for a stage on these inputs, all known."""

    def may_know(self, node: Node, deps: Digests) -> bool:
        """Say whether the run cache knows the stage on some inputs that agree with the known."""

    def holds(self, outs: Mapping[str, str]) -> bool:
        """Say whether all these outputs are in DVC's cache."""


@dataclass(frozen=True)
class Facts:
    """What the edge knows and the simulation asks for.

    Attributes:
        locked: The stages of dvc.lock.
        broken: Outputs that are not in the workspace as dvc.lock has them, with what is wrong.
        past: The run cache.
        seconds: Last durations by stage.
    """

    locked: Mapping[str, Locked]
    broken: Mapping[str, str]
    past: Past
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StagePlan:
    """What will happen to one stage.

    Attributes:
        stage: Its name.
        verdict: runs; restored from the run cache; if-changed, which is decided when an earlier
            stage has written its outputs; unchanged.
        direct: True if something of its own changed, not only what earlier stages write.
        reasons: What changed.
        seconds: How long it took last time; None if it never ran here.
        same: True if its outputs will be those of dvc.lock.
    """

    stage: str
    verdict: Verdict
    direct: bool
    reasons: tuple[Reason, ...] = ()
    seconds: float | None = None
    same: bool = False


@dataclass(frozen=True)
class Plan:
    """What `dvc repro` will do.

    Attributes:
        stages: Every stage, each behind those whose outputs it reads.
        interface: What a client of the server will notice.
        notes: What the interface's class rests on, and whether two runs are needed.
    """

    stages: tuple[StagePlan, ...]
    interface: Interface = "cosmetic"
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the plan for `--json`."""
        stages = []
        for one in self.stages:
            plain = asdict(replace(one, reasons=()))
            del plain["same"]
            stages.append({**plain, "reasons": [reason.text for reason in one.reasons]})
        return {"stages": stages, "interface": self.interface, "notes": list(self.notes)}


def simulate(nodes: Sequence[Node], facts: Facts) -> tuple[StagePlan, ...]:
    """Say for each stage what `dvc repro` will do with it.

    Raises:
        ConfigError: The stages depend on each other in a circle.
    """
    after: dict[str, str | None] = {}
    moved: set[str] = set()  # outputs that DVC will write or restore
    plans = []
    for node in in_order(nodes):
        deps = {path: _digest(path, disk, after, moved) for path, disk in node.deps.items()}
        plan, outs = _judge(node, deps, {path for path in deps if _near(path, after)}, facts)
        plans.append(plan)
        after.update(outs)
        if plan.verdict != "unchanged":
            moved.update(outs)
    return tuple(plans)


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return the stages, each behind those whose outputs it reads, else as they are declared.

    Raises:
        ConfigError: The stages depend on each other in a circle.
    """
    needs = {
        node.name: {
            other.name
            for other in nodes
            if other is not node and any(_near(path, other.outs) for path in node.deps)
        }
        for node in nodes
    }
    rank = {node.name: number for number, node in enumerate(nodes)}
    ready = [rank[name] for name, waits in needs.items() if not waits]
    heapq.heapify(ready)
    ordered: list[Node] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        ordered.append(node)
        for name, waits in needs.items():
            if node.name in waits:
                waits.remove(node.name)
                if not waits:
                    heapq.heappush(ready, rank[name])
    if len(ordered) < len(nodes):
        circle = sorted(name for name, waits in needs.items() if waits)
        raise ConfigError(
            f"the stages {circle} read each other's outputs in a circle",
            where="conf/pipeline stages",
            expected="stages that read only what earlier ones write",
        )
    return ordered


def _near(path: str, outs: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Return the outputs that are `path`, lie in it, or that it lies in, as DVC connects stages."""
    return [o for o in outs if o == path or o.startswith(f"{path}/") or path.startswith(f"{o}/")]


def _digest(path: str, disk: str, after: Digests, moved: set[str]) -> str | None:
    if path in after:
        return after[path]
    return None if moved.intersection(_near(path, after)) else disk


def _judge(
    node: Node, deps: Digests, made: set[str], facts: Facts
) -> tuple[StagePlan, dict[str, str | None]]:
    """Return the plan of one stage and the digests of its outputs afterwards."""
    locked = facts.locked.get(node.name)
    own = own_reasons(node, {p: d for p, d in deps.items() if p not in made}, locked)
    own += output_reasons(node, locked, facts.broken)
    flow = [
        Reason("upstream", f"{path} " + ("may change" if digest is None else "changes"), path)
        for path, digest in deps.items()
        if path in made and (digest is None or (locked and digest != locked.deps.get(path)))
    ]
    plan = StagePlan(
        node.name, "unchanged", bool(own), (*own, *flow), facts.seconds.get(node.name), same=True
    )
    if locked is not None and not plan.reasons:
        return plan, {path: locked.outs[path] for path in node.outs}
    unknown = dict.fromkeys(node.outs)
    if None in deps.values():
        certain = own or any(deps[reason.key] is not None for reason in flow)
        runs = certain and not _may_be_restored(node, deps, locked, facts.past)
        return replace(plan, verdict="runs" if runs else "if-changed", same=False), unknown
    outs = _restored(node, deps, locked, facts.past)
    if outs is None:
        return replace(plan, verdict="runs", same=False), unknown
    same = locked is not None and all(locked.outs.get(p) == d for p, d in outs.items())
    return replace(plan, verdict="restored", same=same), dict(outs)


def _restored(
    node: Node, deps: Digests, locked: Locked | None, past: Past
) -> Mapping[str, str] | None:
    """Return the outputs that DVC will bring back; None: it must run the stage.

    What dvc.lock has counts before the run cache: it needs no record there, and if its outputs are
    gone DVC looks no further.
    """
    if not node.cacheable or "" in deps.values():
        return None
    outs = _of_lock(node, deps, locked) or past.made(node, deps)
    return outs if outs is not None and past.holds(outs) else None


def _may_be_restored(node: Node, deps: Digests, locked: Locked | None, past: Past) -> bool:
    """Say whether some value of the unknown inputs would restore the stage.

    Whether the outputs are in the cache is not asked: an earlier stage may put them there.
    """
    if not node.cacheable or "" in deps.values():
        return False
    return _of_lock(node, deps, locked) is not None or past.may_know(node, deps)


def _of_lock(node: Node, deps: Digests, locked: Locked | None) -> dict[str, str] | None:
    """Return the outputs in dvc.lock if the stage is, but for them, what dvc.lock has."""
    if locked is None or node.cmd != locked.cmd or not set(node.outs) <= set(locked.outs):
        return None
    same = all(path in locked.deps and d in (None, locked.deps[path]) for path, d in deps.items())
    if not same or any(locked.params.get(k, _ABSENT) != v for k, v in node.params.items()):
        return None
    return {path: locked.outs[path] for path in node.outs}


_ABSENT = object()
