"""Attestations: what `playbill verify` proved of a commit, signed, kept in a Git tag.

An attestation is a DSSE envelope with one in-toto v1 Statement whose predicate is SLSA provenance
v1. It stands as one line of JSON in the message of the annotated tag `attestation/<model>/<digest>`
on the commit that it is about, so that it comes with every clone, is pushed like a promotion, and
changes no file of the commit. Sources: the DSSE protocol and envelope v1.0 and the in-toto
Statement v1 of the in-toto project, provenance v1 of the SLSA project.
"""

import base64
import binascii
import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import git, gittag, registry, revision, signature

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
NAMESPACE = "playbill-attestation"
TAGS = "attestation"
_SHOWN = 12  # letters of a digest in a tag's name


@dataclass(frozen=True)
class Attestation:
    """An attestation and what is known of it.

    Attributes:
        digest: `sha256:` and the digest of the envelope, byte by byte: what a promotion names.
        statement: The in-toto Statement.
        signature: Whose it is.
        tag: The tag that carries it; empty for a file.
        commit: The commit that the tag points to, or that the statement names.
        envelope: The envelope's line.
    """

    digest: str
    statement: dict[str, Any]
    signature: signature.Checked
    tag: str
    commit: str
    envelope: str

    @property
    def trusted(self) -> bool:
        """Say whether a signer whom the project allows has signed it."""
        return self.signature.trust == "trusted"

    @property
    def verdict(self) -> str:
        """What was found: `identical` or `equivalent`."""
        details = self.statement.get("predicate", {}).get("runDetails", {})
        return str(details.get("metadata", {}).get("playbill_verdict", ""))

    @property
    def platform(self) -> dict[str, Any]:
        """The platform on which everything was run again; empty if it is not said."""
        built = self.statement.get("predicate", {}).get("buildDefinition", {})
        found = built.get("internalParameters", {}).get("platform")
        return found if isinstance(found, dict) else {}


def attestation_for(root: Path, commit: str, artifact: str | None = None) -> Attestation | None:
    """Return the attestation of a commit; None if no clone has pushed one that holds.

    Of several a trusted one comes first, then the newest. One whose signature is bad, or that is
    about another commit or another dvc.lock than it stands on, counts as none.

    Args:
        root: The project.
        commit: The full id of the commit.
        artifact: The model as the registry names it; default: the commit's own.
    """
    found = [one for one in attestations(root, artifact, commit) if _holds(root, one)]
    return min(found, key=lambda one: not one.trusted, default=None)


def attestations(
    root: Path, artifact: str | None = None, commit: str | None = None
) -> list[Attestation]:
    """Return every attestation that this clone has of a model, the newest first."""
    name = artifact or registry.artifact(root, revision.model_name(root, commit))
    tags = gittag.tags(root, f"{_folder(name)}/*")
    newest = sorted(tags, key=lambda tag: (tag.date, tag.name), reverse=True)
    mine = [tag for tag in newest if commit in (None, tag.commit)]
    found = []
    for tag in mine:
        with contextlib.suppress(LineageError):  # anybody may write a tag; what is none, is none
            found.append(parse(root, _line(tag.message), tag=tag.name, commit=tag.commit))
    return found


def seal(root: Path, statement: dict[str, Any]) -> str:
    """Return the envelope of a statement: signed if a key is named, else without a signature.

    Raises:
        LineageError: The key is missing, or ssh-keygen refused.
    """
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    signed = signature.sign(root, encoding(payload), NAMESPACE)
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"sig": base64.b64encode(signed.encode()).decode()}] if signed else [],
    }
    return json.dumps(envelope, sort_keys=True, separators=(",", ":"))


def encoding(payload: bytes, kind: str = PAYLOAD) -> bytes:
    """Return what a signature is made over: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def parse(root: Path, envelope: str, *, tag: str = "", commit: str = "") -> Attestation:
    """Read an envelope and check its signature.

    Raises:
        LineageError: It is not a DSSE envelope around an in-toto Statement v1.
    """
    line = envelope.strip()
    try:
        outer = json.loads(line)
        payload = base64.b64decode(outer["payload"], validate=True)
        statement = json.loads(payload)
        signatures = [base64.b64decode(each["sig"]).decode() for each in outer["signatures"]]
        kinds = outer["payloadType"], statement["_type"], statement["predicateType"]
        commit = commit or commit_of(statement)
        lock_of(statement)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise LineageError(
            "this is no attestation",
            where=tag,
            expected="a DSSE envelope as `playbill verify` writes it",
            run="playbill verify REF",
        ) from error
    if kinds != (PAYLOAD, STATEMENT, PROVENANCE):
        raise LineageError(
            f"this attests something else: {' '.join(map(str, kinds))}",
            where=tag,
            expected=f"{STATEMENT} with {PROVENANCE}",
        )
    checked = signature.check(
        root, encoding(payload), signatures[0] if signatures else None, NAMESPACE
    )
    return Attestation(digest_of(line), statement, checked, tag, commit, line)


def digest_of(envelope: str) -> str:
    """Return the digest by which a promotion names an envelope."""
    return f"sha256:{hashlib.sha256(envelope.encode()).hexdigest()}"


def commit_of(statement: dict[str, Any]) -> str:
    """Return the commit that a statement is about; empty if it names none."""
    built = statement.get("predicate", {}).get("buildDefinition", {})
    for each in built.get("resolvedDependencies", []):
        if sha := each.get("digest", {}).get("gitCommit"):
            return str(sha)
    return ""


def lock_of(statement: dict[str, Any]) -> str:
    """Return the SHA-256 of the dvc.lock that a statement is about; empty if it names none."""
    details = statement.get("predicate", {}).get("runDetails", {})
    for each in details.get("byproducts", []):
        if each.get("name") == revision.LOCK:
            return str(each.get("digest", {}).get("sha256", ""))
    return ""


def keep(root: Path, envelope: str, commit: str, artifact: str, subject: str) -> str:
    """Put an envelope into an annotated tag on the commit that it is about; return the tag.

    The same envelope again gives the same tag.
    """
    digest = hashlib.sha256(envelope.encode()).hexdigest()
    name = f"{_folder(artifact)}/{digest[:_SHOWN]}"
    gittag.annotate(root, name, commit, f"{subject}\n\n{envelope}\n")
    return name


def lock_digest(root: Path, commit: str) -> str:
    """Return the SHA-256 of dvc.lock as committed."""
    return hashlib.sha256(git.read(root, commit, revision.LOCK)).hexdigest()


def _holds(root: Path, one: Attestation) -> bool:
    about = commit_of(one.statement) == one.commit
    same = lock_of(one.statement) == lock_digest(root, one.commit)
    return about and same and one.signature.trust != "bad"


def _folder(artifact: str) -> str:
    return f"{TAGS}/{artifact.replace(':', '=')}"


def _line(message: str) -> str:
    return next((line for line in message.splitlines() if line.startswith("{")), "")
