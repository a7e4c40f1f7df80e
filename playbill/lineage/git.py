"""What Git knows, asked of the `git` executable; nothing here knows DVC or models, nor acts.

Every function takes the project's root first, which may be a subfolder of the Git root; paths are
relative to the project. A revision is a full commit id unless a function says otherwise.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from playbill.errors import LineageError

# What a hook or an outer `git` leaves in the environment and would lead to another repository.
# GIT_CONFIG_COUNT and its keys stay: CI passes credentials through them.
LEAKS = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_EXPERIMENT = re.compile(r"^refs/exps/(?P<base>[0-9a-f]{2}/[0-9a-f]{38})/(?P<name>.+)$")


def run(root: Path, *arguments: str) -> bytes:
    """Return what `git ARGUMENTS` prints when it runs in `root`.

    Raises:
        LineageError: git is not installed, or it exited with an error, which the text quotes.
    """
    done = call(root, arguments)
    if done.returncode:
        raise LineageError(
            f"`git {' '.join(arguments[:2])}` failed: {last_words(done.stderr)}",
            where=str(root),
            run=f"git {' '.join(arguments)}",
        )
    return done.stdout


def call(
    root: Path, arguments: Sequence[str], feed: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run git in `root`, give it `feed` to read, and return what became of it, an error too.

    Raises:
        LineageError: git is not installed, or `root` is no folder.
    """
    program = shutil.which("git")
    if program is None:
        raise LineageError(
            "git is not installed, or not on the PATH",
            expected="Git 2.30 or later",
            run="install it from https://git-scm.com",
        )
    if not root.is_dir():
        raise LineageError(f"the folder {root} does not exist", expected="the project's root")
    environment = {name: value for name, value in os.environ.items() if name not in LEAKS}
    # Never wait at a terminal for a password, never translate what `top` looks for.
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(  # noqa: S603 - the arguments are built here, no shell reads them
        [program, *arguments],
        cwd=root,
        env=environment,
        input=feed,
        capture_output=True,
        check=False,
    )


def top(root: Path) -> Path:
    """Return the root of the Git work tree that the project lies in.

    Raises:
        LineageError: There is no Git repository here, or Git refuses to read it.
    """
    done = call(root, ["rev-parse", "--show-toplevel"])
    if done.returncode == 0:
        return Path(line(done.stdout)).resolve()
    words = last_words(done.stderr)
    if "dubious ownership" in done.stderr.decode(errors="replace"):
        raise LineageError(
            "Git refuses to read this repository: it belongs to another user",
            where=str(root),
            run=f"git config --global --add safe.directory {root}",
        )
    raise LineageError(
        f"this project is not in a Git repository ({words})",
        where=str(root),
        expected="a clone; Git is where Playbill keeps every decision",
        run="git init && git add . && git commit -m 'Start the project'",
    )


def prefix(root: Path) -> str:
    """Return the project's folder inside the Git root, as `teams/flights`; empty at the root."""
    inside = root.resolve().relative_to(top(root)).as_posix()
    return "" if inside == "." else inside


def is_repository(root: Path) -> bool:
    """Say whether git is installed and `root` lies in a Git work tree."""
    try:
        top(root)
    except LineageError:
        return False
    return True


def head(root: Path) -> str:
    """Return the commit that is checked out.

    Raises:
        LineageError: Nothing was committed yet.
    """
    top(root)
    if sha := _commit(root, "HEAD"):
        return sha
    raise LineageError(
        "this repository has no commit yet",
        where=str(root),
        run="git add . && git commit -m 'Start the project'",
    )


def resolve(root: Path, revision: str) -> str:
    """Return the commit that a branch, tag, commit, remote branch or DVC experiment names.

    A branch that only a remote has may be named without the remote, as for `git switch`.

    Raises:
        LineageError: Nothing has this name, or several have.
    """
    now = head(root)
    if revision.strip() and not revision.startswith("-"):
        if sha := _commit(root, revision):
            return sha
        if found := _experiment(root, revision, now) or _remote_branch(root, revision):
            return found
    shallow = is_shallow(root)
    near = get_close_matches(revision, _names(root), n=3, cutoff=0.6)
    raise LineageError(
        f"`{revision}` is no revision of this repository",
        where="a shallow clone, which lacks the older history" if shallow else "",
        expected=("one of " + ", ".join(near)) if near else "a branch, tag, commit or experiment",
        run="git fetch --unshallow --tags" if shallow else "git fetch --all --tags",
    )


def read(root: Path, revision: str, path: str) -> bytes:
    """Return a file of the project as it was committed in `revision`.

    Raises:
        LineageError: The revision has no such file.
    """
    content = read_if_any(root, revision, path)
    if content is None:
        raise LineageError(
            f"{path} is not in revision {revision[:12]}",
            expected="a revision in which it was committed",
            run=f"git log --oneline -- {path}",
        )
    return content


