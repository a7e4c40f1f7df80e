"""Makes a project's folder: files, Git, DVC, the compiled files, a first commit."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config import recorded
from playbill.config.outcome import Task
from playbill.errors import LineageError, UsageError
from playbill.lineage import git
from playbill.skeleton import origin
from playbill.skeleton.sample import SAMPLES

if TYPE_CHECKING:
    from playbill.skeleton.own import Own

NAME = re.compile(r"[a-z][a-z0-9_-]*")
BRANCH = "main"
EXTRA = "serve"
# The template of each file by its place in the project.
TEMPLATES = {
    "conf/config.yaml": "config.yaml.j2",
    "conf/source/{name}.yaml": "source.yaml.j2",
    "conf/contract/{name}.yaml": "contract.yaml.j2",
    "conf/feature/{name}.yaml": "feature.yaml.j2",
    "conf/evaluation/{name}.yaml": "evaluation.yaml.j2",
    "conf/server/{name}.yaml": "server.yaml.j2",
    "stages/sample.py": "sample.py.j2",
    "README.md": "README.md.j2",
    "requirements.txt": "requirements.txt.j2",
    ".gitignore": "gitignore.j2",
}
# With a table of the user's own some are others, and some are not needed.
OWN = {
    "source.yaml.j2": "own_source.yaml.j2",
    "feature.yaml.j2": "own_feature.yaml.j2",
    "contract.yaml.j2": None,
    "sample.py.j2": None,
}


@dataclass(frozen=True)
class Created:
    """What was made.

    Attributes:
        root: The project's folder.
        files: Paths of the files that a person edits, sorted.
        commit: The first commit; empty if Git does not know who would make it.
    """

    root: Path
    files: tuple[str, ...]
    commit: str


def create(root: Path, name: str, task: Task, own: "Own | None" = None) -> Created:
    """Make a project that runs at once, on a sample of this task or a table of the user's.

    Inside a Git repository it becomes a project of a subfolder, else a repository of its own.
    If something fails, nothing is left of it.

    Args:
        root: Its folder, which must be new or empty.
        name: Name of the model: lower-case letters, digits, `_` and `-`.
        task: What the sample predicts.
        own: The user's table, which is copied into the project; then the task is its own.

    Raises:
        UsageError: The name cannot be one, or the folder holds something.
        PlaybillError: Git or DVC refused.
    """
    check_name(name)
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise UsageError(
            f"{root} is not empty: nothing was written",
            expected="a folder that does not exist yet, or an empty one",
            run=f"playbill new {root}-2",
        )
    with _undone(root):
        said = _sampled(task) if own is None else _owned(own)
        texts = {**origin.files(), **_rendered(name, said), "constraints.txt": constraints()}
        texts["conf/recorded.yaml"] = recorded.EMPTY
        for path, text in texts.items():
            _write(root / path, text)
        _begin(root, name)
        if own is not None:
            own.bring(root)
            _call(root, "dvc", "add", "--quiet", own.path)
        _call(root, "playbill", "compose")
        return Created(root, tuple(sorted(texts)), _commit(root, name))


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a model, a folder and a file.

    Raises:
        UsageError: It has other characters.
    """
    if not NAME.fullmatch(name):
        near = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_0123456789") or "churn"
        raise UsageError(
            f"`{name}` cannot be the name of a model",
            expected="lower-case letters, digits, `_` and `-`, a letter first",
            run=f"playbill new {near}",
        )


def constraints() -> str:
    """Return what pins the packages of this environment that Playbill and its server need."""
    found: dict[str, str] = {}
    _collect("playbill", {EXTRA}, found, set())
    found.pop("playbill", None)
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found))


def _collect(name: str, extras: set[str], found: dict[str, str], seen: set[str]) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return  # another platform's or an extra's
    found[canonicalize_name(name)] = distribution.version
    for text in distribution.requires or []:
        each = Requirement(text)
        if each.marker is None or any(
            each.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        ):
            key = f"{canonicalize_name(each.name)}[{','.join(sorted(each.extras))}]"
            if key not in seen:
                seen.add(key)
                _collect(each.name, set(each.extras), found, seen)


def _sampled(task: Task) -> dict[str, Any]:
    sample = SAMPLES[task]
    return {
        "sample": sample, "own": None, "question": sample.question, "split": sample.split,
        "model": sample.model,
    }  # fmt: skip


def _owned(own: "Own") -> dict[str, Any]:
    plain = "random" if own.task == "regression" else "stratified"
    return {
        "sample": None, "own": own, "question": f"What is {own.found.target}?",
        "split": "time" if own.first else plain,
        "model": "boosting_regressor" if own.task == "regression" else "boosting",
    }  # fmt: skip


def _rendered(name: str, said: dict[str, Any]) -> dict[str, str]:
    title = re.sub(r"[-_]+", " ", name).strip().capitalize()
    found = {}
    for place, template in TEMPLATES.items():
        theirs = (OWN if said["own"] else {}).get(template, template)
        if theirs is not None:
            found[place.format(name=name)] = _fill(theirs, {"name": name, "title": title, **said})
    if own := said["own"]:
        found[f"conf/contract/{name}.yaml"] = own.contract
    return found


def _fill(template: str, values: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("playbill.skeleton", "template"),
        autoescape=False,  # noqa: S701 - YAML, Python and Markdown; the name is checked
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def _begin(root: Path, name: str) -> None:
    """Make the folder known to Git and DVC, and this clone able to merge what is compiled."""
    from playbill.pipeline.diagnosis import mend

    within = git.is_repository(root)
    if not within:
        git.run(root, "init", "--quiet", f"--initial-branch={BRANCH}")
    _call(root, "dvc", "init", "--quiet", *(["--subdir"] if within else []))
    storage = git.top(root).parent / f"{name}-storage"
    _write(
        root / ".dvc" / "config",
        "[core]\n    remote = storage\n[hydra]\n    enabled = True\n"
        f"['remote \"storage\"']\n    url = {Path(relpath(storage, root / '.dvc')).as_posix()}\n",
    )
    mend(root)


def _commit(root: Path, name: str) -> str:
    """Commit everything; without a name for it leave it staged."""
    git.run(root, "add", "--all", ".")
    try:
        git.identity(root)
    except LineageError:
        return ""
    git.run(root, "commit", "--quiet", "--message", f"Start {name}", "--", ".")
    return git.head(root)


def _call(root: Path, module: str, *words: str) -> None:
    """Run a command of this environment in the new project."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", module, *words],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LineageError(
            f"`{module} {words[0]}` failed in the new project, which was removed: {said}",
            where=str(root),
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def _undone(root: Path) -> Iterator[None]:
    """Take away what was made of a folder if it cannot be finished."""
    existed = root.is_dir()
    root.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if existed:
            for each in root.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        else:
            shutil.rmtree(root)
        raise
