"""Erases a person: out of the sources' rows, the tables, the objects and the logs; models go too.

The order is such that an interruption loses nothing and the same command goes on: first the person
is kept out of what comes, then everything is made again without them, then what held them goes.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playbill.config.compilation import COMPILED, compile_project, write
from playbill.config.editing import fold
from playbill.config.matrix import steps
from playbill.config.params import read_params
from playbill.errors import StageError, UsageError
from playbill.lineage import git, objects, rollback, upstream, worktree
from playbill.pipeline.erasure.search import Holding, Progress, Search, search
from playbill.pipeline.erasure.subject import LONG, secret_for_erased
from playbill.pipeline.erasure.window import rewrite_file, rewrite_log, rewrite_window
from playbill.privacy.suppression import digest

Say = Callable[[str], None]
FORMAT_VERSION = 1
RECEIPTS = Path("data", "erasures")
BEYOND = (
    "the history of Git, if a tracked file ever named the person",
    "other clones, their DVC caches, and copies that anybody made",
    "backups, and the sources themselves",
    "logs that were not named with --log",
)


@dataclass(frozen=True)
class Erased:
    """What an erasure did.

    Attributes:
        receipt: Path of the receipt, relative to the project.
        facts: What stands in it.
        left: Places that still speak of the person.
    """

    receipt: str
    facts: dict[str, Any]
    left: tuple[Holding, ...]


def erase(
    root: Path, value: str, logs: Sequence[Path], say: Say, progress: Progress = lambda _, __: None
) -> Erased:
    """Remove a person from a project, retrain what learned from them, withdraw what did.

    Args:
        root: The project.
        value: What names the person in the sources.
        logs: Folders of prediction logs that no server writes to now.
        say: Told what takes long.
        progress: Told how many files were looked at.

    Raises:
        UsageError: The project is not ready: uncommitted changes, no columns, no key; or a file
            that Git tracks names the person.
        StageError: The pipeline failed; the same command goes on where it stopped.
        LineageError: Objects cannot be removed.
    """
    before = git.head(root)
    name = _ready(root, value)
    say("looking for the person")
    found = search(root, value, logs, progress)
    _refuse_tracked(found)
    known = read_params(root).privacy.erased
    if name not in known:
        fold(root, {}, {"privacy.erased": [*known, name]})
        write(root, compile_project(root))
    rewritten = [_rewritten(root, one, found) for one in found.of("window")]
    rewritten += _rewrite_inputs(root, found, say)
    say("making everything again without them: dvc repro")
    _dvc(root, "repro")
    commit = worktree.commit(root, _paths(root), f"Erase a person: {name[:12]}")
    reason = f"trained on rows that were erased: {name[:12]}"
    for version in found.versions:
        say(f"withdrawing {version.version}")
        rollback.withdraw(root, version.version, reason)
    rewritten += [_rewritten(root, one, found, logs) for one in found.of("log")]
    removed = _remove(root, found, say)
    say("looking again")
    after = search(root, value, logs, progress)
    facts = _facts(name, before, commit, found, after, rewritten, removed)
    receipt = RECEIPTS / f"{name[:12]}.json"
    (root / receipt).parent.mkdir(parents=True, exist_ok=True)
    (root / receipt).write_text(json.dumps(facts, indent=2) + "\n", "utf-8", newline="\n")
    worktree.commit(root, [receipt.as_posix()], f"Say what was erased: {name[:12]}")
    return Erased(receipt.as_posix(), facts, after.holdings)


def _ready(root: Path, value: str) -> str:
    """Return the digest under which the person is kept out, if the project can be worked on."""
    git.identity(root)
    upstream.refuse_shallow(root)
    key = secret_for_erased(read_params(root), root)
    name = digest(value, key)
    if changed := worktree.changed(root, ["conf", "stages", *COMPILED, "dvc.lock"]):
        is_resumed = name in (root / "params.yaml").read_text("utf-8")
        if not is_resumed:
            raise UsageError(
                f"there are uncommitted changes: {', '.join(changed[:5])}",
                expected="a committed state to start from",
                run="git commit, or git stash",
            )
    return name


def _refuse_tracked(found: Search) -> None:
    if tracked := found.of("tracked"):
        raise UsageError(
            "a file that Git tracks names the person",
            where=", ".join(one.path for one in tracked[:5]),
            expected="files of Git without personal data; its history keeps them",
            run="edit the file and commit; for the history: git filter-repo",
        )


def _rewritten(
    root: Path, one: Holding, found: Search, logs: Sequence[Path] = ()
) -> dict[str, Any]:
    if one.kind == "window":
        return rewrite_window(root, one.path, found.subject)
    file = next(each for log in logs for each in log.rglob(Path(one.path).name))
    return rewrite_log(file, one.path, found.subject)


def _rewrite_inputs(root: Path, found: Search, say: Say) -> list[dict[str, Any]]:
    """Write again what people put under DVC with `dvc add`: files of sources, labels."""
    done = []
    for one in found.of("workspace"):
        pointer = _pointer(root, root / one.path)
        if pointer is None:
            continue
        say(f"writing {one.path} again without them")
        if facts := rewrite_file(root / one.path, one.path, found.subject):
            done.append(facts)
            _dvc(root, "add", "--quiet", str(pointer.with_suffix("").relative_to(root)))
    return done


def _pointer(root: Path, file: Path) -> Path | None:
    """Return the .dvc file by which DVC keeps a file, or a folder that it lies in."""
    above = [file, *file.parents]
    known = (each.with_name(f"{each.name}.dvc") for each in above if root in each.parents)
    return next((each for each in known if each.is_file()), None)


def _remove(root: Path, found: Search, say: Say) -> dict[str, list[str]]:
    """Remove the objects that speak of the person, and copies of them; what is needed now stays."""
    for one in found.of("copy"):
        (root / one.path).unlink(missing_ok=True)
    listings = {d: f for d, f in objects.cached(root).items() if d.endswith(".dir")}
    needed = objects.needed(root, listings)
    done = {}
    for kind in ("cache", "remote"):
        wanted = {one.path for one in found.holdings if one.kind == kind} - needed
        if wanted:
            say(f"removing {len(wanted)} objects from DVC's {kind}")
        done[kind] = objects.remove(root, wanted, in_remote=kind == "remote") if wanted else []
    return done


def _dvc(root: Path, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "dvc", *words], cwd=root, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise StageError(
            f"`dvc {words[0]}` failed without the person's rows",
            where="its own words stand above",
            run="mend what it names, then `playbill erase` again: it goes on",
        )


def _paths(root: Path) -> list[str]:
    """Return what the commit holds: conf, the compiled files, and what Git keeps of the outputs."""
    found = ["conf", *COMPILED, "dvc.lock"]
    found += [each.relative_to(root).as_posix() for each in (root / "data").rglob("*.dvc")]
    for step in steps(read_params(root)).values():
        found += [*step.metrics.values(), *step.texts.values()]
    return sorted({path for path in found if (root / path).exists()})


def _facts(  # noqa: PLR0913, PLR0917 - what was before, and what came of it
    name: str,
    before: str,
    commit: str,
    found: Search,
    after: Search,
    rewritten: list[dict[str, Any]],
    removed: dict[str, list[str]],
) -> dict[str, Any]:
    notes = list(BEYOND)
    if not found.subject.long:
        notes.append(
            f"texts: the value has fewer than {LONG} characters, so tables alone were read"
        )
    if found.unread:
        notes.append(f"{len(found.unread)} objects of the remote that could not be read")
    return {
        "format_version": FORMAT_VERSION,
        "subject": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "before": before,
        "commit": commit,
        "looked_at": found.looked,
        "rows": sum(one.rows for one in found.of("workspace")),
        "rewritten": rewritten,
        "removed": {
            kind: [{"md5": d, "names": _names(found, d)} for d in digests]
            for kind, digests in removed.items()
        },
        "withdrawn": [each.version for each in found.versions],
        "left": [{"kind": one.kind, "path": one.path} for one in after.holdings],
        "not_reached": notes,
    }


def _names(found: Search, wanted: str) -> list[str]:
    return list(next((one.names for one in found.holdings if one.path == wanted), ()))
