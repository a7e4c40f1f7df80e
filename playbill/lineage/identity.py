"""From the digest that a prediction states to the revision of its model, with a clone alone."""

import json
import re
from pathlib import Path

from playbill.errors import LineageError, UsageError
from playbill.lineage import bundle, registry

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}")
MANIFEST = "manifest.json"


def revision_of(root: Path, digest: str) -> str:
    """Return what `trace` takes for the model of a digest.

    The registered versions are asked first, for their tags say the digest; then the bundle in the
    workspace, which a commit must have recorded.

    Args:
        root: The project.
        digest: The `model_digest` of an answer.

    Raises:
        UsageError: It is no digest.
        LineageError: No version and no bundle here has it.
    """
    if not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"{digest[:80]!r} is no digest of a model",
            where="--model-digest",
            expected="sha256: and 64 hexadecimal digits, as the answer states it",
        )
    for version in registry.versions(root):
        if version.evidence.get("model_digest") == digest:
            return version.tag.name
    folder = root / bundle.path(root)
    try:
        told = json.loads((folder / MANIFEST).read_bytes()).get("model_digest")
    except (OSError, ValueError, AttributeError):
        told = None
    if told == digest:
        return str(folder)
    raise LineageError(
        f"no version and no bundle here is the model {digest[:19]}",
        expected="a version whose tag states this digest, or its bundle in the workspace",
        run="git fetch --tags",
    )
