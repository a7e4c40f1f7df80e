"""Attestations: sealed with a key, kept in a tag, found from a clone, refused when altered."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from playbill.errors import LineageError
from playbill.lineage import attestation, git, gittag, registration, registry, signature, worktree
from tests.conftest import Run


def statement(root: Path, commit: str, lock: str | None = None) -> dict[str, Any]:
    sha = lock or attestation.lock_digest(root, commit)
    return {
        "_type": attestation.STATEMENT,
        "subject": [{"name": "models/tiny/bundle/manifest.json", "digest": {"sha256": "0" * 64}}],
        "predicateType": attestation.PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:playbill:verify:1",
                "externalParameters": {},
                "resolvedDependencies": [{"digest": {"gitCommit": commit}}],
            },
            "runDetails": {
                "builder": {"id": "urn:playbill:verify"},
                "metadata": {"playbill_verdict": "identical"},
                "byproducts": [{"name": "dvc.lock", "digest": {"sha256": sha}}],
            },
        },
    }


def make_key(folder: Path, run: Run, name: str = "key") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name, cwd=folder)
    return folder / name


def name_key(project: Path, key: Path, *, trusted: bool = True) -> None:
    place = project / "conf" / "env"
    place.mkdir(parents=True, exist_ok=True)
    (place / "local.yaml").write_text(f"signing_key: {key}\n")
    if trusted:
        public = key.with_name(f"{key.name}.pub").read_text()
        (place / "allowed_signers").write_text(
            f'ci@example.org namespaces="playbill-attestation" {public}'
        )


@pytest.fixture
def signed(history: Path, run: Run) -> Path:
    """The project with a past, a key to sign with, and the key among those it trusts."""
    name_key(history, make_key(history.parent / "keys", run))
    return history


def keep(project: Path, commit: str, lock: str | None = None) -> str:
    envelope = attestation.seal(project, statement(project, commit, lock))
    return attestation.keep(project, envelope, commit, "tiny", "Attest tiny")


def test_an_attestation_is_found_for_its_commit_from_another_clone(
    signed: Path, run: Run, tmp_path: Path
) -> None:
    commit = git.resolve(signed, "first")
    tag = keep(signed, commit)
    worktree.push(signed, f"refs/tags/{tag}")
    clone = tmp_path / "clone"
    run("git", "clone", "-q", str(signed.parent / "origin.git"), str(clone), cwd=tmp_path)
    (clone / "conf" / "env").mkdir(parents=True)
    trusted = (signed / signature.ALLOWED).read_text()
    (clone / signature.ALLOWED).write_text(trusted)
    found = attestation.attestation_for(clone, commit)
    assert found is not None
    assert found.signature == signature.Checked("trusted", "ci@example.org")
    assert found.trusted
    assert (found.commit, found.tag, found.verdict) == (commit, tag, "identical")
    assert found.digest.startswith(f"sha256:{tag.rpartition('/')[2]}")
    assert attestation.attestation_for(clone, git.resolve(clone, "main")) is None


def test_the_signature_is_one_that_openssh_verifies_by_itself(signed: Path, tmp_path: Path) -> None:
    envelope = json.loads(attestation.seal(signed, statement(signed, git.head(signed))))
    body = base64.b64decode(envelope["payload"])
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    kind = "application/vnd.in-toto+json"
    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", signed / signature.ALLOWED, "-I", "ci@example.org",
         "-n", "playbill-attestation", "-s", tmp_path / "sig"],
        input=f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode() + body,
        check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done


def test_the_registry_takes_no_notice_of_an_attestation(signed: Path) -> None:
    keep(signed, git.head(signed))
    assert registry.versions(signed) == []
    assert registration.register(signed, "tiny", git.head(signed), {}) == "tiny@v0.0.1"
    assert [one.version for one in registry.versions(signed)] == ["v0.0.1"]


def test_an_unknown_signer_is_no_trusted_one_and_a_trusted_attestation_comes_first(
    signed: Path, run: Run
) -> None:
    commit = git.head(signed)
    mine = keep(signed, commit)
    name_key(signed, make_key(signed.parent / "keys", run, "other"), trusted=False)
    other = attestation.seal(signed, statement(signed, commit))
    assert attestation.parse(signed, other).signature.trust == "unknown"
    attestation.keep(signed, other, commit, "tiny", "Attest tiny")
    assert len(attestation.attestations(signed)) == 2
    found = attestation.attestation_for(signed, commit)
    assert found is not None
    assert found.tag == mine


def test_without_a_key_it_is_unsigned_and_says_so(history: Path) -> None:
    commit = git.head(history)
    keep(history, commit)
    found = attestation.attestation_for(history, commit)
    assert found is not None
    assert found.signature.trust == "unsigned"
    assert not found.trusted


def test_git_s_own_signing_key_is_taken_where_conf_names_none(history: Path, run: Run) -> None:
    key = make_key(history.parent / "keys", run)
    run("git", "config", "gpg.format", "ssh", cwd=history)
    run("git", "config", "user.signingKey", str(key), cwd=history)
    envelope = attestation.seal(history, statement(history, git.head(history)))
    assert attestation.parse(history, envelope).signature.trust == "unknown"


def test_a_changed_payload_or_a_signature_for_something_else_is_bad(signed: Path) -> None:
    commit = git.head(signed)
    sealed = json.loads(attestation.seal(signed, statement(signed, commit)))
    changed = statement(signed, commit)
    changed["subject"][0]["digest"]["sha256"] = "1" * 64
    payload = json.dumps(changed, sort_keys=True, separators=(",", ":")).encode()
    swapped = sealed | {"payload": base64.b64encode(payload).decode()}
    assert attestation.parse(signed, json.dumps(swapped)).signature.trust == "bad"
    assert attestation.parse(signed, json.dumps(sealed)).signature.trust == "trusted"
    elsewhere = signature.sign(signed, attestation.encoding(payload), "git")
    assert elsewhere is not None
    sealed["signatures"][0]["sig"] = base64.b64encode(elsewhere.encode()).decode()
    assert attestation.parse(signed, json.dumps(sealed)).signature.trust == "bad"


def test_an_attestation_moved_to_another_commit_counts_as_none(signed: Path) -> None:
    first, main = git.resolve(signed, "first"), git.head(signed)
    envelope = attestation.seal(signed, statement(signed, first))
    attestation.keep(signed, envelope, main, "tiny", "Attest tiny")
    assert attestation.attestation_for(signed, main) is None
    keep(signed, main, lock="2" * 64)
    assert attestation.attestation_for(signed, main) is None


def test_a_tag_that_holds_something_else_is_passed_over(signed: Path) -> None:
    commit = git.head(signed)
    for number, text in enumerate(("hello", "{", '{"payload": 1}', '{"payload": "e30="}', "{}")):
        gittag.annotate(signed, f"attestation/tiny/{number}", commit, f"x\n\n{text}\n")
    assert attestation.attestation_for(signed, commit) is None


def test_a_key_that_is_not_there_is_named(history: Path) -> None:
    name_key(history, history / "nowhere", trusted=False)
    with pytest.raises(LineageError, match="nowhere"):
        attestation.seal(history, {})
