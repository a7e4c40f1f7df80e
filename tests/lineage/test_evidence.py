"""A tag is believed only if everything that it says is found again; no older one steps in."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playbill.errors import LineageError, UsageError
from playbill.lineage import (
    bundle,
    evidence,
    git,
    gittag,
    listing,
    promotion,
    registry,
    rollback,
    signature,
    store,
    worktree,
)
from playbill.lineage.promotion import Wish
from tests.conftest import Run
from tests.promoting import passed, promote

Facts = dict[str, Any]


def _forge(root: Path, name: str, commit: str, facts: Facts | None) -> None:
    """Write a registry tag by hand, as somebody with a Git client can."""
    body = "" if facts is None else json.dumps(facts)
    git.run(root, "tag", "--force", "--annotate", "-m", f"Put it into prod\n\n{body}", name, commit)


def _refused(root: Path, ref: str | None = None) -> str:
    with pytest.raises(LineageError) as caught:
        bundle.find(root, ref)
    return caught.value.what


def _facts(root: Path, tag: str = "tiny#prod#1") -> Facts:
    found = registry.exact(root, tag)
    assert found is not None
    return registry.evidence(found.message)


@pytest.fixture
def served(history: Path) -> Path:
    """A project with `first` in production."""
    promote(history, "first")
    return history


def test_what_was_promoted_is_believed(served: Path) -> None:
    assert bundle.find(served).source == "tiny#prod#1"
    for ref in ("tiny#prod", "tiny#prod#1", "tiny@v0.0.1"):
        assert bundle.find(served, ref).commit == git.resolve(served, "first")
    (entry,) = listing.history(served)
    assert (entry["decision"], entry["problem"], entry["by"]) == ("first", "", "A Tester")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: None, "carries no evidence"),
        (lambda f: {**f, "format_version": 99}, "format 99"),
        (lambda f: {**f, "decision": "none", "gate": None}, "carries no passed gate"),
        (lambda f: {**f, "gate": {**f["gate"], "claim": "better"}}, "gate result was changed"),
        (lambda f: {**f, "gate_digest": "sha256:0"}, "gate result was changed"),
        (lambda f: _regated(f, passed=False), "gate did not pass"),
        (lambda f: _regated(f, checks=[{"name": "rows", "passed": False}]), "gate did not pass"),
        (lambda f: _regated(f, stage="dev"), "gate was for stage dev"),
        (lambda f: _regated(f, champion={"commit": "0" * 40}), "champion that was not in"),
        (lambda f: {**f, "bundle": "0" * 32 + ".dir"}, "as models/tiny/bundle, and dvc.lock"),
        (lambda f: {**f, "data": {"data/prepared": "0.dir"}}, "as data/prepared, and dvc.lock"),
        (lambda f: {**f, "metrics": {**f["metrics"], "roc_auc": 0.99}}, "metrics are not those"),
        (lambda f: {**f, "model_digest": f"{9:064}"}, "it names the model 0"),
        (lambda f: {**f, "version": "v9.9.9", "artifact": "other"}, "evidence is of the artifact"),
        (lambda f: {**f, "stage": "dev"}, "evidence is of the stage dev"),
        (lambda f: {**f, "decision": "override"}, "without a reason"),
        (lambda f: {**f, "data": ["a"]}, "not of the form"),
        (lambda f: {**f, "metrics": ["a"]}, "not of the form"),
        (lambda f: {**f, "decision": "override", "override": "x"}, "not of the form"),
        (lambda f: {**f, "decision": "rollback", "rollback": "x"}, "not of the form"),
        (lambda f: _regated(f, challenger="x"), "not of the form"),
    ],
)
def test_a_tag_of_which_a_part_was_changed_is_not_believed(
    served: Path, change: Callable[[Facts], Facts | None], words: str
) -> None:
    _forge(served, "tiny#prod#1", git.resolve(served, "first"), change(_facts(served)))
    assert words in _refused(served)
    assert words in _refused(served, "tiny#prod")


def _regated(facts: Facts, **changes: Any) -> Facts:
    """Change the gate's result and hash it again, as a careful forger would."""
    gate = evidence.seal({**facts["gate"], **changes})
    return {**facts, "gate": gate, "gate_digest": gate["digest"]}


def test_evidence_that_was_copied_to_another_commit_is_not_believed(served: Path) -> None:
    _forge(served, "tiny#prod#2", git.head(served), _facts(served))
    said = _refused(served)
    assert "is of commit" in said
    assert "tiny#prod#2" in said, "the newest tag decides: the one before does not step in"


