"""Checks an attestation: whose it is, which commit it is about, and every file that it names."""

from dataclasses import dataclass
from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import attestation, bundle, git
from playbill.pipeline.verification import statement


@dataclass(frozen=True)
class Checked:
    """What checking an attestation found.

    Attributes:
        attestation: The attestation.
        right: Files whose content is as attested.
        wrong: Files whose content is not.
        absent: Files that neither Git, DVC's cache nor its remote has.
        lock: True if dvc.lock of the commit is the one that was verified.
    """

    attestation: attestation.Attestation
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    absent: tuple[str, ...]
    lock: bool

    @property
    def holds(self) -> bool:
        """Say whether a trusted signer attested exactly this commit and these files."""
        return self.attestation.trusted and self.lock and not self.wrong


def check(root: Path, where: str) -> Checked:
    """Check an attestation: its signature, its commit, and every file that it names.

    Args:
        root: The project.
        where: A file with an envelope, or a revision that has one.

    Raises:
        LineageError: There is no attestation, or its commit is not in this clone.
    """
    found = _named(root, where)
    commit = git.resolve(root, found.commit) if found.commit else ""
    told = attestation.commit_of(found.statement)
    if not commit or told != commit:
        raise LineageError(
            "the attestation is about another commit",
            where=found.tag or where,
            expected=f"{commit[:12]}, found {told[:12] or 'none'}",
        )
    built = found.statement["predicate"].get("buildDefinition", {})
    named = [*found.statement.get("subject", []), *built.get("resolvedDependencies", [])]
    files = {
        str(r["name"]): r["digest"]["sha256"] for r in named if "sha256" in r.get("digest", {})
    }
    right, wrong, absent = list[str](), list[str](), list[str]()
    for name, digest in files.items():
        place = statement.at_hand(root, commit, name)
        kind = absent if place is None else right if statement.sha256(place) == digest else wrong
        kind.append(name)
    same = attestation.lock_of(found.statement) == attestation.lock_digest(root, commit)
    return Checked(found, tuple(right), tuple(wrong), tuple(absent), same)


def _named(root: Path, where: str) -> attestation.Attestation:
    file = Path(where)
    if file.is_file():
        return attestation.parse(root, file.read_text("utf-8"))
    commit = bundle.commit_of(root, where)
    found = attestation.attestation_for(root, commit)
    if found is None:
        raise LineageError(
            f"`{where}` is not attested",
            where=f"no sound attestation of {commit[:12]} among the tags of this clone",
            expected="a tag that `playbill verify` made",
            run=f"git fetch --tags, or: playbill verify {where}",
        )
    return found
