"""What `dvc repro` will do, said before it does it: a simulation of DVC on plain values.

Nothing here reads a file: the edge hands in what dvc.lock, the compiled files, the workspace and
the run cache say. `dvc repro --dry` shows only the first changed stage; this follows the graph.
"""

import graphlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from playbill.config.params import changed_keys

Verdict = Literal["runs", "restored", "if-changed", "unchanged"]
Interface = Literal["cosmetic", "retrain", "breaking"]


@dataclass(frozen=True)
class Node:
    """A stage as dvc.yaml will declare it.

    Attributes:
        name: Its name.
        cmd: Its command.
        deps: Digest of each dependency as it is now; None: an earlier stage may change it.
        params: Value of each key of params.yaml that it depends on.
        outs: Its outputs, metrics included.
        cacheable: False if DVC keeps no run cache for it.
    """

    name: str
    cmd: str
    deps: Mapping[str, str | None]
    params: Mapping[str, Any]
    outs: tuple[str, ...]
    cacheable: bool = True


@dataclass(frozen=True)
class Locked:
    """A stage as dvc.lock has it: what it was made from, and the digests of what it made."""

    cmd: str
    deps: Mapping[str, str]
    params: Mapping[str, Any]
    outs: Mapping[str, str]


@dataclass(frozen=True)
class StagePlan:
    """What will happen to one stage.

    Attributes:
        stage: Its name.
        verdict: runs; restored from the run cache; if-changed, which is decided when an earlier
            stage has written its outputs; unchanged.
        direct: True if something of its own changed, not only what earlier stages write.
        reasons: What changed, one line each.
        seconds: How long it took last time; None if it never ran here.
    """

    stage: str
    verdict: Verdict
    direct: bool
    reasons: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """What `dvc repro` will do.

    Attributes:
        stages: Every stage, in the order in which it will be looked at.
        interface: What a client of the server will notice.
        notes: What the interface's class rests on, and whether two runs are needed.
    """

    stages: tuple[StagePlan, ...]
    interface: Interface = "cosmetic"
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return the plan for `--json`."""
        stages = [{**asdict(one), "reasons": list(one.reasons)} for one in self.stages]
        return {"stages": stages, "interface": self.interface, "notes": list(self.notes)}


@dataclass(frozen=True)
class Facts:
    """What the edge knows and the simulation asks for.

    Attributes:
        locked: The stages of dvc.lock.
        broken: Outputs that are missing or changed in the workspace, with what is wrong.
        cached: Looks up the run cache: digests of the outputs for a command, dependencies, params
            and outputs, or None. A dependency whose digest is None may have any.
        seconds: Last durations by stage.
    """

    locked: Mapping[str, Locked]
    broken: Mapping[str, str]
    cached: Callable[[Node], Mapping[str, str] | None]
    seconds: Mapping[str, float] = field(default_factory=dict)


def simulate(nodes: Sequence[Node], facts: Facts) -> tuple[StagePlan, ...]:
    """Say for each stage what `dvc repro` will do with it.

    Raises:
        graphlib.CycleError: The stages depend on each other in a circle.
    """
    digests: dict[str, str | None] = {}
    plans: dict[str, StagePlan] = {}
    for node in in_order(nodes):
        deps = {path: digests.get(path, digest) for path, digest in node.deps.items()}
        now = Node(node.name, node.cmd, deps, node.params, node.outs, node.cacheable)
        plan, outs = _judge(now, facts)
        plans[node.name] = plan
        digests.update(outs)
    return tuple(plans[node.name] for node in in_order(nodes))


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Return the stages so that each stands behind those whose outputs it reads."""
    by_name = {node.name: node for node in nodes}
    maker = {out: node.name for node in nodes for out in node.outs}
    graph = {
        node.name: {m for path in node.deps if (m := _maker(path, maker)) and m != node.name}
        for node in nodes
    }
    return [by_name[name] for name in graphlib.TopologicalSorter(graph).static_order()]


def _maker(path: str, maker: Mapping[str, str]) -> str | None:
    parts = path.split("/")
    folders = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((maker[folder] for folder in folders if folder in maker), None)


def _judge(node: Node, facts: Facts) -> tuple[StagePlan, dict[str, str | None]]:
    """Return the plan of one stage and the digests of its outputs afterwards (None: unknown)."""
    locked = facts.locked.get(node.name)
    reasons = list(_reasons(node, locked, facts))
    waiting = [path for path, digest in node.deps.items() if digest is None]
    seconds = facts.seconds.get(node.name)
    unknown: dict[str, str | None] = dict.fromkeys(node.outs)
    if not reasons and not waiting:
        assert locked is not None
        known: dict[str, str | None] = {path: locked.outs.get(path) for path in node.outs}
        return StagePlan(node.name, "unchanged", direct=False, seconds=seconds), known
    why = (*reasons, *(f"{path} may change" for path in waiting))
    found = facts.cached(node) if node.cacheable else None
    if waiting:
        # A direct change alone would run it; but the run cache may know the outcome.
        sure = bool(reasons) and found is None
        verdict: Verdict = "runs" if sure else "if-changed"
        return StagePlan(node.name, verdict, bool(reasons), why, seconds), unknown
    direct = any(not reason.startswith(_UPSTREAM) for reason in reasons)
    if found is not None:
        return StagePlan(node.name, "restored", direct, why, seconds), dict(found)
    return StagePlan(node.name, "runs", direct, why, seconds), unknown


_UPSTREAM = "input "


def _reasons(node: Node, locked: Locked | None, facts: Facts) -> Sequence[str]:
    if locked is None:
        return ["it never ran"]
    found = []
    if node.cmd != locked.cmd:
        found.append(f"command: {locked.cmd} -> {node.cmd}")
    for key, (old, new) in changed_keys(locked.params, node.params).items():
        if _top(key, node.params) is not None:
            found.append(_param_reason(key, old, new))
    for path, digest in node.deps.items():
        if digest is None or digest == locked.deps.get(path):
            continue
        word = "changed" if path in locked.deps else "is new"
        is_code = path.endswith(".py")
        found.append(f"{'code' if is_code else 'input'} {path} {word}")
    found += [f"output {path} {facts.broken[path]}" for path in node.outs if path in facts.broken]
    found += [f"output {path} is new" for path in node.outs if path not in locked.outs]
    return found


def _top(key: str, params: Mapping[str, Any]) -> str | None:
    """Return the declared key that a changed leaf lies under; a dropped key counts for nothing."""
    return next((name for name in params if key == name or key.startswith(f"{name}.")), None)


def _param_reason(key: str, old: Any, new: Any) -> str:
    if key.startswith("environment."):
        _, _, rest = key.partition(".")
        stage, _, what = rest.partition(".")
        del stage
        if what.startswith("packages."):
            return f"package {what.removeprefix('packages.')}: {old} -> {new}"
        if what == "framework":
            return "code of the framework changed"
        return f"code {what.removeprefix('targets.')} changed"
    return f"{key}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


_LONGEST = 60