def test_evidence_that_names_the_other_commit_still_has_the_gate_of_the_first(served: Path) -> None:
    head = git.head(served)
    facts = {**_facts(served), **evidence.gather(served, head)}
    _forge(served, "tiny#prod#2", head, facts)
    assert "its gate is about the commit" in _refused(served)


def test_a_lightweight_tag_is_no_way_around(served: Path) -> None:
    git.run(served, "tag", "tiny#prod#7", "HEAD")
    assert "lightweight" in _refused(served)


def test_a_metric_that_was_edited_and_committed_is_found(served: Path) -> None:
    path = served / "models/tiny/evaluation/metrics.json"
    path.write_text('{"roc_auc": 0.99, "rows": 300}\n')
    commit = worktree.commit(served, ["models"], "a better number")
    facts = {**_facts(served), "commit": commit}
    _forge(served, "tiny#prod#2", commit, facts)
    assert "is not the file that the pipeline wrote" in _refused(served)


def test_a_metric_that_was_edited_in_dvc_lock_too_is_not_its_bundles(served: Path) -> None:
    path = served / "models/tiny/evaluation/metrics.json"
    before = path.read_bytes()
    path.write_text('{"roc_auc": 0.99, "rows": 300}\n')
    _relock(served, _md5(before), _md5(path.read_bytes()))
    worktree.commit(served, ["models", "dvc.lock"], "a better number")
    with pytest.raises(LineageError, match="measured otherwise than the commit says"):
        promote(served, "HEAD")


def test_a_bundle_that_was_swapped_in_dvc_lock_is_not_the_one_that_was_measured(
    served: Path,
) -> None:
    other = store.output(served, "models/tiny/bundle", git.resolve(served, "first")).digest
    mine = store.output(served, "models/tiny/bundle", git.head(served)).digest
    _relock(served, mine, other)
    worktree.commit(served, ["dvc.lock"], "another model under the same measures")
    with pytest.raises(LineageError, match="measured otherwise than the commit says"):
        promote(served, "HEAD")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _relock(root: Path, old: str, new: str) -> None:
    lock = (root / "dvc.lock").read_text()
    assert old in lock
    (root / "dvc.lock").write_text(lock.replace(old, new))


def test_a_gate_must_have_met_who_was_in_the_stage(history: Path) -> None:
    promote(history, "first")
    wish = Wish("prod", allow_unpushed=True)
    candidate = promotion.prepare(history, "HEAD", wish)
    decided = passed(candidate, champion={"commit": git.head(history)})
    promotion.complete(history, candidate, wish, decided)
    assert "did not meet tiny#prod#1" in _refused(history)


def test_what_conf_demands_is_read_from_the_workspace_not_from_the_tagged_commit(
    served: Path,
) -> None:
    params = served / "params.yaml"
    text = params.read_text()
    params.write_text(text + "  promotion: {attestation: true}\n")
    assert "nobody whom the project trusts has attested" in _refused(served)
    params.write_text(text + "  promotion: {stages: [live]}\n")
    _forge(served, "tiny#prod#1", git.resolve(served, "first"), {**_facts(served), "gate": None})
    assert bundle.find(served).source == "tiny#prod#1", "prod asks for no gate here"


def test_an_override_is_believed_with_its_reason_and_shown(history: Path) -> None:
    wish = Wish("prod", override="no champion reads the new airport")
    candidate = promotion.prepare(history, "first", wish)
    override = {"reason": wish.override, "because": "the gate did not pass"}
    decided = {"decision": "override", "gate": None, "override": override}
    promotion.complete(history, candidate, wish, decided)
    assert bundle.find(history).commit == git.resolve(history, "first")
    (entry,) = listing.history(history)
    assert (entry["decision"], entry["why"]) == ("override", "no champion reads the new airport")


def test_a_rollback_brings_back_who_was_there_and_says_why(served: Path) -> None:
    promote(served, "HEAD")
    done = rollback.rollback(served, "prod", "errors at JFK")
    assert (done.version, done.tags) == ("v0.0.1", ("tiny#prod#3",))
    assert bundle.find(served).commit == git.resolve(served, "first")
    entry = listing.history(served)[-1]
    assert entry["decision"] == "rollback"
    assert entry["why"] == "back to tiny#prod#1: errors at JFK"
    with pytest.raises(LineageError, match="is in stage prod already"):
        rollback.rollback(served, "prod", "again", "v0.0.1")
    with pytest.raises(LineageError, match="DVC remote does not have"):
        rollback.rollback(served, "prod", "again", "v0.0.2")
    with pytest.raises(UsageError, match="reason is empty"):
        rollback.rollback(served, "prod", " ")


