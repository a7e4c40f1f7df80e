"""Where a model comes from: commit, config, code, environment, data and stages of a revision.

Everything is read from Git; what only DVC has (the facts that a snapshot was brought in with) is
added where its cache or remote can be asked, and a note says so where it cannot.
"""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playbill.config.decision import DECISIONS
from playbill.config.params import digest, leaves
from playbill.errors import LineageError
from playbill.lineage import attestation, bundle, git, history, locked, registry, revision, store

FORMAT_VERSION = 1
CONSTRAINTS = "constraints.txt"
# Groups of params.yaml in the order of the flow; those that a model was made with count as config.
GROUPS = ("source", "contract", "split", "feature", "model", "validation", "tuning", "training",
          "evaluation", "bundle", "seed")  # fmt: skip
# Of these the values are told one by one.
SHOWN = ("seed", "model", "split", "validation", "tuning", "training", "evaluation")


@dataclass(frozen=True)
class Commit:
    """The commit that holds the revision."""

    id: str
    author: str
    date: str
    subject: str
    names: tuple[str, ...]
    """Tags, branches and experiments that point to it."""


@dataclass(frozen=True)
class SourceFacts:
    """A source that the rows come from.

    Attributes:
        name: Its name in conf/source.
        declared: What conf/source says of it.
        windowed: True if the window picks its rows.
        provenance: What `ingest` wrote down beside the snapshot; None if only DVC has it.
    """

    name: str
    declared: dict[str, Any]
    windowed: bool
    provenance: dict[str, Any] | None


@dataclass(frozen=True)
class Trace:
    """What a revision's model was made from.

    Attributes:
        model: The model's name.
        ref: The revision as the user named it.
        source: How it was found, as `flights#prod#3`.
        project: The project's folder in the Git repository; empty at its root.
        commit: The commit.
        config: By group of params.yaml the digest that the bundle's lineage states too.
        values: The values that decide, by dotted key.
        code: By stage its files with their MD5, the framework's digest and the targets'.
        environment: By stage the versions it takes; `constraints.txt`: its SHA-256.
        window: First day of the data, and the first that is no longer part.
        data: The sources.
        snapshots: The MD5 of what the sources were brought into, by path.
        stages: The stages in the order of the flow.
        bundle: Path and MD5 of the bundle in dvc.lock.
        model_digest: The identity of the model layer, from a promotion's evidence or the bundle.
        attestation: What is attested of the commit; None: nothing.
        notes: What could not be had, and how to have it.
    """

    model: str
    ref: str
    source: str
    project: str
    commit: Commit
    config: dict[str, str]
    values: dict[str, Any]
    code: dict[str, dict[str, Any]]
    environment: dict[str, Any]
    window: tuple[str, str] | None
    data: tuple[SourceFacts, ...]
    snapshots: dict[str, str]
    stages: tuple[locked.Locked, ...]
    bundle: tuple[str, str]
    model_digest: str | None
    attestation: dict[str, Any] | None
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {"format_version": FORMAT_VERSION, **asdict(self)}
        plain["stages"] = [
            {"name": s.name, "command": s.command, "reads": s.deps, "writes": s.outs}
            for s in self.stages
        ]
        plain["bundle"] = {"path": self.bundle[0], "md5": self.bundle[1]}
        window = self.window
        plain["window"] = {"start": window[0], "end": window[1]} if window else None
        return plain


def trace(root: Path, ref: str) -> Trace:
    """Return where the model of a revision, or of a bundle's folder, comes from.

    Args:
        root: The project.
        ref: A tag, registry name, branch, commit, experiment, or the folder of a bundle.

    Raises:
        LineageError: There is no such revision, no pipeline ran there, or no commit of this clone
            has the bundle.
    """
    commit, source, notes = _find(root, ref)
    params = revision.params(root, commit)
    found = locked.stages(root, commit)
    told = next((s for s in found.values() if locked.brings_in(s, found)), None)
    source_told = told.params["source"] if told else {}
    declared = source_told if isinstance(source_told, dict) else {}
    data, lost = _data(root, commit, declared, told)
    path = bundle.path(root, commit)
    name = revision.model_name(root, commit)
    if git.is_shallow(root):
        lost.append("this clone is shallow: names and older history may be missing "
                    "(git fetch --unshallow --tags)")  # fmt: skip
    md5 = next((s.outs[path] for s in found.values() if path in s.outs), "")
    return Trace(
        model=name,
        ref=ref,
        source=source,
        project=git.prefix(root),
        commit=_commit(root, commit),
        config={key: f"sha256:{digest(_made(params, key))}" for key in GROUPS if key in params},
        values=_values(params),
        code={stage.name: _code(stage, params) for stage in found.values()},
        environment=_environment(root, commit, params),
        window=_window(declared),
        data=data,
        snapshots=dict(told.outs) if told else {},
        stages=tuple(found.values()),
        bundle=(path, md5),
        model_digest=_model_digest(root, commit, name),
        attestation=_attestation(root, commit, name),
        notes=(*notes, *lost),
    )


def _find(root: Path, ref: str) -> tuple[str, str, list[str]]:
    folder = Path(ref)
    if (folder / bundle.MANIFEST).is_file():
        return _of_bundle(root, folder)
    commit = bundle.commit_of(root, ref)
    tag = None
    if "#" in ref or "@" in ref:
        tag = registry.find(root, ref, registry.artifact(root, revision.model_name(root)))
    return commit, tag.name if tag else ref, []


