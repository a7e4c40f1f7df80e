"""A place is chosen when something starts, holds names of secrets only, and leaves no trace."""

import os
from pathlib import Path

import pytest
import yaml

from playbill.config import place
from playbill.config.composition import compose
from playbill.config.place import Place
from playbill.errors import ConfigError, UsageError
from playbill.lineage import git, store
from tests.conftest import Run

ROOT = Path(__file__).resolve().parents[2]


def put(project: Path, name: str, text: str) -> None:
    folder = project / "conf" / "env"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def test_without_a_file_and_without_a_choice_a_place_says_nothing(project: Path) -> None:
    assert place.current(project) == Place()


def test_local_is_the_place_that_nobody_chose(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "local", "remote: here\n")
    put(project, "prod", "remote: there\n")
    assert place.current(project).remote == "here"
    monkeypatch.setenv("PLAYBILL_ENV", "prod")
    assert place.current(project).remote == "there"


def test_an_option_wins_over_the_variable_and_reaches_what_is_started(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYBILL_ENV", "prod")
    place.choose("ci")
    assert os.environ["PLAYBILL_ENV"] == "ci"
    put(project, "ci", "remote: there\n")
    assert place.current(project).remote == "there"


def test_a_place_that_does_not_exist_names_the_nearest(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "prod", "")
    monkeypatch.setenv("PLAYBILL_ENV", "prd")
    with pytest.raises(UsageError, match="no place `prd`") as caught:
        place.current(project)
    assert "`prod`" in caught.value.expected


def test_every_problem_of_a_place_is_told_with_its_line_and_no_value(project: Path) -> None:
    put(project, "local", "remot: x\nsecrets:\n  - GOOD\n  - hunter2-the-value\n")
    with pytest.raises(ConfigError) as caught:
        place.current(project)
    text = str(caught.value)
    assert "conf/env/local.yaml:1 remot" in text
    assert "`remote`" in text
    assert "conf/env/local.yaml:4 secrets.1" in text
    assert "hunter2" not in text


def test_a_place_cannot_read_the_environment_either(project: Path) -> None:
    put(project, "local", "remote: ${oc.env:HOME}\n")
    with pytest.raises(ConfigError, match="reads the environment"):
        place.current(project)


def test_a_secret_is_asked_for_by_a_declared_name_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "local", "secrets: [DATABASE_PASSWORD]\n")
    monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="DATABASE_PASSWORD is not set"):
        place.secret("DATABASE_PASSWORD", project)
    monkeypatch.setenv("DATABASE_PASSWORD", "s3cret")
    assert place.secret("DATABASE_PASSWORD", project) == "s3cret"
    with pytest.raises(ConfigError, match="not declared") as caught:
        place.secret("DATABASE_PASWORD", project)
    assert "`DATABASE_PASSWORD`" in caught.value.expected


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf" / "env").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_place_of_the_reference_project_is_valid(path: Path) -> None:
    Place.model_validate(yaml.safe_load(path.read_text("utf-8")))


def test_a_place_is_never_composed(project: Path) -> None:
    before = compose(project)
    put(project, "local", "remote: here\nsecrets: [TOKEN]\n")
    after = compose(project)
    assert (after.values, after.choices) == (before.values, before.choices)


@pytest.mark.pipeline
def test_neither_a_place_nor_its_file_changes_what_is_compiled_or_run(tiny: Path, run: Run) -> None:
    run("dvc", "repro", cwd=tiny)
    compiled = [(tiny / name).read_bytes() for name in ("params.yaml", "dvc.yaml", "dvc.lock")]
    put(tiny, "prod", "remote: elsewhere\nsecrets: [TOKEN_OF_PROD]\n")
    again = run("dvc", "repro", cwd=tiny, PLAYBILL_ENV="prod", TOKEN_OF_PROD="planted-value")
    assert "Running stage" not in again.stdout
    run("dvc", "repro", "-f", cwd=tiny, PLAYBILL_ENV="prod", TOKEN_OF_PROD="planted-value")
    run("playbill", "compose", "--check", cwd=tiny, PLAYBILL_ENV="prod")
    names = ("params.yaml", "dvc.yaml", "dvc.lock")
    assert [(tiny / name).read_bytes() for name in names] == compiled


@pytest.mark.pipeline
def test_a_stage_started_for_a_place_that_does_not_exist_says_so(tiny: Path, run: Run) -> None:
    put(tiny, "prod", "")
    done = run("python", "-m", "stages.gather", cwd=tiny, check=False, PLAYBILL_ENV="prd")
    assert done.returncode == 2
    assert "there is no place `prd`" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_which_secret_is_missing_and_shows_none(tiny: Path, run: Run) -> None:
    put(tiny, "prod", "remote: storage\nsecrets: [PRESENT_TOKEN, ABSENT_TOKEN]\n")
    done = run("playbill", "doctor", "--env", "prod", cwd=tiny, check=False, PRESENT_TOKEN="s3cret")
    assert done.returncode == 1
    assert "ABSENT_TOKEN is not set" in done.stdout
    assert "PRESENT_TOKEN" not in done.stdout
    assert "prod, 2 secrets named" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


def test_doctor_names_a_remote_that_dvc_does_not_know(tiny: Path, run: Run) -> None:
    put(tiny, "prod", "remote: storag\n")
    done = run("playbill", "doctor", "--env", "prod", cwd=tiny, check=False)
    assert "storag has no URL" in done.stdout


def test_the_remote_of_the_place_is_the_one_that_is_asked(
    history: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("dvc", "remote", "add", "-q", "other", "../other", cwd=history)
    put(history, "prod", "remote: other\n")
    first = git.resolve(history, "first")
    assert store.missing_in_remote(history, "models/tiny/bundle", first) == []
    monkeypatch.setenv("PLAYBILL_ENV", "prod")
    assert store.missing_in_remote(history, "models/tiny/bundle", first)
