"""The edge of `playbill plan`: what conf/, dvc.lock, workspace and run cache say, handed on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from playbill.config import compilation, graph, keydigest, params
from playbill.config.plan import (
    Digests,
    Facts,
    Interface,
    Locked,
    Node,
    Plan,
    StagePlan,
    in_order,
    simulate,
)
from playbill.contract import interface
from playbill.errors import ConfigError, LineageError
from playbill.lineage import git, recall, repro, revision, store
from playbill.lineage.locked import recorded
from playbill.pipeline import duration

_MODEL = ".skops"  # how the file of a fitted Pipeline ends
_THRESHOLD = "evaluation.threshold"  # decides the label that the server answers
_TWO_RUNS = (
    "the graph changes: the first `dvc repro` writes dvc.yaml and stops (PB300); run it twice"
)
_NOT_COMPOSED = (
    "{files} differ from what conf/ compiles to, but nothing that the stage compose depends on "
    "changed, so `dvc repro` takes them as they are; `playbill compose` writes them"
)
_GONE = (
    "{files}, which dvc.yaml names as an input of the stage compose, is missing: `dvc repro` will "
    "stop; run `playbill compose` first"
)


@dataclass(frozen=True)
class _Project:
    """What the stages are looked up in: DVC, dvc.lock, and the revision of both."""

    root: Path
    commit: str | None
    finder: repro.Finder
    raw: Mapping[str, Any]

    @cached_property
    def locked(self) -> dict[str, Locked]:
        return {
            name: replace(_locked(stage), values=self._values(stage))
            for name, stage in self.raw.items()
        }

    @cached_property
    def _recalled(self) -> dict[recall.Told, Any]:
        wanted = {pair for stage in self.raw.values() for pair in recorded(stage).items()}
        return recall.recall(self.root, self.commit, wanted)

    def _values(self, stage: Mapping[str, Any]) -> dict[str, Any]:
        known = self._recalled
        return {pair[0]: known[pair] for pair in recorded(stage).items() if pair in known}


class _Past:
    """The run cache, asked in the form in which DVC keeps it."""

    def __init__(self, finder: repro.Finder) -> None:
        self._finder = finder

    def made(self, node: Node, deps: Digests) -> Mapping[str, str] | None:
        key = {
            "cmd": node.cmd,
            "deps": [{"path": p, "hash": "md5", "md5": deps[p]} for p in sorted(deps)],
            "params": {keydigest.FILE: node.params} if node.params else {},
            "outs": sorted(node.outs),
        }
        record = self._finder.record({part: value for part, value in key.items() if value})
        return None if record is None else _locked(record).outs

    def may_know(self, node: Node, deps: Digests) -> bool:
        return any(_agrees(_locked(one), node, deps) for one in self._finder.records(node.cmd))

    def holds(self, outs: Mapping[str, str]) -> bool:
        return self._finder.holds(outs)


def _agrees(record: Locked, node: Node, deps: Digests) -> bool:
    return (
        record.params == node.params
        and set(record.outs) == set(node.outs)
        and set(record.deps) == set(deps)
        and all(digest in (None, record.deps[path]) for path, digest in deps.items())
    )


def make_plan(root: Path, against: str | None = None) -> Plan:
    """Say what `dvc repro` will do; nothing is changed.

    Args:
        root: The project.
        against: A revision whose dvc.lock and outputs are taken as what is at hand; None: those of
            the workspace.

    Raises:
        ConfigError: conf/ is not valid, or params.yaml was edited by hand.
        LineageError: `against` is no revision, or DVC cannot read the project.
    """
    commit = git.resolve(root, against) if against else None
    found = params.read_file(root)
    if found is not None and found.is_edited:
        raise compilation.hand_edit(root, found)
    compiled = compilation.compile_project(root)
    with store.opened(root) as repo:
        project = _Project(root, commit, repro.Finder(repo, root), repro.lock(root, commit))
        texts, notes = _texts(project, compiled)
        values = repro.parse(texts[params.FILE], params.FILE)
        declared = _stages(texts[graph.FILE])
        nodes = _nodes(project, declared, values)
        plans = simulate(nodes, _facts(project, declared))
    notes += _missing(nodes, plans)
    kind, why = _interface(project, nodes, plans, values)
    return Plan(plans, kind, (*why, *notes))


def _texts(project: _Project, compiled: compilation.Compiled) -> tuple[dict[str, str], list[str]]:
    """Return params.yaml and dvc.yaml as the stages will see them, and what to say about it.

    Whether they are compiled anew is DVC's own decision about the stage compose, by the dvc.yaml
    that is there now.
    """
    if not compiled.stale:
        return compiled.texts, []
    paths = [project.root / name for name in compiled.texts]
    disk = {path.name: path.read_text("utf-8") for path in paths if path.is_file()}
    if graph.FILE not in disk:
        raise ConfigError(
            "there is no dvc.yaml, and without it `dvc repro` stops before any stage",
            where=graph.FILE,
            expected="the file that `playbill compose` writes and Git tracks",
            run=f"playbill compose (or `git restore {graph.FILE}`)",
        )
    first = {n: s for n, s in _stages(disk[graph.FILE]).items() if n == graph.COMPOSE}
    nodes = _nodes(project, first, {})
    if gone := [path for node in nodes for path, digest in node.deps.items() if not digest]:
        return compiled.texts, [_GONE.format(files=" and ".join(gone))]
    runs = any(p.verdict != "unchanged" for p in simulate(nodes, _facts(project, first)))
    if not runs and len(disk) == len(compiled.texts):
        return disk, [_NOT_COMPOSED.format(files=" and ".join(compiled.stale))]
    return compiled.texts, [_TWO_RUNS] if compiled.graph_changed else []


def _stages(text: str) -> dict[str, dict[str, Any]]:
    try:
        return {str(n): dict(s) for n, s in repro.parse(text, graph.FILE)["stages"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "dvc.yaml is not what `playbill compose` writes",
            where=graph.FILE,
            expected="stages by name",
            run="playbill compose",
        ) from error


def _locked(stage: Mapping[str, Any]) -> Locked:
    """Read a stage of dvc.lock or a record of the run cache."""
    deps, outs = (
        {str(entry["path"]): str(entry.get("md5", "")) for entry in stage.get(kind) or ()}
        for kind in ("deps", "outs")
    )
    return Locked(str(stage.get("cmd")), deps, recorded(stage), outs)


def _nodes(
    project: _Project, declared: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
) -> list[Node]:
    made = {path for stage in declared.values() for path, _ in repro.outputs_of(stage)}
    locked = project.locked
    known: dict[str, str] = {}
    nodes = []
    for name, stage in declared.items():
        deps = {}
        for path in map(str, stage.get("deps") or ()):
            inside = any(path.startswith(f"{out}/") or out.startswith(f"{path}/") for out in made)
            if path in made:
                deps[path] = ""  # the simulation knows better
            elif inside and project.commit is not None:
                deps[path] = locked[name].deps.get(path, "") if name in locked else ""
            else:
                known[path] = known.get(path) or project.finder.digest(path)
                deps[path] = known[path]
        outs = list(repro.outputs_of(stage))
        read = {
            entry: value
            for entry in _parameters(stage)
            if (value := keydigest.find(values, keydigest.key(entry), _ABSENT)) is not _ABSENT
        }
        told = {entry: keydigest.of(value) for entry, value in read.items()}
        paths = tuple(path for path, _ in outs)
        restorable = not any(options.get("persist") for _, options in outs)
        nodes.append(Node(name, str(stage.get("cmd")), deps, told, paths, restorable, read))
    return nodes


_ABSENT = object()


def _parameters(stage: Mapping[str, Any]) -> list[str]:
    """Return the entries of params.digest.json that a stage of dvc.yaml depends on."""
    files = [each for each in stage.get("params") or () if isinstance(each, Mapping)]
    return [str(entry) for each in files for entry in each.get(keydigest.FILE) or ()]


def _facts(project: _Project, declared: Mapping[str, Mapping[str, Any]]) -> Facts:
    broken: dict[str, str] = {}
    for name, stage in declared.items():
        if project.commit is None and name in project.raw:
            broken |= project.finder.broken(stage, project.raw[name])
    past = _Past(project.finder)
    return Facts(project.locked, broken, past, duration.read(project.root))


def _missing(nodes: Sequence[Node], plans: Sequence[StagePlan]) -> list[str]:
    """Name the inputs that nobody has: DVC stops over them when it gets there."""
    made = {path for node in nodes for path in node.outs}
    works = {plan.stage for plan in plans if plan.verdict != "unchanged"}
    return [
        f"{path}, an input of {node.name}, is missing and no stage writes it: `dvc repro` will stop"
        for node in nodes
        for path, digest in node.deps.items()
        if node.name in works and not digest and not _is_made(path, made)
    ]


def _is_made(path: str, made: set[str]) -> bool:
    return any(
        out == path or path.startswith(f"{out}/") or out.startswith(f"{path}/") for out in made
    )


def _interface(
    project: _Project,
    nodes: Sequence[Node],
    plans: Sequence[StagePlan],
    values: Mapping[str, Any],
) -> tuple[Interface, list[str]]:
    before = _before(project)
    if before and (broken := interface.breaks(before, values)):
        return "breaking", broken
    model = str(keydigest.find(values, "pipeline.model", ""))
    if makers := sorted(_makers(nodes, plans, model)):
        certain = any(p.stage in makers and p.verdict in ("runs", "restored") for p in plans)
        return "retrain", [
            f"the model {'is' if certain else 'may be'} made anew by {', '.join(makers)}"
        ]
    threshold = keydigest.find(before, _THRESHOLD)
    if threshold is not None and threshold != keydigest.find(values, _THRESHOLD):
        return "retrain", ["the probability from which on the label is true changes"]
    return "cosmetic", []


def _before(project: _Project) -> dict[str, Any]:
    """Return the parameters that the present server was made from, as far as they are known.

    In the workspace that is what dvc.lock says of the stages, which may be ahead of any commit.
    """
    if project.commit is None:
        found: dict[str, Any] = {}
        for stage in project.locked.values():
            found |= {key: value for key, value in stage.values.items() if "/" not in key}
        if "contract" in found:
            return found
        if not git.is_repository(project.root):
            return {}
    try:
        return revision.params(project.root, project.commit or "HEAD")
    except LineageError:
        return {}


def _makers(nodes: Sequence[Node], plans: Sequence[StagePlan], model: str) -> Iterator[str]:
    """Yield the stages that make the fitted model, if they will make another one.

    A change of words that are only shown reruns stages, for they read the whole group, and leaves
    the model as it is. So do outputs that are only brought back.
    """
    fitted = {n.name for n in nodes if any(path.endswith(_MODEL) for path in n.outs)}
    fitted = fitted or {n.name for n in nodes if model in n.outs}
    by_name = {plan.stage: plan for plan in plans}
    fresh: set[str] = set()
    for node in in_order(nodes):
        if node.name == graph.COMPOSE:
            continue
        plan = by_name[node.name]
        above = any(set(n.outs) & set(node.deps) for n in nodes if n.name in fresh)
        if plan.verdict != "unchanged" and not plan.same and (above or _is_real(plan)):
            fresh.add(node.name)
            if node.name in fitted:
                yield node.name


def _is_real(plan: StagePlan) -> bool:
    return any(
        reason.kind != "upstream"
        and not (reason.kind == "config" and interface.is_wording(reason.key))
        for reason in plan.reasons
    )
