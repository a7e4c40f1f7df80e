"""Retraining as a commit: the window moves in conf/, the pipeline runs, a branch says what came."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config import place, recorded
from playbill.config.compilation import COMPILED, compile_project, write
from playbill.config.editing import fold
from playbill.config.matrix import steps
from playbill.config.params import read_params
from playbill.config.schema import Params
from playbill.config.source import Window
from playbill.errors import PlaybillError, StageError, UsageError
from playbill.evaluation import table
from playbill.lineage import git, registry, worktree
from playbill.pipeline.contest import compare_revisions

if TYPE_CHECKING:
    from collections.abc import Iterator

Say = Callable[[str], None]
_BACK = (
    "Close this pull request; nothing was promoted. After a merge: `git revert` the commit, then "
    "`dvc checkout`."
)


@dataclass(frozen=True)
class Wish:
    """What is asked of a retraining.

    Attributes:
        window: The new window.
        branch: Name of the new branch; None: after the model and the window.
        evidence: Markdown to put into the report, such as the drift report.
        push: Push the branch to the Git remote.
        push_data: Push the bytes to the DVC remote.
    """

    window: Window
    branch: str | None = None
    evidence: Path | None = None
    push: bool = False
    push_data: bool = True


@dataclass(frozen=True)
class Retrained:
    """What a retraining left behind.

    Attributes:
        branch: The new branch, checked out.
        commit: Its commit.
        report: Its report, relative to the project.
        window: The new window.
        before: The window that the champion learned from.
        gate: The gate's evidence on the new hold-out; None if it could not answer.
        pushed: True if the branch was pushed.
    """

    branch: str
    commit: str
    report: str
    window: Window
    before: Window
    gate: dict[str, Any] | None
    pushed: bool


def retrain(root: Path, wish: Wish, say: Say) -> Retrained:
    """Move the window in conf/, run the pipeline, compare, commit on a branch, push.

    Raises:
        UsageError: The window is the present one, values are recorded, or files are changed.
        StageError: The pipeline failed; the branch is gone and conf/ is as it was.
    """
    params = _ready(root, wish)
    champion = git.head(root)
    branch = branch_of(root, wish)
    with _on_branch(root, branch):
        say(f"moving the window to {wish.window.start} .. {wish.window.end} (branch {branch})")
        moved = {"source.window.start": str(wish.window.start),
                 "source.window.end": str(wish.window.end)}  # fmt: skip
        fold(root, {}, moved)
        write(root, compile_project(root))
        _dvc(root, "repro")
        say("asking the gate")
        found, gated = _ask(root, champion, say)
        report = _write_report(root, params, wish, champion, gated)
        commit = worktree.commit(root, _paths(root, params, report), _message(params, wish.window))
    if wish.push_data:
        say("pushing the bytes to the DVC remote")
        remote = place.current(root).remote
        _dvc(root, "push", *(["--remote", remote] if remote else []))
    if wish.push:
        say(f"pushing {branch}")
        worktree.push(root, branch)
    return Retrained(branch, commit, report, wish.window, params.source.window, found, wish.push)


def _ready(root: Path, wish: Wish) -> Params:
    git.identity(root)
    place.current(root)
    params = read_params(root)
    if recorded.read(root):
        raise UsageError(
            "values of an experiment are recorded in conf/recorded.yaml",
            expected="a project whose own files say everything",
            run="playbill adopt (or `git restore conf/recorded.yaml`), and commit",
        )
    if changed := worktree.changed(root, ["conf", "stages", *COMPILED, "dvc.lock"]):
        raise UsageError(
            f"there are uncommitted changes: {', '.join(changed[:5])}",
            expected="a committed state to start the branch from",
            run="git commit, or git stash",
        )
    if wish.window == params.source.window:
        raise UsageError(
            f"the model was trained on {wish.window.start} .. {wish.window.end} already",
            where="conf/source, window",
            expected="another window",
            run="playbill retrain --by 1m",
        )
    if wish.evidence is not None and not wish.evidence.is_file():
        raise UsageError(
            f"there is no file {wish.evidence}", expected="the Markdown of `playbill drift`"
        )
    return params


def branch_of(root: Path, wish: Wish) -> str:
    """Return the name of the branch that a retraining makes."""
    window = wish.window
    return wish.branch or f"retrain/{read_params(root).name}-{window.start}-{window.end}"


def is_waiting(root: Path, branch: str) -> bool:
    """Say whether the branch exists, here or at a remote: its retraining waits for a review."""
    git.head(root)
    names = git.run(root, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    return any(name.endswith(f"/{branch}") for name in names.decode().split())


@contextmanager
def _on_branch(root: Path, branch: str) -> "Iterator[None]":
    """Work on a new branch; on failure go back to where it started and take the branch away."""
    before = git.branch(root) or git.head(root)
    if is_waiting(root, branch):
        raise UsageError(
            f"the branch {branch} exists already",
            expected="a new branch",
            run=f"git branch -D {branch}, or playbill retrain --branch NAME",
        )
    worktree.switch(root, branch, create=True)
    try:
        yield
    except BaseException:
        git.run(root, "restore", "--staged", "--worktree", "--", "conf", *_compiled(root))
        git.run(root, "checkout", "--quiet", before)
        git.run(root, "branch", "-D", branch)
        raise


def _compiled(root: Path) -> list[str]:
    listed = git.run(root, "ls-files", "--", *COMPILED, "dvc.lock", "models", "data")
    return listed.decode().splitlines()


def _dvc(root: Path, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter, literal arguments
        [sys.executable, "-m", "dvc", *words], cwd=root, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise StageError(
            f"`dvc {' '.join(words)}` failed",
            where=f"dvc {words[0]}; its own words stand above",
            run="mend what it names, then `playbill retrain` again",
        )


def _ask(root: Path, base: str, say: Say) -> tuple[dict[str, Any] | None, str]:
    """Return the gate's evidence about the new model, and Markdown of it.

    It meets whoever is in production, else the model of the commit that the branch starts from.
    """
    from playbill.evaluation import verdict
    from playbill.pipeline import gate

    champion = None if gate.in_stage(root, registry.PRODUCTION) else base
    try:
        found = gate.gate(root, gate.WORKSPACE, champion, say=say).evidence
    except PlaybillError as error:
        return None, f"## The gate cannot answer\n\n{error.what}"
    return found, verdict.as_markdown(found)


def _write_report(root: Path, params: Params, wish: Wish, champion: str, gated: str) -> str:
    before, after = params.source.window, wish.window
    parts = [
        f"# {params.name}: retrained on {after.start} .. {after.end}",
        f"The model of `{champion[:12]}` learned from {before.start} .. {before.end}.",
        gated,
        "## Each on its own hold-out",
        table.as_markdown(compare_revisions(root, [champion])),
    ]
    if wish.evidence is not None:
        parts += ["## Why", wish.evidence.read_text("utf-8")]
    parts += ["## To go back", _BACK]
    path = f"models/{params.name}/retrain.md"
    (root / path).write_text(
        "\n\n".join(part.strip() for part in parts) + "\n", "utf-8", newline="\n"
    )
    return path


def _paths(root: Path, params: Params, report: str) -> list[str]:
    """Return what the commit holds: conf, the compiled files, and what Git keeps of the outputs."""
    found = ["conf", *COMPILED, "dvc.lock", report]
    for step in steps(params).values():
        found += [*step.metrics.values(), *step.texts.values()]
        for path in step.outputs.values():
            ignore = Path(path).parent / ".gitignore"
            found += [ignore.as_posix()] if (root / ignore).is_file() else []
    return sorted({path for path in found if (root / path).exists()})


def _message(params: Params, window: Window) -> str:
    return f"Retrain {params.name} on {window.start} .. {window.end}"


def as_dict(done: Retrained) -> dict[str, Any]:
    """Return the result for `--json`."""
    return {
        "branch": done.branch,
        "commit": done.commit,
        "report": done.report,
        "window": {"start": str(done.window.start), "end": str(done.window.end)},
        "before": {"start": str(done.before.start), "end": str(done.before.end)},
        "pushed": done.pushed,
        "gate": done.gate,
    }