def _commit_again(root: Path, name: str) -> None:
    """Commit the same run once more: another revision, the same bundle."""
    (root / name).write_text("nothing that a run reads\n")
    worktree.commit(root, [name], name)


def test_a_second_rollback_goes_further_back_and_not_to_the_version_just_left(
    served: Path,
) -> None:
    git.run(served, "switch", "-qc", "later", "first")
    for name in ("second", "third"):
        _commit_again(served, name)
        promote(served, "HEAD")
    assert rollback.rollback(served, "prod", "worse").version == "v0.0.2"
    assert rollback.rollback(served, "prod", "still bad").version == "v0.0.1"
    with pytest.raises(
        LineageError, match=r"nobody was in stage prod.* before tiny#prod#1"
    ) as told:
        rollback.rollback(served, "prod", "even worse")
    assert "--to with one of tiny#prod#2, tiny#prod#3" in told.value.expected
    assert rollback.rollback(served, "prod", "it was good", "v0.0.3").version == "v0.0.3"
    assert rollback.rollback(served, "prod", "or not").version == "v0.0.2"


def test_a_withdrawal_counts_as_the_version_that_left(served: Path) -> None:
    promote(served, "HEAD")
    rollback.withdraw(served, "v0.0.2", "a leak")
    assert rollback.rollback(served, "prod", "the leak").version == "v0.0.1"
    with pytest.raises(LineageError, match="nobody was in stage prod"):
        rollback.rollback(served, "prod", "more")


def test_rollbacks_that_name_one_another_lead_in_no_circle(served: Path) -> None:
    first = git.resolve(served, "first")
    for number, to in ((2, 3), (3, 2)):
        back = {"from": "tiny#prod#1", "to": f"tiny#prod#{to}", "reason": "x"}
        facts = {**_facts(served), "decision": "rollback", "rollback": back}
        _forge(served, f"tiny#prod#{number}", first, facts)
    with pytest.raises(LineageError, match="nobody was in stage prod"):
        rollback.rollback(served, "prod", "back")


def test_history_sees_what_serve_sees_a_swapped_model(served: Path) -> None:
    facts = {**_facts(served), "model_digest": f"{9:064}"}
    _forge(served, "tiny#prod#1", git.resolve(served, "first"), facts)
    (entry,) = listing.history(served)
    assert "it names the model 0" in entry["problem"]
    assert entry["problem"] in _refused(served)
    shutil.rmtree(served / ".dvc" / "cache")
    shutil.rmtree(served.parent / "storage")
    assert listing.history(served)[0]["problem"] == "", "a clone alone cannot know"


def test_models_marks_a_stage_from_which_nobody_is_served(served: Path) -> None:
    assert listing.models(served)[0]["not_believed"] == {}
    _forge(served, "tiny#prod#1", git.resolve(served, "first"), {**_facts(served), "gate": None})
    (entry,) = listing.models(served)
    assert entry["stages"] == ["prod"]
    assert "no result of the gate" in entry["not_believed"]["prod"]


def test_a_rollback_to_what_is_not_believed_is_refused_and_so_is_a_forged_one(
    served: Path,
) -> None:
    promote(served, "HEAD")
    first = git.resolve(served, "first")
    facts = _facts(served)
    _forge(served, "tiny#prod#1", first, {**facts, "gate": {**facts["gate"], "passed": False}})
    with pytest.raises(LineageError, match="tiny#prod#1 is not believed"):
        rollback.rollback(served, "prod", "back")
    back = {"from": "tiny#prod#2", "to": "tiny#prod#1", "reason": "x"}
    _forge(served, "tiny#prod#3", first, {**facts, "decision": "rollback", "rollback": back})
    assert "goes back to tiny#prod#1, and its gate result was changed" in _refused(served)


def test_there_is_no_way_back_from_the_first(served: Path) -> None:
    with pytest.raises(LineageError, match="nobody was in stage prod"):
        rollback.rollback(served, "prod", "back")
    with pytest.raises(LineageError, match="was never in stage prod"):
        rollback.rollback(served, "prod", "back", "HEAD")