def _of_bundle(root: Path, folder: Path) -> tuple[str, str, list[str]]:
    digest_ = store.folder_digest(folder)
    commits = list(history.holders(root, digest_, bundle.path(root)))
    if commits:
        words = f"{len(commits)} commits have this bundle; this is the newest"
        return commits[0], folder.as_posix(), [words] if len(commits) > 1 else []
    shallow = git.is_shallow(root)
    raise LineageError(
        f"no commit of this clone has the bundle {folder.as_posix()}",
        where=f"md5 {digest_}" + (", in a shallow clone" if shallow else ""),
        expected="an unchanged bundle that a committed dvc.lock records",
        run="git fetch --unshallow --tags" if shallow else "git fetch --all --tags",
    )


def _commit(root: Path, commit: str) -> Commit:
    out = git.run(root, "log", "-1", "--format=%an <%ae>%x1f%aI%x1f%s", commit)
    author, date, subject = out.decode(errors="replace").rstrip("\n").split("\x1f")
    named = tuple(one.name for one in history.names(root) if one.commit == commit)
    return Commit(commit, author, date, subject, named)


def _made(params: dict[str, Any], group: str) -> Any:
    """Return a group as the bundle's lineage states it: who is let in is no part of a model."""
    if group != "evaluation":
        return params[group]
    return {key: value for key, value in params[group].items() if key not in DECISIONS}


def _values(params: dict[str, Any]) -> dict[str, Any]:
    chosen = {key: params[key] for key in SHOWN if key in params}
    found = {".".join(path): value for path, value in leaves(chosen)}
    for name, group in ((params.get("feature") or {}).get("groups") or {}).items():
        steps = [str(step.get("_target_")) for step in group.get("steps") or []]
        found[f"feature.{name}"] = f"{_columns(group.get('columns'))}: " + (
            " > ".join(step.rpartition(".")[2] for step in steps) or "as they are"
        )
    return found


def _columns(columns: object) -> str:
    """Say which columns a group has: how many are named, or the selector that picks them."""
    if isinstance(columns, dict):
        return "columns by " + ", ".join(f"{key} {value}" for key, value in columns.items())
    return f"{len(columns) if isinstance(columns, list) else 0} columns"


def _code(stage: locked.Locked, params: dict[str, Any]) -> dict[str, Any]:
    own = (params.get("environment") or {}).get(stage.name.partition("-")[0]) or {}
    return {
        "files": stage.code,
        "framework": own.get("framework"),
        "targets": own.get("targets") or {},
    }


def _environment(root: Path, commit: str, params: dict[str, Any]) -> dict[str, Any]:
    pins = git.read_if_any(root, commit, CONSTRAINTS)
    found: dict[str, Any] = {
        name: each.get("packages") or {} for name, each in (params.get("environment") or {}).items()
    }
    if pins is not None:
        found[CONSTRAINTS] = f"sha256:{hashlib.sha256(pins).hexdigest()}"
    return found


def _window(declared: dict[str, Any]) -> tuple[str, str] | None:
    window = declared.get("window")
    if not isinstance(window, dict):
        return None
    return str(window.get("start")), str(window.get("end"))


def _data(
    root: Path, commit: str, declared: dict[str, Any], told: locked.Locked | None
) -> tuple[tuple[SourceFacts, ...], list[str]]:
    sources = declared.get("sources") or {}
    folders = [p for p, md5 in (told.outs if told else {}).items() if md5.endswith(store.FOLDER)]
    facts = {name: _provenance(root, commit, folders, name) for name in sources}
    lost = [name for name, found in facts.items() if found is None]
    notes = []
    if lost and folders:
        notes.append(
            f"what was written down when {', '.join(lost)} came in is neither in DVC's cache nor "
            f"in its remote ({', '.join(folders)}); dvc.lock has its digest"
        )
    return tuple(
        SourceFacts(name, each, history.is_windowed(each), facts[name])
        for name, each in sources.items()
    ), notes


def _provenance(root: Path, commit: str, folders: list[str], name: str) -> dict[str, Any] | None:
    for folder in folders:
        with contextlib.suppress(LineageError, ValueError, OSError):
            file = store.obtain(root, f"{folder}/{name}.json", commit)
            found = json.loads(file.read_bytes())
            return found if isinstance(found, dict) else None
    return None


def _model_digest(root: Path, commit: str, name: str) -> str | None:
    known = registry.artifact(root, name)
    for one in registry.versions(root, known):
        if one.tag.commit == commit and (told := one.evidence.get("model_digest")):
            return str(told)
    with contextlib.suppress(LineageError, ValueError, OSError):
        manifest = store.obtain(root, f"{bundle.path(root, commit)}/{bundle.MANIFEST}", commit)
        told = json.loads(manifest.read_bytes()).get("model_digest")
        return str(told) if told else None
    return None


def _attestation(root: Path, commit: str, name: str) -> dict[str, Any] | None:
    found = attestation.attestation_for(root, commit, registry.artifact(root, name))
    if found is None:
        return None
    return {
        "verdict": found.verdict,
        "tag": found.tag,
        "digest": found.digest,
        "trust": found.signature.trust,
        "signer": found.signature.signer,
        "platform": found.platform,
    }
