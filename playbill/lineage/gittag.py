"""Git's tags: listed, made, signed in place, taken back; nothing here knows the registry.

As in `git.py`, the project's root comes first and a commit is a full id.
"""

import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playbill.lineage import git

_FIELD, _RECORD = "\x1f", "\x1e"


@dataclass(frozen=True)
class Tag:
    """One tag; of a lightweight one the commit's own date, and neither tagger nor message."""

    name: str
    commit: str
    date: datetime
    tagger: str
    message: str
    is_annotated: bool = True


def tags(root: Path, pattern: str = "*", *, lightweight: bool = False) -> list[Tag]:
    """Return the annotated tags whose name matches a glob, by name; the others too if asked for.

    The glob's `*` matches slashes too.
    """
    git.top(root)
    fields = ("refname:strip=2", "objecttype", "objectname", "*objectname",
              "creatordate:iso-strict", "taggername")  # fmt: skip
    form = "".join(f"%({field}){_FIELD}" for field in (*fields, "contents")) + _RECORD
    out = git.run(root, "for-each-ref", f"--format={form}", "refs/tags").decode(errors="replace")
    glob = re.compile("".join(".*" if c == "*" else re.escape(c) for c in pattern) + r"\Z")
    found = []
    for record in out.split(_RECORD):
        cells = [*record.lstrip("\n").split(_FIELD), *" " * len(fields), " "]
        name, kind, own, sha, date, tagger, message = cells[: len(fields) + 1]
        if not glob.match(name):
            continue
        if kind == "tag" and sha.strip():
            found.append(Tag(name, sha, datetime.fromisoformat(date), tagger, message))
        elif kind == "commit" and lightweight:
            date_ = datetime.fromisoformat(date)
            found.append(Tag(name, own, date_, "", "", is_annotated=False))
    return sorted(found, key=lambda tag: tag.name)


def annotate(root: Path, name: str, commit: str, message: str) -> None:
    """Make an annotated tag with exactly this message; one that is there already stays.

    Raises:
        LineageError: Git does not know who you are, or refused the name.
    """
    git.identity(root)
    if git.line(git.call(root, ["tag", "--list", name]).stdout):
        return
    with tempfile.TemporaryDirectory(prefix="playbill-") as scratch:
        file = Path(scratch, "message")
        file.write_text(message, encoding="utf-8", newline="\n")
        git.run(root, "tag", "--annotate", "--cleanup=verbatim", f"--file={file}", name, commit)


def tag_object(root: Path, name: str) -> bytes | None:
    """Return an annotated tag as Git keeps it, the signature at its end; None if it is none."""
    done = git.call(root, ["cat-file", "tag", f"refs/tags/{name}"])
    return None if done.returncode else done.stdout


def object_id(root: Path, name: str) -> str:
    """Return the id of a tag's object, the hash of all that it holds; empty if there is none."""
    return git.line(git.call(root, ["rev-parse", "--verify", "-q", f"refs/tags/{name}"]).stdout)


def replace_tag(root: Path, name: str, content: bytes) -> None:
    """Put another object in an annotated tag's place: the same tag, signed."""
    before = git.line(git.run(root, "rev-parse", f"refs/tags/{name}"))
    with tempfile.TemporaryDirectory(prefix="playbill-") as scratch:
        file = Path(scratch, "tag")
        file.write_bytes(content)
        fresh = git.line(git.run(root, "hash-object", "-t", "tag", "-w", str(file)))
    git.run(root, "update-ref", f"refs/tags/{name}", fresh, before)


def remove_tags(root: Path, *names: str) -> None:
    """Remove tags that this process has just made and that were pushed nowhere."""
    for name in names:
        git.run(root, "update-ref", "-d", f"refs/tags/{name}")
