"""`playbill promote` and `playbill models`: what is refused, what is tagged, what is listed."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from playbill.cli.gate import gate
from playbill.cli.history import history as past
from playbill.cli.models import models
from playbill.cli.promote import promote
from playbill.cli.rollback import rollback
from playbill.cli.withdraw import withdraw
from playbill.errors import LineageError, PlaybillError
from playbill.lineage import bundle, git, gittag, registry, worktree

METRICS = Path("models", "tiny", "evaluation", "metrics.json")


@pytest.fixture
def project(history: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(history)
    return history


def _run(command: object, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    return CliRunner().invoke(app, arguments)


def _promote(*arguments: str) -> str:
    result = _run(promote, *arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def _refused(*arguments: str) -> PlaybillError:
    result = _run(promote, *arguments)
    assert isinstance(result.exception, PlaybillError), result.output + repr(result.exception)
    return result.exception


def test_a_promotion_tags_version_and_stage_and_prints_the_push(project: Path) -> None:
    said = _promote("first", "--stage", "prod", "--version", "v1.2.0")
    assert "tiny v1.2.0 is in stage prod: tiny@v1.2.0, tiny#prod#1" in said
    assert "git push origin 'tiny@v1.2.0' 'tiny#prod#1'" in said
    assert git.run(project, "ls-remote", "--tags", "origin") == b""


def test_the_tags_carry_what_the_commit_holds(project: Path) -> None:
    _promote("first")
    (version,) = registry.versions(project)
    assert version.tag.commit == git.resolve(project, "first")
    facts = version.evidence
    assert facts["commit"] == git.resolve(project, "first")
    assert facts["metrics"] == {"roc_auc": 0.61, "rows": 300}
    assert facts["model_digest"] == f"{1:064}"
    assert facts["bundle"].endswith(".dir")
    assert list(facts["data"]) == ["data/prepared"]
    serving = registry.stages(project)[0].evidence
    assert facts.items() <= serving.items()
    assert (serving["decision"], serving["gate"]["passed"]) == ("first", True)
    assert serving["gate_digest"] == serving["gate"]["digest"]


def test_push_sends_both_tags_and_a_clone_sees_them(project: Path) -> None:
    said = json.loads(_promote("first", "--push", "--json"))
    assert (said["version"], said["pushed"]) == ("v0.0.1", True)
    clone = project.parent / "clone"
    git.run(project, "clone", "-q", "../origin.git", str(clone))
    assert [tag.name for tag in gittag.tags(clone)] == ["tiny#prod#1", "tiny@v0.0.1"]


def test_a_bundle_that_nobody_else_can_fetch_is_refused(project: Path) -> None:
    error = _refused("HEAD")
    assert "DVC remote does not have models/tiny/bundle" in error.what
    assert "dvc push" in error.run
    assert gittag.tags(project) == []
    said = _promote("HEAD", "--allow-unpushed")
    assert "note: the DVC remote does not have the bundle" in said


def test_results_that_were_not_committed_are_refused(project: Path) -> None:
    (project / METRICS).write_text('{"roc_auc": 0.99}\n')
    error = _refused("HEAD", "--allow-unpushed")
    assert METRICS.as_posix() in error.what
    assert "git commit" in error.run
    assert _promote("first")  # another commit does not depend on the workspace


def test_a_commit_whose_own_values_never_ran_is_refused(project: Path) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("seed: 2", "seed: 3"))
    worktree.commit(project, ["params.yaml"], "Another seed, and no run")
    error = _refused("HEAD", "--allow-unpushed", "--override", "in a hurry")
    assert "is not of that commit" in error.what
    assert "was told another `seed` than params.yaml has" in error.where
    assert error.run.startswith("dvc repro")
    for challenger in ("HEAD", "workspace"):
        asked = _run(gate, "--champion", "first", "--challenger", challenger).exception
        assert isinstance(asked, LineageError)
        assert "was told another `seed` than params.yaml has" in asked.where


def test_a_commit_whose_conf_was_never_compiled_is_refused(project: Path) -> None:
    config = next(iter(sorted((project / "conf").glob("*.yaml"))), project / "conf" / "config.yaml")
    config.parent.mkdir(exist_ok=True)
    before = config.read_text() if config.is_file() else ""
    config.write_text(f"{before}\n# a comment says nothing\n")
    worktree.commit(project, ["conf"], "A comment")
    assert _run(gate, "--champion", "first").exit_code in (0, 1)
    config.write_text(f"{before}\nfloor_of_mine: 0.99\n")
    worktree.commit(project, ["conf"], "Another floor, and no run")
    error = _refused("HEAD", "--allow-unpushed", "--override", "in a hurry")
    assert "conf/ says otherwise than params.yaml was compiled from" in error.where
    asked = _run(gate, "--champion", "first").exception
    assert isinstance(asked, LineageError)
    assert asked.where == error.where


def test_metrics_that_somebody_edited_are_refused(project: Path) -> None:
    (project / METRICS).write_text('{"roc_auc": 0.99, "rows": 300}\n')
    worktree.commit(project, [METRICS.as_posix()], "a better number")
    assert "is not the file that the pipeline wrote" in _refused("HEAD", "--allow-unpushed").what


def test_a_revision_without_a_bundle_is_refused(project: Path) -> None:
    assert "no pipeline ran there" in _refused("first~1").what
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text().replace("models/tiny/bundle", "models/tiny/other"))
    worktree.commit(project, ["dvc.lock"], "no bundle")
    assert "models/tiny/bundle is not an output" in _refused("HEAD").what


def test_a_bundle_that_is_nowhere_is_refused_even_unpushed(project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")
    assert "neither in DVC's cache" in _refused("HEAD", "--allow-unpushed").what


def test_the_same_promotion_twice_is_refused_and_going_back_is_not(project: Path) -> None:
    _promote("first")
    assert "is in stage prod already, by tiny#prod#1" in _refused("tiny@v0.0.1").what
    _promote("HEAD", "--allow-unpushed", "--bump", "minor")
    assert "tiny v0.0.1 is in stage prod: tiny#prod#3" in _promote("tiny@v0.0.1")
    assert [one.version for one in registry.versions(project)] == ["v0.0.1", "v0.1.0"]


@pytest.mark.usefixtures("project")
def test_a_second_stage_keeps_the_version() -> None:
    _promote("first", "--stage", "staging")
    assert "tiny v0.0.1 is in stage prod: tiny#prod#2" in _promote("first")
    assert "registered as v0.0.1 already" in _refused("first", "--version", "v3.0.0").what


@pytest.mark.usefixtures("project")
def test_a_version_never_moves() -> None:
    _promote("first", "--version", "v1.0.0")
    error = _refused("HEAD", "--allow-unpushed", "--version", "v1.0.0")
    assert "tiny v1.0.0 is registered already" in error.what


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["first", "--version", "v3"], "is not a version"),
        (["first", "--version", "v1.0.0", "--bump", "major"], "both given"),
        (["first", "--stage", "two words"], "cannot name a stage"),
        (["frist"], "`frist` is no revision"),
        (["tiny@v9.0.0"], "no registered version v9.0.0"),
    ],
)
def test_wrong_words_are_refused_before_any_tag(
    project: Path, arguments: list[str], words: str
) -> None:
    assert words in _refused(*arguments).what
    assert gittag.tags(project) == []


def test_an_unknown_author_is_refused_before_any_tag(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NAME", "EMAIL"):
        monkeypatch.delenv(f"GIT_COMMITTER_{name}")
    assert "does not know who you are" in _refused("first").what
    assert gittag.tags(project) == []


def test_a_shallow_clone_may_not_promote(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git.run(project, "clone", "-q", "--depth=1", f"file://{project}", "../shallow")
    monkeypatch.chdir(project.parent / "shallow")
    assert _refused("HEAD").run == "git fetch --unshallow --tags"


def test_models_lists_versions_with_stages_and_metrics(project: Path) -> None:
    assert "no model is registered yet" in _run(models).stdout
    _promote("first", "--version", "v1.0.0")
    _promote("first", "--stage", "staging")
    _promote("HEAD", "--allow-unpushed")
    head, first, second = _run(models).stdout.splitlines()
    assert head.split() == ["model", "version", "stage", "commit", "date", "roc_auc"]
    assert first.split()[:3] == ["tiny", "v1.0.0", "staging"]
    assert second.split()[:3] == ["tiny", "v1.0.1", "prod"]
    assert second.split()[-1] == "0.6200"
    assert git.head(project)[:7] in second


def test_models_as_json_has_every_metric_and_the_whole_commit(project: Path) -> None:
    _promote("first")
    read = json.loads(_run(models, "--json").stdout)
    (entry,) = read["models"]
    assert entry["metrics"] == {"roc_auc": 0.61, "rows": 300}
    assert entry["commit"] == git.resolve(project, "first")
    assert entry["stages"] == ["prod"]
    assert entry["by"] == "A Tester"


def test_a_tag_of_another_tool_is_listed_without_metrics(project: Path) -> None:
    git.run(project, "tag", "-am", "by hand", "tiny@v5.0.0")
    assert "tiny" in _run(models).stdout
    assert json.loads(_run(models, "--json").stdout)["models"][0]["metrics"] == {}


def test_the_gate_says_yes_with_zero_and_no_with_one(project: Path) -> None:
    said = _run(gate, "--challenger", "first")
    assert said.exit_code == 0
    assert said.stdout.startswith("Gate passed - tiny, stage prod")
    assert "no floor is declared in conf/evaluation" in said.stdout
    refused = _run(gate, "--champion", "quiet-moth", "--challenger", "first", "--markdown", "g.md")
    assert refused.exit_code == 1
    text = (project / "g.md").read_text()
    assert text.startswith("## Gate refused")
    assert "| NO  | metric | roc_auc not worse by more than 0.1: " in text
    assert "95% confidence" in text
    as_json = json.loads(_run(gate, "--challenger", "first", "--json").stdout)
    assert (as_json["passed"], as_json["kind"]) == (True, "first")


def test_a_gate_that_wants_better_does_not_say_not_worse_of_what_it_refuses(project: Path) -> None:
    _promote("first", "--allow-unpushed")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("margin: 0.1", "margin: 0.1, rule: superior"))
    said = _run(gate, "--challenger", "workspace")
    assert said.exit_code == 1
    assert said.stdout.startswith("Gate refused: not shown to be better - tiny, stage prod")
    params.write_text(params.read_text().replace("rule: superior", "floors: {roc_auc: 0.99}"))
    said = _run(gate, "--challenger", "workspace")
    assert said.stdout.startswith("Gate refused: a floor is not kept - tiny, stage prod")


@pytest.mark.usefixtures("project")
def test_a_withdrawal_names_the_command_that_fills_the_stage_again() -> None:
    _promote("first")
    _promote("HEAD", "--push")
    assert _run(rollback, "--reason", "errors at JFK").exit_code == 0
    gone = _run(withdraw, "tiny#prod", "--reason", "a leak")
    line = next(line for line in gone.stdout.splitlines() if line.startswith("stage prod"))
    assert "playbill rollback --stage prod --to 'tiny#prod#2' --reason" in line
    bare = _run(rollback, "--reason", "there is no version before the first").exception
    assert isinstance(bare, LineageError)
    assert _run(rollback, "--to", "tiny#prod#2", "--reason", "back").exit_code == 0


@pytest.mark.usefixtures("project")
def test_nobody_enters_production_whom_the_gate_refuses_but_by_override() -> None:
    _promote("quiet-moth", "--allow-unpushed")
    refused = _run(promote, "first")
    assert refused.exit_code == 1
    assert "Gate refused" in refused.stdout
    assert "nothing was tagged" in refused.stderr
    said = json.loads(_promote("first", "--override", "the moth bites", "--json"))
    assert said["facts"]["decision"] == "override"
    assert said["facts"]["gate"]["passed"] is False
    shown = _run(past)
    assert shown.exit_code == 0
    assert "the moth bites" in shown.stdout.splitlines()[-1]
    assert "the override has no reason" in _refused("HEAD", "--override", " ").what


def test_an_override_of_a_missing_attestation_is_recorded_though_the_gate_passes(
    project: Path,
) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text() + "  promotion: {attestation: true}\n")
    assert "is not attested by anybody" in _refused("first").what
    said = json.loads(_promote("first", "--override", "no time to verify", "--json"))
    assert said["facts"]["gate"]["passed"] is True
    assert (said["facts"]["decision"], said["facts"]["override"]["reason"]) == (
        "override",
        "no time to verify",
    )
    assert "attested" in said["facts"]["override"]["because"]
    assert bundle.find(project, "tiny#prod").commit == git.resolve(project, "first")


def test_a_withdrawn_commit_is_served_under_no_name_and_never_promoted_again(
    project: Path,
) -> None:
    _promote("first")
    assert _run(withdraw, "v0.0.1", "--reason", "a leak").exit_code == 0
    for name in ("first", git.resolve(project, "first")):
        with pytest.raises(LineageError, match="a leak"):
            bundle.find(project, name)
    assert "was withdrawn" in _refused("first", "--override", "it was no leak").what


def test_a_stage_that_asks_for_no_gate_is_entered_without_one(project: Path) -> None:
    said = json.loads(_promote("first", "--stage", "dev", "--json"))
    assert said["facts"]["decision"] == "none"
    assert registry.stages(project)[0].stage == "dev"


def test_push_brings_the_bytes_to_the_remote_before_the_tags(project: Path) -> None:
    assert "does not have models/tiny/bundle" in _refused("HEAD").what
    _promote("HEAD", "--push")
    clone = project.parent / "clone"
    git.run(project, "clone", "-q", "../origin.git", str(clone))
    shutil.rmtree(project / ".dvc" / "cache")
    assert (bundle.find(clone, "tiny#prod").path / "manifest.json").is_file()


def test_without_a_dvc_remote_promotion_says_how_to_go_on(project: Path) -> None:
    config = project / ".dvc" / "config"
    config.write_text("")
    git.run(project, "commit", "-qam", "no remote")
    error = _refused("HEAD")
    assert "no DVC remote is configured" in error.what
    assert "dvc remote add -d" in error.run
    assert "only this clone's cache has the bundle" in _promote("HEAD", "--allow-unpushed")


def test_rollback_withdraw_and_history_tell_who_served_when_and_why(project: Path) -> None:
    assert "nobody was put into a stage yet" in _run(past).stdout
    _promote("first")
    _promote("HEAD", "--push")
    back = json.loads(_run(rollback, "--reason", "errors at JFK", "--json").stdout)
    assert (back["version"], back["tags"]) == ("v0.0.1", ["tiny#prod#3"])
    gone = _run(withdraw, "v0.0.2", "--reason", "a leak")
    assert "tiny v0.0.2 is withdrawn: tiny@v0.0.2!" in gone.stdout
    assert "git push origin 'tiny@v0.0.2!'" in gone.stdout
    emptied = _run(withdraw, "tiny#prod", "--reason", "a leak too")
    assert "stage prod is empty; next: playbill promote REV --stage prod" in emptied.stdout
    told = _run(past, "--json")
    assert told.exit_code == 0, "what was withdrawn held at its time"
    shown = json.loads(told.stdout)["history"]
    assert [one["decision"] for one in shown] == ["first", "gate", "rollback", "withdrawn"]
    assert shown[1]["why"].startswith("not worse by roc_auc")
    assert shown[3]["why"] == "a leak too"
    assert {one["by"] for one in shown} == {"A Tester"}
    everything = _run(models, "--all").stdout
    assert everything.count("withdrawn") == 2
    assert "no model is registered yet" in _run(models).stdout
    assert git.branch(project) == "main"


def test_a_reason_of_many_lines_stays_one_row_and_writes_nothing_to_the_terminal(
    project: Path,
) -> None:
    _promote("quiet-moth", "--allow-unpushed")
    _promote("first", "--override", "one\n  two\x1b[31m\tthree")
    rows = _run(past).stdout.splitlines()
    assert len(rows) == 3
    assert rows[-1].endswith("one two[31m three")
    assert "\x1b" not in rows[-1]
    assert registry.stages(project)[-1].evidence["override"]["reason"].startswith("one\n")


def test_models_says_that_nobody_is_served_from_a_tag_that_does_not_hold(project: Path) -> None:
    _promote("first")
    git.run(project, "tag", "-f", "-am", "by hand", "tiny#prod#1", "first")
    shown = _run(models)
    assert "prod (NOT BELIEVED)" in shown.stdout
    assert "nobody is served tiny#prod, whose tag does not hold: it carries no" in shown.stdout


def test_the_gate_says_that_a_run_which_nobody_committed_was_not_asked_about(
    project: Path,
) -> None:
    assert "note:" not in _run(gate, "--challenger", "HEAD").stderr
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text() + "\n")
    said = _run(gate, "--champion", "HEAD", "--json")
    assert "note: not committed in the workspace: dvc.lock" in said.stderr
    assert "--challenger workspace" in said.stderr
    assert any("a model met itself" in note for note in json.loads(said.stdout)["notes"])


def test_tags_that_could_not_be_pushed_are_said_to_stand_here(project: Path) -> None:
    _promote("first")
    _promote("quiet-moth", "--allow-unpushed", "--override", "another")
    hook = project.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    error = _run(rollback, "--reason", "x", "--push").exception
    assert isinstance(error, LineageError)
    assert "tiny#prod#3 made here, but not pushed" in error.what
    assert error.run == "git push origin 'tiny#prod#3'"
    git.run(project, "remote", "remove", "origin")
    assert isinstance(_run(withdraw, "v0.0.2", "--reason", "x", "--push").exception, LineageError)
    assert [tag.name for tag in gittag.tags(project, "*!*")] == [], "nothing without a remote"


def test_a_shallow_clone_does_not_take_an_unknown_champion_for_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _promote("first", "--push")
    git.run(project, "clone", "-q", "--depth=1", "--no-tags", f"file://{project}", "../shallow")
    monkeypatch.chdir(project.parent / "shallow")
    refused = _run(gate).exception
    assert isinstance(refused, LineageError)
    assert refused.run == "git fetch --unshallow --tags"
    for command in (models, past):
        assert "this clone is shallow and may lack tags" in _run(command).stdout


def test_history_shows_a_tag_that_is_not_believed_and_exits_with_one(project: Path) -> None:
    _promote("first")
    git.run(project, "tag", "-f", "-am", "by hand", "tiny#prod#2", "HEAD")
    shown = _run(past)
    assert shown.exit_code == 1
    assert "NOT BELIEVED: it carries no evidence" in shown.stdout