def test_a_withdrawn_version_is_served_under_no_name_and_the_stage_is_empty(served: Path) -> None:
    promote(served, "HEAD")
    done = rollback.withdraw(served, "tiny#prod", "a leak")
    assert (done.version, done.emptied) == ("v0.0.2", ("prod",))
    assert "stage prod of `tiny` is empty" in _refused(served)
    assert "v0.0.2 was withdrawn: a leak" in _refused(served, "tiny@v0.0.2")
    assert "v0.0.2 was withdrawn by tiny@v0.0.2!" in _refused(served, "tiny#prod#2")
    with pytest.raises(LineageError, match=r"was withdrawn as v0\.0\.2: a leak"):
        promote(served, "HEAD")
    shown = {one["version"]: one["withdrawn"] for one in listing.models(served, withdrawn=True)}
    assert shown == {"v0.0.1": None, "v0.0.2": "a leak"}
    assert [one["version"] for one in listing.models(served)] == ["v0.0.1"]
    rollback.rollback(served, "prod", "the leak")
    assert bundle.find(served).commit == git.resolve(served, "first")
    git.run(served, "commit", "-q", "--allow-empty", "-m", "the same model under another commit")
    with pytest.raises(LineageError, match=r"is that of v0\.0\.2, which was withdrawn"):
        promote(served, "HEAD")
    assert "is that of v0.0.2, which was withdrawn" in _refused(served, "HEAD")


def test_gto_reads_the_same_registry_after_rollback_and_withdrawal(served: Path) -> None:
    from gto import api

    promote(served, "HEAD")
    rollback.withdraw(served, "v0.0.2", "a leak")
    rollback.rollback(served, "prod", "the leak")
    (serving,) = api.find_versions_in_stage(str(served), "tiny", "prod")
    assert serving.version == "v0.0.1"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Two SSH keys: of somebody who is trusted, and of somebody else."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH is not installed")
    made = tmp_path / "trusted", tmp_path / "other"
    for key in made:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key.name, "-f", str(key)],
            check=True,
        )
    return made


def _demand(root: Path, key: Path) -> None:
    file = root / signature.ALLOWED
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"tester@example.org {key.with_suffix('.pub').read_text()}")


def _sign_with(root: Path, key: Path) -> None:
    git.run(root, "config", "gpg.format", "ssh")
    git.run(root, "config", "user.signingKey", str(key))


def test_where_signers_are_named_an_unsigned_or_strange_tag_is_refused(
    served: Path, keys: tuple[Path, Path]
) -> None:
    trusted, other = keys
    _demand(served, trusted)
    assert "it is not signed" in _refused(served)
    with pytest.raises(LineageError, match="asks for signed tags, and no key is named"):
        promote(served, "HEAD")
    _sign_with(served, other)
    with pytest.raises(LineageError, match="of nobody in"):
        promote(served, "HEAD")
    assert [tag.name for tag in gittag.tags(served)] == ["tiny#prod#1", "tiny@v0.0.1"]


def test_a_signed_tag_is_believed_by_us_and_by_git_and_a_changed_one_is_not(
    history: Path, keys: tuple[Path, Path]
) -> None:
    trusted, _ = keys
    _demand(history, trusted)
    _sign_with(history, trusted)
    promote(history, "first")
    assert bundle.find(history).source == "tiny#prod#1"
    allowed = f"gpg.ssh.allowedSignersFile={history / signature.ALLOWED}"
    git.run(history, "-c", allowed, "verify-tag", "tiny#prod#1")
    content = gittag.tag_object(history, "tiny#prod#1")
    assert content is not None
    gittag.replace_tag(history, "tiny#prod#1", content.replace(b'"first"', b'"gate"'))
    assert "its signature is bad" in _refused(history)


def test_where_signers_come_later_the_next_step_brings_the_served_version_back(
    served: Path, keys: tuple[Path, Path]
) -> None:
    _demand(served, keys[0])
    for ref in ("tiny#prod", "tiny@v0.0.1"):
        with pytest.raises(LineageError, match="it is not signed") as told:
            bundle.find(served, ref)
        assert told.value.run.startswith("playbill promote tiny@v0.0.1 --stage prod")
    _sign_with(served, keys[0])
    assert promote(served, "tiny@v0.0.1").tags == ("tiny#prod#2",)
    for ref in ("tiny#prod", "tiny@v0.0.1"):
        assert bundle.find(served, ref).commit == git.resolve(served, "first")
    assert "it is not signed" in _refused(served, "tiny#prod#1")
    _forge(served, "tiny@v0.0.1", git.head(served), _facts(served))
    assert "it is not signed" in _refused(served, "tiny@v0.0.1"), "it vouches for its commit alone"


