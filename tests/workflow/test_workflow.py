"""The workflows are sound: pinned, least privileged, free of injection, runnable at a desk."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from playbill.cli import main

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.joinpath(".github", "workflows").glob("*.yml"))
ACTION = re.compile(
    r"uses: actions/(cache|checkout|setup-python|upload-artifact)@[0-9a-f]{40} # v\d+\.\d+\.\d+"
)
# What a `run:` line may call; what is longer belongs into a command of Playbill.
PROGRAMS = {
    "actionlint", "cat", "dvc", "exit", "gh", "git", "lint-imports", "mypy", "pip", "playbill",
    "pytest", "python", "ruff", "zizmor",
}  # fmt: skip
TOP = ("permissions", "jobs", "concurrency", "defaults")

every_workflow = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


def runs(path: Path) -> Iterator[str]:
    yield from (step["run"] for step in steps(path) if "run" in step)


def said_by(*command: str) -> str:
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    return finished.stdout + finished.stderr if finished.returncode else ""


def script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_three_workflows_exist() -> None:
    assert [path.stem for path in FILES] == ["drift-and-retrain", "pull-request", "release"]


def test_actionlint_finds_nothing() -> None:
    # Without the optional shell checkers: the answer must not depend on what a machine has.
    assert said_by(script("actionlint"), "-shellcheck=", "-pyflakes=", *map(str, FILES)) == ""


def test_zizmor_finds_nothing_even_when_pedantic() -> None:
    assert said_by(script("zizmor"), "--offline", "--pedantic", *map(str, FILES)) == ""


@every_workflow
def test_every_action_is_pinned_by_commit_and_names_its_version(path: Path) -> None:
    uses = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not ACTION.fullmatch(line.strip(" -"))] == []


@every_workflow
def test_an_action_has_one_pin_in_all_workflows(path: Path) -> None:
    everywhere = "\n".join(other.read_text(encoding="utf-8") for other in FILES)
    for name in {match[1] for match in ACTION.finditer(path.read_text(encoding="utf-8"))}:
        assert len(set(re.findall(rf"uses: actions/{name}@(.*)", everywhere))) == 1


@every_workflow
def test_a_workflow_may_only_read_and_a_job_says_what_more_it_needs(path: Path) -> None:
    assert workflow(path)["permissions"] == {"contents": "read"}
    assert set(TOP) <= set(workflow(path))


def test_only_the_comment_and_the_retraining_may_write() -> None:
    writers = {
        (path.stem, name)
        for path in FILES
        for name, job in workflow(path)["jobs"].items()
        if "write" in job.get("permissions", {}).values()
    }
    assert writers == {("pull-request", "comment"), ("drift-and-retrain", "retrain")}


def test_the_job_that_comments_runs_nothing_of_the_pull_request() -> None:
    job = workflow(ROOT / ".github/workflows/pull-request.yml")["jobs"]["comment"]
    assert {step["run"].split()[0] for step in job["steps"]} == {"gh"}


@every_workflow
def test_no_clone_keeps_a_credential(path: Path) -> None:
    checkouts = [s for s in steps(path) if s.get("uses", "").startswith("actions/checkout@")]
    assert [s for s in checkouts if s["with"].get("persist-credentials") is not False] == []


@every_workflow
def test_the_token_reaches_only_steps_that_run_git_or_gh(path: Path) -> None:
    for step in steps(path):
        if "GH_TOKEN" in step.get("env", {}):
            assert step["run"].split()[0] in {"gh", "git"}
    assert "secrets." not in path.read_text(encoding="utf-8")


@every_workflow
def test_every_job_ends_in_time(path: Path) -> None:
    assert all("timeout-minutes" in job for job in workflow(path)["jobs"].values())


@every_workflow
def test_every_run_is_one_line_of_a_known_program_without_an_expression(path: Path) -> None:
    for line in runs(path):
        assert "\n" not in line
        assert "${{" not in line
        assert line.split()[0] in PROGRAMS


def command_lines() -> list[tuple[str, ...]]:
    """Return each `playbill` line's words up to a shell operator."""
    found = set()
    for path in FILES:
        for line in runs(path):
            words = shlex.split(line)
            if words[0] == "playbill":
                end = next((i for i, word in enumerate(words) if word in {"||", "&&", ">>"}), None)
                found.add(tuple(words[1:end]))
    return sorted(found)


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_that_a_workflow_calls_exists_with_its_options(
    words: tuple[str, ...],
) -> None:
    name, *arguments = words
    assert name in main.COMMANDS
    if not main.app.registered_commands:
        main._register()
    root: Any = typer.main.get_command(main.app)
    known = {option for parameter in root.commands[name].params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known
