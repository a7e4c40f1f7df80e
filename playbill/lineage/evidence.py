"""The evidence that a tag carries, and the reader's check that all of it still holds.

What a tag says is never taken for true: the commit, the digests in its dvc.lock, its metrics and
the gate's result are looked up again. What a tag must carry (a passed gate, an attestation, a
signature) is asked by the workspace's conf, never by the tagged revision, which could ask less.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import (
    attestation,
    git,
    gittag,
    manifest,
    registry,
    revision,
    signature,
    store,
    tagname,
    upstream,
    vouching,
)

FORMAT_VERSION = 2
PASSED = ("gate", "first")  # decisions that a passed gate made
DECISIONS = (*PASSED, "override", "rollback", "none")
ANEW = "playbill history, then `playbill rollback` or `playbill promote` again"
_DIGEST = "digest"


@dataclass(frozen=True)
class Problem:
    """Something that does not hold of a tag, and what to run next."""

    what: str
    run: str = ANEW


def seal(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with the digest of its other keys."""
    rest = {key: value for key, value in plain.items() if key != _DIGEST}
    return {**rest, _DIGEST: digest(rest)}


def is_sealed(plain: Mapping[str, Any]) -> bool:
    """Say whether a result hashes to the digest that it carries."""
    return bool(plain.get(_DIGEST) == seal(plain)[_DIGEST])


