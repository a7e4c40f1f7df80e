"""A trace in words: one outline, as a tree for the terminal and as nested lists for a page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playbill.lineage.history import Trained
from playbill.lineage.trace import CONSTRAINTS, SourceFacts, Trace

_SHORT = 12


@dataclass(frozen=True)
class Node:
    """A line of an outline, and what belongs below it."""

    text: str
    below: tuple["Node", ...] = ()


def outline(found: Trace) -> Node:
    """Return the outline of a trace."""
    head = f"{found.model}, {found.source}" if found.source != found.model else found.model
    parts = [
        _commit(found),
        Node(f"model: {found.bundle[0]}", _lines(_identity(found))),
        _config(found),
        _data(found),
        _environment(found),
        _stages(found),
        *([Node("not known", _lines(found.notes))] if found.notes else []),
    ]
    return Node(head, tuple(parts))


def as_text(node: Node) -> str:
    """Return an outline as a tree of lines."""
    return "\n".join([node.text, *_branches(node, "")]) + "\n"


def reverse_as_text(source: str, asked: str, found: list[Trained]) -> str:
    """Return the models that learned from a source as lines of text."""
    if not found:
        return f"no committed model learned from {source} {asked}\n"
    nodes = [Node(_trained(one), _lines(_trained_facts(one))) for one in found]
    count = "1 model" if len(found) == 1 else f"{len(found)} models"
    return as_text(Node(f"{count} learned from {source} {asked}".strip(), tuple(nodes)))


def short(digest: str) -> str:
    """Return the first letters of a digest, behind its kind if it has one."""
    kind, _, value = digest.rpartition(":")
    cut = value.removesuffix(".dir")[:_SHORT]
    return f"{kind}:{cut}" if kind else cut


def _branches(node: Node, indent: str) -> Iterator[str]:
    for number, child in enumerate(node.below):
        is_last = number == len(node.below) - 1
        yield f"{indent}{'└── ' if is_last else '├── '}{child.text}"
        yield from _branches(child, indent + ("    " if is_last else "│   "))


def _lines(texts: Any) -> tuple[Node, ...]:
    return tuple(Node(text) for text in texts)


def _commit(found: Trace) -> Node:
    commit = found.commit
    facts = [f"by {commit.author}", f"on {commit.date}"]
    facts += [f"named {', '.join(commit.names)}"] if commit.names else []
    facts += [f"in {found.project}"] if found.project else []
    return Node(f"commit {commit.id[:_SHORT]} {commit.subject}", _lines(facts))


def _identity(found: Trace) -> Iterator[str]:
    if found.bundle[1]:
        yield f"md5 {short(found.bundle[1])}"
    if found.model_digest:
        yield f"model digest {short(found.model_digest)}"
    told = found.attestation
    if told is None:
        yield f"not attested (playbill verify {found.ref})"
    else:
        who = {"trusted": f"signed by {told['signer']}", "unsigned": "not signed"}
        by = who.get(told["trust"], f"signed by somebody unknown: {told['signer']}")
        yield f"attested: {told['verdict']}, {by} ({told['tag']})"


def _config(found: Trace) -> Node:
    values: dict[str, list[str]] = {}
    for key, value in found.values.items():
        group, _, rest = key.partition(".")
        text = _value(value)
        values.setdefault(group, []).append(f"{rest} = {text}" if rest else text)
    nodes = [
        Node(f"{group}  {short(digest)}", _lines(values.get(group, ())))
        for group, digest in found.config.items()
    ]
    return Node("config (params.yaml)", tuple(nodes))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _data(found: Trace) -> Node:
    span = f"data {found.window[0]} up to {found.window[1]}" if found.window else "data"
    kept = [Node(f"{path}  md5 {short(md5)}") for path, md5 in found.snapshots.items()]
    return Node(span, (*(_source(one) for one in found.data), *kept))


def _source(one: SourceFacts) -> Node:
    told = one.provenance or {}
    at = one.declared.get("path") or one.declared.get("target") or ""
    facts = [f"{one.declared.get('kind', 'source')} {at}".strip()]
    if told.get("rows") is not None:
        facts.append(f"{told['rows']:,} rows of {len(told.get('columns') or [])} columns")
    if told.get("sha256"):
        facts.append(f"sha256 {short(str(told['sha256']))}")
    facts += [] if one.windowed else ["whatever the window is"]
    return Node(one.name, _lines(facts))


def _environment(found: Trace) -> Node:
    versions: dict[str, set[str]] = {}
    for stage, packages in found.environment.items():
        if stage != CONSTRAINTS:
            for name, version in packages.items():
                versions.setdefault(name, set()).add(str(version))
    listed = ", ".join(f"{name} {'/'.join(sorted(v))}" for name, v in sorted(versions.items()))
    pins = found.environment.get(CONSTRAINTS)
    facts = [f"{CONSTRAINTS} {short(pins)}"] if pins else [f"no {CONSTRAINTS}"]
    return Node("environment", _lines([*facts, *([listed] if listed else [])]))


def _stages(found: Trace) -> Node:
    nodes = []
    for stage in found.stages:
        code = found.code.get(stage.name) or {}
        reads = [p for p in stage.deps if p not in stage.code]
        facts = [f"reads {', '.join(reads)}"] if reads else []
        facts += [f"code {path}  md5 {short(md5)}" for path, md5 in stage.code.items()]
        facts += [f"playbill {short(code['framework'])}"] if code.get("framework") else []
        facts += [f"writes {path}  md5 {short(md5)}" for path, md5 in stage.outs.items()]
        nodes.append(Node(f"{stage.name}: {stage.command}", _lines(facts)))
    return Node("stages", tuple(nodes))


def _trained(one: Trained) -> str:
    span = f"{one.window[0]} up to {one.window[1]}" if one.window else "the whole source"
    part = " (a part of what was asked for)" if one.share == "part" else ""
    return f"{one.model} {short(one.bundle) or 'without a bundle'}: {span}{part}"


def _trained_facts(one: Trained) -> Iterator[str]:
    for kind in ("tag", "branch", "remote branch", "experiment"):
        named = [each.name for each in one.names if each.kind == kind]
        if named:
            yield f"{kind}: {', '.join(named)}"
    shown = ", ".join(commit[:_SHORT] for commit in one.commits[-5:])
    more = f" and {len(one.commits) - 5} before" if len(one.commits) > 5 else ""  # noqa: PLR2004
    yield f"commits: {shown}{more}"