def read_if_any(root: Path, revision: str, path: str) -> bytes | None:
    """Return a file as it was committed in `revision`, or None if it has no such file."""
    done = call(root, ["cat-file", "blob", f"{revision}:./{path}"])
    return None if done.returncode else done.stdout


def branch(root: Path) -> str | None:
    """Return the name of the current branch; None when HEAD is detached."""
    done = call(root, ["symbolic-ref", "--quiet", "--short", "HEAD"])
    return line(done.stdout) or None


def identity(root: Path) -> tuple[str, str]:
    """Return the name and e-mail address that Git would sign a commit or tag with.

    Raises:
        LineageError: They are not set; Git's guess from the host's name is not taken.
    """
    done = call(root, ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"])
    match = re.match(r"^(?P<name>.+) <(?P<mail>[^>]+)> ", done.stdout.decode(errors="replace"))
    if done.returncode or not match:
        raise LineageError(
            "Git does not know who you are, and a decision needs a name",
            expected="user.name and user.email",
            run="git config user.name 'Your Name' && git config user.email you@example.org",
        )
    return match["name"], match["mail"]


def has_commit(root: Path, commit: str) -> bool:
    """Say whether this clone has a commit; a shallow one may have a tag and not what it tags."""
    return call(root, ["cat-file", "-e", f"{commit}^{{commit}}"]).returncode == 0


def experiments(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the DVC experiments: by name, each (commit it started from, its own commit)."""
    out = run(root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in out.decode(errors="replace").splitlines():
        reference, _, sha = entry.rpartition(" ")
        if match := _EXPERIMENT.match(reference):
            found.setdefault(match["name"], []).append((match["base"].replace("/", ""), sha))
    return found


def blob(root: Path, revision: str, path: str) -> str:
    """Return the id of a file's content in a revision; empty if it has no such file."""
    name = f"{revision}:./{path}"
    return line(call(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", name]).stdout)


def blobs(root: Path, revision: str, paths: Sequence[str], suffix: str = ".py") -> dict[str, str]:
    """Return the digest of each file of a commit under some paths, by its path.

    Args:
        root: The project.
        revision: A commit.
        paths: Folders, each with a slash at its end, or files.
        suffix: How the names end.
    """
    listed = run(root, "ls-tree", "-r", "-z", revision, "--", *paths).decode()
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    return {path: head.split()[2] for head, _, path in entries if path.endswith(suffix)}


def setting(root: Path, name: str) -> str:
    """Return a setting of Git's configuration; empty if it is not set."""
    return line(call(root, ["config", "--get", name]).stdout)


def parents(root: Path, revision: str) -> list[str]:
    """Return the parents of a commit: two for a merge."""
    return line(run(root, "rev-list", "--parents", "--max-count=1", revision)).split()[1:]


def follows(root: Path, commit: str, earlier: str) -> bool:
    """Say whether a commit is `earlier` or descends from it."""
    return call(root, ["merge-base", "--is-ancestor", earlier, commit]).returncode == 0


def is_shallow(root: Path) -> bool:
    """Say whether the clone was cut off (`git clone --depth`), as CI does by default."""
    done = call(root, ["rev-parse", "--is-shallow-repository"])
    return line(done.stdout) == "true"


def describe(root: Path, revision: str) -> str:
    """Return the commit's short id and subject, as `3f2a1bc Train on January`."""
    return line(run(root, "log", "-1", "--format=%h %s", revision))


def _commit(root: Path, revision: str) -> str:
    name = f"{revision}^{{commit}}"
    return line(call(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", name]).stdout)


def _experiment(root: Path, name: str, now: str) -> str:
    runs = experiments(root).get(name, [])
    here = [sha for base, sha in runs if base == now]
    commits = here or sorted({sha for _, sha in runs})
    if len(commits) > 1:
        raise LineageError(
            f"{len(commits)} experiments are called `{name}`, none of them started from HEAD",
            expected="one of the commits " + ", ".join(sha[:12] for sha in commits),
        )
    return commits[0] if commits else ""


def _remote_branch(root: Path, name: str) -> str:
    out = run(root, "for-each-ref", "--format=%(refname:strip=3) %(objectname)", "refs/remotes")
    pairs = [entry.rpartition(" ") for entry in out.decode(errors="replace").splitlines()]
    commits = {sha for branch_name, _, sha in pairs if branch_name == name}
    return commits.pop() if len(commits) == 1 else ""


def _names(root: Path) -> list[str]:
    out = run(root, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    return [*out.decode(errors="replace").split(), *experiments(root)]


def line(out: bytes) -> str:
    """Return what git printed, without the line's end."""
    return out.decode(errors="surrogateescape").strip()


def last_words(err: bytes) -> str:
    """Return git's reason for an error: the last line it wrote that is no hint."""
    lines = [text for text in err.decode(errors="replace").splitlines() if text.strip()]
    plain = [text for text in lines if not text.startswith("hint:")]
    return (plain or lines or ["no message"])[-1].removeprefix("fatal: ")
