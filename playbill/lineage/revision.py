"""The project's text files as a revision has them: parsed leniently, never recomposed."""

import json
from pathlib import Path
from typing import Any

import yaml

from playbill.errors import LineageError
from playbill.lineage import git

PARAMS = "params.yaml"
LOCK = "dvc.lock"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(root: Path, revision: str | None, path: str) -> bytes | None:
    """Return a file of the workspace (`revision` None) or of a commit; None if it is not there."""
    if revision is not None:
        return git.read_if_any(root, revision, path)
    file = root / path
    return file.read_bytes() if file.is_file() else None


def read_yaml(root: Path, revision: str | None, path: str) -> Any:
    """Return a parsed YAML file; None if it is not there.

    Raises:
        LineageError: It is there and is not YAML.
    """
    return _parsed(read_text(root, revision, path), revision, path, kind="YAML")


def read_json(root: Path, revision: str | None, path: str) -> Any:
    """Return a parsed JSON file; None if it is not there.

    Raises:
        LineageError: It is there and is not JSON.
    """
    return _parsed(read_text(root, revision, path), revision, path, kind="JSON")


def params(root: Path, revision: str | None = None) -> dict[str, Any]:
    """Return params.yaml as plain mappings and values.

    Raises:
        LineageError: It is missing, or is not a mapping.
    """
    found = read_yaml(root, revision, PARAMS)
    if not isinstance(found, dict):
        raise LineageError(
            f"{PARAMS} of {name(revision)} is {'missing' if found is None else 'not a mapping'}",
            expected="the file that `playbill compose` writes and Git tracks",
            run="playbill compose" if revision is None else f"git log --oneline -- {PARAMS}",
        )
    return found


def model_name(root: Path, revision: str | None = None) -> str:
    """Return the name of the project's model, which params.yaml gives.

    Raises:
        LineageError: params.yaml is missing or has no name.
    """
    if isinstance(found := params(root, revision).get("name"), str) and found:
        return found
    raise LineageError(
        f"{PARAMS} of {name(revision)} does not name the model",
        expected="`name: ...` at its top level",
        run="playbill compose",
    )


def name(revision: str | None) -> str:
    """Return how a message calls a revision."""
    return "the workspace" if revision is None else f"revision {revision[:12]}"


def _parsed(content: bytes | None, revision: str | None, path: str, *, kind: str) -> Any:
    if content is None:
        return None
    try:
        if kind == "JSON":
            return json.loads(content)
        return yaml.load(content, Loader=_LOADER)  # noqa: S506 - a safe loader, in C if there
    except (ValueError, yaml.YAMLError) as error:
        place = f":{mark.line + 1}" if (mark := getattr(error, "problem_mark", None)) else ""
        raise LineageError(
            f"{path} of {name(revision)} is not {kind}: {str(error).splitlines()[0]}",
            where=f"{path}{place}",
            run=f"git checkout -- {path}" if revision is None else "",
        ) from error
