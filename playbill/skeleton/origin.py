"""The files of this repository that a new project starts with: its stages, workflows, Git's rules.

In a checkout they are read where they stand; a wheel carries them (setup.py). So there is one text
of each, and what is tested here is what others get.
"""

import re
from pathlib import Path

from playbill.errors import InstalledError

OWN = frozenset({"flights.py"})  # of stages/: the reference project's source
REQUIREMENTS = "requirements.txt"
INSTALL = f"pip install -c constraints.txt -r {REQUIREMENTS}"
_HERE_INSTALL = re.compile(r"pip install -c constraints\.txt -e '\.\[[\w,]+\]'")
# Jobs of each workflow that a project has too; the others build and test the framework.
_JOBS = {
    "pull-request.yml": (
        "What a pull request must show: the pipeline itself, and what it changes.",
        ("pipeline", "comment"),
    ),
    "release.yml": ("A tag decides: NAME#prod#3 puts a model into production.", ("model",)),
    "drift-and-retrain.yml": (
        "Has the data moved away from what the model learned? If so, retrain and ask for a review.",
        ("retrain",),
    ),
}
_JOB = re.compile(r"^  ([a-z][\w-]*):\n", re.MULTILINE)


def files() -> dict[str, str]:
    """Return the text of every file by its path in a new project.

    Raises:
        InstalledError: The installed distribution lacks them.
    """
    root = _folder()
    found = {
        f"stages/{path.name}": path.read_text("utf-8")
        for path in sorted((root / "stages").glob("*.py"))
        if path.name not in OWN
    }
    for path in sorted((root / "conf" / "env").glob("*.yaml")):
        found[f"conf/env/{path.name}"] = path.read_text("utf-8")
    for name in _JOBS:
        text = (root / ".github" / "workflows" / name).read_text("utf-8")
        found[f".github/workflows/{name}"] = _workflow(name, text)
    for name in (".gitattributes", ".dvcignore"):
        found[name] = (root / name).read_text("utf-8")
    return found


def _folder() -> Path:
    here = Path(__file__).resolve().parent
    for folder in (here / "origin", here.parents[1]):
        if (folder / "stages" / "train.py").is_file():
            return folder
    raise InstalledError(
        "this installation of Playbill lacks the files that a new project starts with",
        where="playbill/skeleton/origin",
        expected="a wheel, or a checkout of the repository",
        run="pip install --force-reinstall playbill",
    )


def _workflow(name: str, text: str) -> str:
    """Return a workflow with a project's jobs alone, which install what a project names."""
    said, jobs = _JOBS[name]
    head, line, body = text.partition("\njobs:\n")
    _, named, settings = head.partition("name: ")
    cuts = [(found[1], found.start()) for found in _JOB.finditer(body)]
    ends = [start for _, start in cuts[1:]] + [len(body)]
    kept = [
        body[start:end].rstrip() + "\n"
        for (job, start), end in zip(cuts, ends, strict=True)
        if job in jobs
    ]
    settings = settings.replace('tags: ["v[0-9]*", ', "tags: [")
    return _HERE_INSTALL.sub(INSTALL, f"# {said}\n{named}{settings}{line}" + "\n".join(kept))
