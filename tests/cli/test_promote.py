"""`playbill promote` and `playbill models`: what is refused, what is tagged, what is listed."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from playbill.cli.models import models
from playbill.cli.promote import promote
from playbill.errors import PlaybillError
from playbill.lineage import git, registry, worktree

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
    assert [tag.name for tag in git.tags(clone)] == ["tiny#prod#1", "tiny@v0.0.1"]


def test_a_bundle_that_nobody_else_can_fetch_is_refused(project: Path) -> None:
    error = _refused("HEAD")
    assert "DVC remote does not have models/tiny/bundle" in error.what
    assert "dvc push" in error.run
    assert git.tags(project) == []
    said = _promote("HEAD", "--allow-unpushed")
    assert "note: the DVC remote does not have the bundle" in said


def test_results_that_were_not_committed_are_refused(project: Path) -> None:
    (project / METRICS).write_text('{"roc_auc": 0.99}\n')
    error = _refused("HEAD", "--allow-unpushed")
    assert METRICS.as_posix() in error.what
    assert "git commit" in error.run
    assert _promote("first")  # another commit does not depend on the workspace


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
    assert git.tags(project) == []


def test_an_unknown_author_is_refused_before_any_tag(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NAME", "EMAIL"):
        monkeypatch.delenv(f"GIT_COMMITTER_{name}")
    assert "does not know who you are" in _refused("first").what
    assert git.tags(project) == []


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
