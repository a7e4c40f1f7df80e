"""Tags written in GTO's convention, through GTO: register, assign, and both taken back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playbill.errors import LineageError
from playbill.lineage import git, registry, tagname

Bump = Literal["major", "minor", "patch"]


def register(
    root: Path, of: str, commit: str, facts: dict[str, Any], version: str | None = None
) -> str:
    """Register a commit as a version (default: one patch after the greatest); return the tag.

    Raises:
        LineageError: The version exists, or the commit has another version already.
    """
    from gto import api

    chosen = version or next_version(root, of, "patch")
    if not tagname.is_version(chosen):
        raise LineageError(
            f"`{chosen}` is not a version", expected="three numbers behind a v, as v1.2.0"
        )
    who, mail = git.identity(root)
    with _gto_errors():
        event = api.register(
            str(git.top(root)),
            of,
            commit,
            version=chosen,
            message=_message(f"Register {of} {chosen}", {**facts, "version": chosen}),
            author=who,
            author_email=mail,
        )
    return str(event.tag)


def assign(root: Path, of: str, version: str, stage: str, facts: dict[str, Any]) -> str:
    """Put a registered version into a stage and return the tag, `NAME#STAGE#NUMBER`.

    A version that was in the stage before gets a new tag: the newest one decides.

    Raises:
        LineageError: The stage's name is not one for GTO, or the version is not registered.
    """
    from gto import api

    tagname.check_stage(stage)
    who, mail = git.identity(root)
    text = _message(f"Put {of} {version} into {stage}", {**facts, "version": version})
    with _gto_errors():
        event = api.assign(
            str(git.top(root)),
            of,
            stage,
            version=version,
            message=text,
            force=True,
            author=who,
            author_email=mail,
        )
    return str(event.tag)


def unassign(root: Path, of: str, version: str, stage: str, facts: dict[str, Any]) -> str:
    """Take a version out of a stage, which is empty then; return the tag."""
    from gto import api

    who, mail = git.identity(root)
    text = _message(f"Take {of} {version} out of {stage}", {**facts, "stage": stage})
    with _gto_errors():
        event = api.unassign(str(git.top(root)), of, version=version, stage=stage, message=text,
                             author=who, author_email=mail)  # fmt: skip
    return str(event.tag)


def deregister(root: Path, of: str, version: str, facts: dict[str, Any]) -> str:
    """Withdraw a registered version; return the tag, `NAME@VERSION!`."""
    from gto import api

    who, mail = git.identity(root)
    text = _message(f"Withdraw {of} {version}", facts)
    with _gto_errors():
        event = api.deregister(str(git.top(root)), of, version=version, message=text,
                               author=who, author_email=mail)  # fmt: skip
    return str(event.tag)


def next_version(root: Path, of: str, bump: Bump) -> str:
    """Return the version that follows the greatest registered one; v0.0.1, v0.1.0 or v1.0.0."""
    taken = [*registry.versions(root, of), *registry.versions(root, of, withdrawn=True)]
    known = [tagname.precedence(one.version) for one in taken]
    major, minor, patch = max(known)[:3] if known else (0, 0, 0)
    if bump == "major":
        return f"v{major + 1}.0.0"
    return f"v{major}.{minor + 1}.0" if bump == "minor" else f"v{major}.{minor}.{patch + 1}"


def _message(subject: str, facts: dict[str, Any]) -> str:
    return f"{subject}\n\n{json.dumps(facts, indent=2, sort_keys=True, default=str)}\n"


@contextmanager
def _gto_errors() -> Iterator[None]:
    from gto.exceptions import GTOException

    try:
        yield
    except GTOException as error:
        raise LineageError(
            f"GTO refused: {error}", expected="a version and a stage that are free"
        ) from error