def digest(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain values in their canonical JSON form."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def gather(root: Path, commit: str) -> dict[str, Any]:
    """Return what is known of a commit: digests of model and data, metrics, attestation.

    Raises:
        LineageError: A metrics file is not the one that dvc.lock recorded, or there is no bundle.
    """
    name = revision.model_name(root, commit)
    recorded = store.outputs(root, commit)
    found = store.output(root, manifest.path(root, commit), commit)
    measured = metrics(root, commit, recorded)
    own = manifest.own_metrics(root, commit)
    if own is not None and own != measured:
        raise LineageError(
            f"the bundle of {revision.name(commit)} was measured otherwise than the commit says",
            where=f"{found.path}/{manifest.METRICS}, against models/{name}/evaluation/metrics.json",
            expected="a bundle and metrics of one run",
            run="dvc repro && git add models dvc.lock && git commit",
        )
    attested = attestation.attestation_for(root, commit, registry.artifact(root, name))
    return {
        "format_version": FORMAT_VERSION,
        "model": name,
        "commit": commit,
        "bundle": found.digest,
        "model_digest": manifest.model_digest(root, commit),
        "data": {p: out.digest for p, out in sorted(recorded.items()) if p.startswith("data/")},
        "metrics": measured,
        "attestation": attested.digest if attested else None,
    }


def metrics(root: Path, commit: str, recorded: Mapping[str, store.Output]) -> dict[str, Any]:
    """Return the metrics of a commit, proven against its dvc.lock; empty if it has none.

    Raises:
        LineageError: The file is not the one that the pipeline wrote.
    """
    path = f"models/{revision.model_name(root, commit)}/evaluation/metrics.json"
    content = git.read_if_any(root, commit, path)
    if content is None:
        return {}
    if path in recorded:
        actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if actual != recorded[path].digest:
            raise LineageError(
                f"{path} of {revision.name(commit)} is not the file that the pipeline wrote",
                expected=f"the md5 {recorded[path].digest} that dvc.lock has, found {actual}",
                run="dvc repro && git add models dvc.lock && git commit",
            )
    found = revision.read_json(root, commit, path)
    return found if isinstance(found, dict) else {}


def demanded(root: Path) -> tuple[tuple[str, ...], bool]:
    """Return which stages ask for a passed gate, and whether an attestation is asked for."""
    plain = revision.params(root).get("evaluation")
    asked = plain.get("promotion") if isinstance(plain, Mapping) else None
    asked = asked if isinstance(asked, Mapping) else {}
    return tuple(map(str, asked.get("stages", [registry.PRODUCTION]))), asked.get(
        "attestation", False
    ) is True


def verify(root: Path, tag: gittag.Tag) -> dict[str, Any]:
    """Check everything that a registry tag says and return its evidence.

    The bundle is fetched, every byte of it compared with what dvc.lock has.

    Raises:
        LineageError: Anything does not hold, or the bundle cannot be had. No older tag steps in.
    """
    facts = registry.evidence(tag.message)
    found = problems(root, tag) or [*_other_model(facts, manifest.model_digest(root, tag.commit))]
    if found:
        raise LineageError(
            f"the tag {tag.name} is not believed: {found[0].what}",
            where=f"git show '{tag.name}'",
            expected="a tag as `playbill promote` writes it, on the commit that it speaks of",
            run=found[0].run,
        )
    return facts


def problems(root: Path, tag: gittag.Tag, *, past: bool = False) -> list[Problem]:
    """Return what does not hold of a registry tag, the worst first; empty if all does.

    The bundle is looked into as far as DVC's cache or remote has it; `verify` must have it.

    Args:
        root: The project.
        tag: The tag.
        past: Whether to ask what held at its time: that a version was withdrawn later is left out,
            and so is a signature that nobody asked for then, if a signed tag vouches for it.
    """
    place = tagname.place_of(tag.name)
    if place is None:
        return [Problem("its name is none of the registry's")]
    facts = registry.evidence(tag.message)
    try:
        found = list(_problems(root, tag, place, facts, past=past))
        return found if past else [*_withdrawn(root, place, facts), *found]
    except LineageError as error:
        return [Problem(error.what, error.run or ANEW)]
    except (AttributeError, KeyError, TypeError, ValueError):  # of another form than any of ours
        return [Problem("its evidence is not of the form that Playbill writes")]


def _problems(
    root: Path, tag: gittag.Tag, place: tagname.Place, facts: dict[str, Any], *, past: bool
) -> Iterator[Problem]:
    if not tag.is_annotated:
        yield Problem("it is a lightweight tag, which carries no evidence")
        return
    if not (past and is_before_signatures(root, tag.name)):
        yield from _signature(root, tag, place, facts)
    if not facts:
        yield Problem("it carries no evidence")
        return
    if facts.get("format_version") not in (1, FORMAT_VERSION):
        yield Problem(f"its evidence has the format {str(facts.get('format_version'))[:20]}")
        return
    yield from _place(tag, place, facts)
    yield from _content(root, tag.commit, facts)
    if place.stage:
        yield from _decision(root, tag, place, facts)


def _signature(
    root: Path, tag: gittag.Tag, place: tagname.Place, facts: Mapping[str, Any]
) -> Iterator[Problem]:
    if not signature.is_demanded(root):
        return
    checked = signature.check_tag(root, tag.name)
    allowed = signature.ALLOWED.as_posix()
    if checked.trust == "unsigned":
        if place.version and _is_vouched(root, tag.commit, place):
            return
        name, stage = place.artifact.rpartition(":")[2], place.stage or registry.PRODUCTION
        yield Problem(
            f"it is not signed, and {allowed} names who may sign",
            f"playbill promote {name}@{facts.get('version') or place.version} --stage {stage}: "
            "the gate is asked again, and the new tag is signed",
        )
    elif checked.trust != "trusted":
        yield Problem(f"its signature is {checked.trust}: of nobody in {allowed}")


def is_before_signatures(root: Path, name: str) -> bool:
    """Say whether a tag is unsigned, and a trusted signed one says that it was there before."""
    place = tagname.place_of(name)
    return (
        place is not None
        and signature.is_demanded(root)
        and signature.check_tag(root, name).trust == "unsigned"
        and bool(vouching.voucher(root, name, place))
    )


def _is_vouched(root: Path, commit: str, place: tagname.Place) -> bool:
    """Say whether a stage's signed tag names this version: older than the signers, it has none."""
    return any(
        one.tag.commit == commit
        and one.evidence.get("version") == place.version
        and signature.check_tag(root, one.tag.name).trust == "trusted"
        for one in registry.assignments(root, place.artifact)
    )


def _place(tag: gittag.Tag, place: tagname.Place, facts: dict[str, Any]) -> Iterator[Problem]:
    if facts.get("commit") != tag.commit:
        said = str(facts.get("commit"))[:12]
        yield Problem(f"its evidence is of commit {said}, and it stands on {tag.commit[:12]}")
    wanted = {"artifact": place.artifact, "version": place.version, "stage": place.stage}
    for key, name in wanted.items():
        if name and facts.get(key, name) != name:
            yield Problem(
                f"its evidence is of the {key} {facts.get(key)}, and its name says {name}"
            )


def _withdrawn(root: Path, place: tagname.Place, facts: Mapping[str, Any]) -> Iterator[Problem]:
    version = str(facts.get("version"))
    if gone := registry.withdrawal(root, place.artifact, version):
        yield Problem(f"{version} was withdrawn by {gone.name}: {registry.reason(gone)}")
    elif same := registry.withdrawn_model(root, place.artifact, facts.get("model_digest")):
        back = registry.withdrawal(root, place.artifact, same.version)
        why = registry.reason(back) if back else "no reason given"
        yield Problem(f"its model is that of {same.version}, which was withdrawn: {why}")


def _content(root: Path, commit: str, facts: dict[str, Any]) -> Iterator[Problem]:
    recorded = store.outputs(root, commit)
    path = manifest.path(root, commit)
    named = {path: facts.get("bundle"), **(facts.get("data") or {})}
    for name, said in named.items():
        has = recorded[name].digest if name in recorded else "nothing"
        if said != has:
            yield Problem(f"it names {said} as {name}, and dvc.lock of its commit {has}")
    if (has_ := metrics(root, commit, recorded)) != facts.get("metrics"):
        changed = [k for k in has_ if has_[k] != (facts.get("metrics") or {}).get(k)]
        named_ = ", ".join(changed[:3]) or "none there"
        yield Problem(f"its metrics are not those of its commit ({named_})")
    with contextlib.suppress(LineageError):  # without the bundle, whoever serves it is told so
        if (own := manifest.own_metrics(root, commit)) is not None and own != has_:
            yield Problem("its bundle was measured otherwise than its commit says")
        yield from _other_model(facts, manifest.stated_digest(root, commit))


def _other_model(facts: Mapping[str, Any], has: str | None) -> Iterator[Problem]:
    if (said := facts.get("model_digest")) != has:
        yield Problem(f"it names the model {said}, and the bundle of its commit is {has}")


def _decision(
    root: Path, tag: gittag.Tag, place: tagname.Place, facts: dict[str, Any]
) -> Iterator[Problem]:
    stages, attested = demanded(root)
    if place.stage not in stages:
        return
    decision = facts.get("decision")
    if decision == "override":
        if not (facts.get("override") or {}).get("reason"):
            yield Problem("it overrides the gate without a reason")
    elif decision == "rollback":
        yield from _rollback(root, tag, place, facts.get("rollback") or {})
    elif decision in PASSED:
        yield from _gate(root, place, facts)
    else:
        yield Problem(f"it carries no passed gate, which stage {place.stage} asks for")
    if attested and decision != "override":
        yield from _attestation(root, tag.commit, place.artifact, facts)


def _gate(root: Path, place: tagname.Place, facts: dict[str, Any]) -> Iterator[Problem]:
    found = facts.get("gate")
    if not isinstance(found, dict):
        yield Problem("it carries no result of the gate")
        return
    if not is_sealed(found) or facts.get("gate_digest") != found.get(_DIGEST):
        yield Problem("its gate result was changed: it does not hash to the digest that is named")
    elif found.get("passed") is not True or any(
        check["passed"] is not True for check in found.get("checks") or ()
    ):
        yield Problem("its gate did not pass")
    if problem := mismatch(root, found, facts, place):
        met = found.get("champion_tag")
        lacks = met and registry.exact(root, str(met)) is None
        yield Problem(problem, upstream.fetch_line(root, str(met)) if lacks else ANEW)


def mismatch(
    root: Path, result: Mapping[str, Any], facts: Mapping[str, Any], place: tagname.Place
) -> str:
    """Return how a gate's result is about something else than this promotion; empty if it is not.

    Args:
        root: The project.
        result: The gate's result.
        facts: What `gather` says of the commit.
        place: The stage's tag: the gate must have met whoever was in the stage before.
    """
    challenger = result.get("challenger") or {}
    for key in ("commit", "bundle"):
        if challenger.get(key) != facts.get(key):
            return f"its gate is about the {key} {str(challenger.get(key))[:12]}, not this one"
    if result.get("stage") != place.stage:
        return f"its gate was for stage {result.get('stage')}"
    before = registry.before(root, place)
    champion = result.get("champion")
    if before is None or not before.active:
        return "" if champion is None else "its gate met a champion that was not in the stage"
    if not isinstance(champion, Mapping) or champion.get("commit") != before.tag.commit:
        return f"its gate did not meet {before.tag.name}, which was in the stage"
    return ""


def _rollback(
    root: Path, tag: gittag.Tag, place: tagname.Place, said: Mapping[str, Any]
) -> Iterator[Problem]:
    earlier = registry.exact(root, str(said.get("to")))
    where = tagname.place_of(str(said.get("to")))
    if earlier is None and where is not None and where.stage == place.stage:
        name = str(said["to"])
        yield Problem(
            f"it goes back to {name}, which this clone does not have",
            upstream.fetch_line(root, name),
        )
    elif earlier is None or where is None or where.stage != place.stage:
        yield Problem(f"it goes back to {said.get('to')}, which is no tag of the stage")
    elif where.artifact != place.artifact or where.number >= place.number:
        yield Problem(f"it goes back to {earlier.name}, which is not before it")
    elif earlier.commit != tag.commit:
        yield Problem(f"it goes back to {earlier.name}, which is another commit")
    elif found := problems(root, earlier, past=True):  # its version is this one's, asked already
        yield Problem(f"it goes back to {earlier.name}, and {found[0].what}", found[0].run)


def _attestation(
    root: Path, commit: str, artifact: str, facts: Mapping[str, Any]
) -> Iterator[Problem]:
    """Ask for a trusted attestation of the commit; one made after the promotion does as well."""
    found, named = attestation.attestation_for(root, commit, artifact), facts.get("attestation")
    if found is None or not found.trusted:
        yield Problem(
            "nobody whom the project trusts has attested its commit",
            f"playbill verify {commit[:12]} --push, with a key that "
            f"{signature.ALLOWED.as_posix()} names; or git fetch --tags, if somebody did",
        )
    elif named not in (None, found.digest):
        known = {one.digest for one in attestation.attestations(root, artifact, commit)}
        if named not in known:
            yield Problem("it names another attestation than its commit has")