def test_history_believes_what_was_there_before_signers_were_named_and_nothing_back_dated(
    served: Path, keys: tuple[Path, Path]
) -> None:
    def problems() -> dict[str, str]:
        return {one["tag"]: one["problem"] for one in listing.history(served)}

    promote(served, "HEAD", "staging")
    _demand(served, keys[0])
    worktree.commit(served, ["conf"], "Name who may sign")
    assert all("it is not signed" in what for what in problems().values()), "nobody vouches yet"
    _forge(served, "tiny#dev#3", git.head(served), _facts(served))
    _sign_with(served, keys[0])
    done = promote(served, "tiny@v0.0.1")
    assert done.tags == ("tiny#prod#4",)
    assert list(done.facts["before_signatures"]) == ["tiny#prod#1", "tiny#staging#2"]
    assert "tiny#prod#1, tiny#staging#2" in done.notes[-1]
    after = problems()
    assert [after[name] for name in ("tiny#prod#1", "tiny#staging#2", "tiny#prod#4")] == [""] * 3
    assert "it is not signed" in after["tiny#dev#3"], "its commit names the signers already"
    told = {one["tag"]: one["before_signatures"] for one in listing.history(served)}
    assert [name for name, before in told.items() if before] == ["tiny#prod#1", "tiny#staging#2"]
    assert "it is not signed" in _refused(served, "tiny#prod#1"), "it is no more than history"

    first, facts = git.resolve(served, "first"), _facts(served)
    for back_dated in ("tiny#old#2", "tiny#prod#5"):
        _forge(served, back_dated, first, facts)
    _forge(served, "tiny#staging#2", first, {**facts, "stage": "staging"})
    promote(served, "HEAD")
    after = problems()
    for name in ("tiny#old#2", "tiny#prod#5", "tiny#staging#2", "tiny#dev#3"):
        assert "it is not signed" in after[name], name
    assert "before_signatures" not in _facts(served, "tiny#prod#6")


def test_an_attestation_that_comes_after_the_promotion_does_as_well(served: Path, run: Run) -> None:
    from tests.lineage.test_attestation import keep, make_key, name_key

    params = served / "params.yaml"
    params.write_text(params.read_text() + "  promotion: {attestation: true}\n")
    first = git.resolve(served, "first")
    with pytest.raises(LineageError, match="nobody whom the project trusts") as told:
        bundle.find(served)
    assert told.value.run.startswith(f"playbill verify {first[:12]} --push")
    key = make_key(served.parent / "keys", run)
    name_key(served, key, trusted=False)
    keep(served, first)
    assert "nobody whom the project trusts" in _refused(served), "its signer is nobody's"
    public = key.with_name("key.pub").read_text()
    (served / signature.ALLOWED).write_text(f"ci@example.org {public}")
    found = evidence.problems(served, registry.stages(served)[0].tag)
    (unsigned,) = found
    assert unsigned.what.startswith("it is not signed"), "the attestation itself is believed"


@pytest.mark.parametrize(
    ("reference", "words"),
    [("tinny#prod", "`tiny` is the nearest name"), ("tny@v0.0.1", "`tiny` is the nearest name"),
     ("tiny#prdo", "`prod` is the nearest name")],
)  # fmt: skip
def test_a_name_that_is_nearly_right_is_answered_with_the_nearest(
    served: Path, reference: str, words: str
) -> None:
    with pytest.raises(LineageError) as told:
        bundle.find(served, reference)
    assert words in told.value.expected


def test_a_tag_that_leads_to_one_this_clone_lacks_says_how_to_fetch_it(served: Path) -> None:
    promote(served, "HEAD")
    rollback.rollback(served, "prod", "errors at JFK")
    git.run(served, "tag", "-d", "tiny#prod#1")
    with pytest.raises(LineageError, match="which this clone does not have") as told:
        bundle.find(served)
    assert told.value.run == "git fetch origin tag 'tiny#prod#1'"


def test_a_shallow_clone_serves_a_tag_that_it_fetched(served: Path) -> None:
    worktree.push(served, "refs/tags/tiny#prod#1", "refs/tags/tiny@v0.0.1")
    clone = served.parent / "shallow"
    origin = f"file://{served.parent / 'origin.git'}"
    git.run(served, "clone", "-q", "--depth=1", origin, str(clone))
    git.run(clone, "fetch", "-q", "--depth=1", "origin", "tag", "tiny#prod#1")
    assert bundle.find(clone).commit == git.resolve(served, "first")
