"""Promotion: check that a revision can be served later, write down the evidence, tag it.

Two steps, because the gate stands in between and this layer does not know it: `prepare` refuses
what can be refused without comparing models, `complete` writes the tags.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.config.compilation import COMPILED
from playbill.config.place import chosen, current
from playbill.errors import LineageError, UsageError
from playbill.lineage import (
    bundle,
    contradiction,
    evidence,
    git,
    gittag,
    manifest,
    registration,
    registry,
    revision,
    signature,
    store,
    tagname,
    upstream,
    vouching,
    worktree,
)

FORMAT_VERSION = 2


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    Attributes:
        stage: The stage that is entered.
        version: Version to register the revision as.
        bump: Which number of the greatest version to raise instead.
        allow_unpushed: Go on though the DVC remote lacks the bundle.
        override: Reason for which the gate's answer is not waited for; None: it is.
    """

    stage: str
    version: str | None = None
    bump: registration.Bump | None = None
    allow_unpushed: bool = False
    override: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A revision that can be promoted, but for the gate.

    Attributes:
        artifact: The model, with its path in a monorepo.
        commit: The commit.
        champion: Who is in the stage now; None: nobody.
        place: The tag that is about to be made.
        version: The version that the commit has already; None: none.
        facts: What `evidence.gather` found.
        needs_gate: Whether the stage asks for a passed gate.
        notes: What a reader should know.
        overridden: What only an override gets past, whatever the gate says; else empty.
    """

    artifact: str
    commit: str
    champion: registry.Assignment | None
    place: tagname.Place
    version: str | None
    facts: dict[str, Any]
    needs_gate: bool
    notes: tuple[str, ...]
    overridden: str = ""


@dataclass(frozen=True)
class Promotion:
    """What `promote` did."""

    artifact: str
    version: str
    stage: str
    commit: str
    tags: tuple[str, ...]
    """The tags that are new: the version's, unless it was registered before, and the stage's."""
    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


def prepare(root: Path, ref: str, wish: Wish) -> Candidate:
    """Check all that does not need the gate.

    Raises:
        LineageError: The revision has no bundle or one of another run, its metrics are not what
            dvc.lock recorded, the workspace holds results that were not committed, the DVC remote
            lacks the bundle, the version was withdrawn, or the version or the stage is taken.
    """
    if wish.version and wish.bump:
        raise LineageError("a version and a bump were both given", expected="one of them")
    if wish.override is not None and not wish.override.strip():
        raise UsageError("the override has no reason", expected='--override "REASON"')
    ready(root, wish.stage)
    commit = bundle.commit_of(root, ref)
    name = revision.model_name(root, commit)
    artifact = registry.artifact(root, name)
    if commit == git.head(root):
        _refuse_uncommitted(root, name)
    contradiction.refuse_not_run(root, commit)
    notes = check_pushed(root, commit, allow=wish.allow_unpushed)
    facts = evidence.gather(root, commit)
    version = _registered(root, artifact, commit, wish)
    _refuse_repetition(root, artifact, commit, wish.stage)
    stages, attested = evidence.demanded(root)
    needs_gate = wish.stage in stages
    if needs_gate and attested and wish.override is None:
        _refuse_unattested(root, artifact, commit)
    place = next_place(root, artifact, wish.stage)
    champion = registry.before(root, place)
    champion = champion if champion is not None and champion.active else None
    overridden = _overridden(root, artifact, commit, attested=needs_gate and attested)
    return Candidate(
        artifact, commit, champion, place, version, facts, needs_gate, notes, overridden
    )


def complete(root: Path, candidate: Candidate, wish: Wish, decided: dict[str, Any]) -> Promotion:
    """Write the tags: the version's, unless the commit has one, and the stage's.

    Args:
        root: The project.
        candidate: What `prepare` found.
        wish: What the user asked for.
        decided: `decision` and what belongs to it: `gate` and `gate_digest`, or `override`.
    """
    artifact, commit = candidate.artifact, candidate.commit
    facts = {**candidate.facts, "artifact": artifact}
    version = candidate.version
    new: list[str] = []
    vouched = vouching.to_vouch(root, artifact)
    try:
        if version is None:
            version = wish.version or registration.next_version(
                root, artifact, wish.bump or "patch"
            )
            new.append(registration.register(root, artifact, commit, facts, version))
        facts |= {"stage": wish.stage, **decided, **vouch(vouched)}
        new.append(registration.assign(root, artifact, version, wish.stage, facts))
        sign(root, *new)
    except LineageError:
        gittag.remove_tags(root, *new)
        raise
    notes = (*candidate.notes, *vouched_words(vouched))
    return Promotion(artifact, version, wish.stage, commit, tuple(new), facts, notes)


def vouch(before: dict[str, str]) -> dict[str, Any]:
    """Return what a signed tag says of the unsigned ones before it; nothing if there are none."""
    return {vouching.FIELD: before} if before else {}


def vouched_words(before: dict[str, str]) -> tuple[str, ...]:
    """Return what the signer should know of that: the names, to look at."""
    said = "its signature says too that these were there before signatures were asked for"
    return (f"{said}: {', '.join(before)}",) if before else ()


def as_dict(done: Promotion, *, pushed: bool) -> dict[str, Any]:
    """Return a promotion as plain values for JSON."""
    return {"format_version": FORMAT_VERSION, **asdict(done), "pushed": pushed}


def ready(root: Path, stage: str) -> None:
    """Check what every decision needs: a whole clone, a name, and a key if signing is asked for.

    Raises:
        LineageError: One of them is missing; the text says how to get it.
    """
    tagname.check_stage(stage)
    upstream.refuse_shallow(root)
    git.identity(root)
    if signature.is_demanded(root) and signature.key(root) is None:
        raise LineageError(
            f"{signature.ALLOWED.as_posix()} asks for signed tags, and no key is named",
            where="conf/env, signing_key; or Git's user.signingKey with gpg.format ssh",
            expected="the SSH key of somebody whom that file names",
            run="git config gpg.format ssh && git config user.signingKey ~/.ssh/id_ed25519.pub",
        )


def next_place(root: Path, artifact: str, stage: str) -> tagname.Place:
    """Return what the next tag of a stage will be called; GTO counts over all stages."""
    taken = [one.number for one in registry.assignments(root, artifact)]
    return tagname.Place(artifact, "", stage, max(taken, default=0) + 1)


def sign(root: Path, *names: str) -> None:
    """Sign new tags if a key is named.

    Raises:
        LineageError: The key cannot sign, or the project does not trust whom it belongs to.
    """
    for name in names:
        signature.sign_tag(root, name)
    if names and signature.is_demanded(root):
        checked = signature.check_tag(root, names[-1])
        if checked.trust != "trusted":
            raise LineageError(
                f"the key that signs is of nobody in {signature.ALLOWED.as_posix()}",
                where=checked.signer,
                expected="a key that the file names; ask for a review of it",
                run=f"ssh-keygen -lf {signature.ALLOWED.as_posix()}",
            )


def push_target(root: Path) -> str:
    """Return the Git remote to name in a `git push` line; `origin` where none is configured."""
    try:
        return upstream.remote(root)
    except LineageError:
        return "origin"


def push(root: Path, *tags: str) -> None:
    """Push new tags.

    Raises:
        LineageError: They stand in this clone, and nowhere else: there is no remote or it refused.
    """
    try:
        worktree.push(root, *(f"refs/tags/{tag}" for tag in tags))
    except LineageError as error:
        quoted = " ".join(f"'{tag}'" for tag in tags)
        raise LineageError(
            f"{', '.join(tags)} made here, but not pushed: {error.what}",
            where=error.where,
            expected="a remote that takes them; until then this clone alone has them",
            run=f"git push {push_target(root)} {quoted}",
        ) from error


def check_pushed(root: Path, commit: str, *, allow: bool) -> tuple[str, ...]:
    """Return what to say of a bundle that the DVC remote does not have.

    Raises:
        LineageError: It does not, and that is not allowed; or no remote is configured.
    """
    path, remote = manifest.path(root, commit), current(root).remote
    line = f"dvc push -r {remote}" if remote else "dvc push"
    missing = store.missing_in_remote(root, path, commit)
    if missing is None:
        if allow:
            return ("no DVC remote is configured: only this clone's cache has the bundle",)
        raise LineageError(
            "no DVC remote is configured, so nobody else could fetch the bundle",
            expected="a remote; a folder beside the clone is one: see docs/how-to/storage.md",
            run="dvc remote add -d storage FOLDER_OR_URL && dvc push; or --allow-unpushed",
        )
    if not missing:
        return ()
    if allow:
        return ("the DVC remote does not have the bundle: nobody else can serve it yet",)
    raise LineageError(
        f"the DVC remote does not have {path} of {revision.name(commit)}",
        where=f"{len(missing)} objects, such as {missing[0]}"
        + (f"; the remote `{remote}`, which conf/env/{chosen()}.yaml names" if remote else ""),
        expected="a bundle that every clone can fetch",
        run=f"{line}, then the same again; or promote --push, which does both; or --allow-unpushed",
    )


def _refuse_uncommitted(root: Path, name: str) -> None:
    watched = [revision.LOCK, *COMPILED, f"models/{name}"]
    present = [path for path in watched if (root / path).exists()]
    if files := worktree.changed(root, present):
        raise LineageError(
            f"the workspace holds results that are not committed: {', '.join(files[:5])}",
            expected="a commit that holds what is promoted",
            run="dvc repro && git add dvc.lock params.yaml models && git commit",
        )


def _registered(root: Path, artifact: str, commit: str, wish: Wish) -> str | None:
    for gone in registry.versions(root, artifact, withdrawn=True):
        if gone.tag.commit == commit:
            back = registry.withdrawal(root, artifact, gone.version)
            raise LineageError(
                f"{revision.name(commit)} was withdrawn as {gone.version}: "
                f"{registry.reason(back) if back else 'no reason given'}",
                expected="another revision: a commit has one version, and it is gone",
                run="playbill history",
            )
        if gone.version == wish.version:
            raise LineageError(
                f"{artifact} {wish.version} was withdrawn", expected="a version that is free"
            )
    digest = None
    with suppress(LineageError):  # a bundle that cannot be had is told where it is asked for
        digest = manifest.stated_digest(root, commit)
    if same := registry.withdrawn_model(root, artifact, digest):
        raise LineageError(
            f"the model of {revision.name(commit)} is that of {same.version}, which was withdrawn",
            expected="another model: a commit more does not bring it back",
            run="playbill history",
        )
    for one in registry.versions(root, artifact):
        if one.tag.commit == commit:
            if wish.version not in (None, one.version):
                raise LineageError(
                    f"{revision.name(commit)} is registered as {one.version} already",
                    expected=f"no --version, or --version {one.version}",
                )
            return one.version
        if one.version == wish.version:
            raise LineageError(
                f"{artifact} {wish.version} is registered already, for {one.tag.commit[:12]}",
                expected="a version that is free; a registered one never moves",
                run="playbill models",
            )
    return None


def _refuse_repetition(root: Path, artifact: str, commit: str, stage: str) -> None:
    now = registry.current(root, artifact, stage)
    if now and now.active and now.tag.commit == commit and not evidence.problems(root, now.tag):
        raise LineageError(
            f"{revision.name(commit)} is in stage {stage} already, by {now.tag.name}",
            expected="a revision that is not",
            run="playbill models",
        )


def _overridden(root: Path, artifact: str, commit: str, *, attested: bool) -> str:
    """Return what of a commit only an override gets past, whatever the gate says; else empty."""
    from playbill.lineage.attestation import attestation_for

    found = attestation_for(root, commit, artifact) if attested else None
    if attested and (found is None or not found.trusted):
        return "nobody whom the project trusts has attested it"
    return ""


def _refuse_unattested(root: Path, artifact: str, commit: str) -> None:
    from playbill.lineage.attestation import attestation_for

    found = attestation_for(root, commit, artifact)
    if found is None or not found.trusted:
        raise LineageError(
            f"{revision.name(commit)} is not attested by anybody whom the project trusts",
            where="conf/evaluation promotion.attestation",
            expected="a signed attestation of this commit",
            run=f"playbill verify {commit[:12]}, push its tag, then the same again",
        )
