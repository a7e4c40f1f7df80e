"""params.digest.json: a digest of each key of params.yaml that a stage depends on.

DVC copies the value of a parameter into dvc.lock once for each stage that names it, reads and
writes that whole file anew after each stage that runs, and parses the file of the parameters about
six times a stage. A contract of 200 lines that six stages name was most of what DVC cost. With a
digest in its place dvc.lock is a tenth as long; the values stay where they were, in params.yaml
beside it, in the same commit, and `playbill plan` looks them up there.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from playbill.config.params import digest

FILE = "params.digest.json"
INPUTS = "from"  # no stage depends on it
LENGTH = 32  # hexadecimal digits: 128 bits, as many as DVC's own MD5
_ABSENT = object()


def entry(key: str) -> str:
    """Return the name of a dotted key in the file: to DVC a dot would mean a mapping."""
    return key.replace(".", "/")


def key(entry: str) -> str:
    """Return the dotted key of an entry."""
    return entry.replace("/", ".")


def of(value: Any) -> str:
    """Return the digest of one value."""
    return digest(value)[:LENGTH]


def find(values: Mapping[str, Any], dotted: str, default: Any = None) -> Any:
    """Return the value of a dotted key."""
    found: Any = values
    for part in dotted.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return default
        found = found[part]
    return found


def render(values: Mapping[str, Any], keys: Iterable[str], inputs: str = "") -> str:
    """Return the text of the file.

    Args:
        values: All of params.yaml.
        keys: The dotted keys that the stages depend on; one that is not there has no entry.
        inputs: Digest of everything that the values could come from, as in params.yaml; two
            branches that meet in this file then both differ, and Git asks the merge driver.
    """
    found = {name: find(values, name, _ABSENT) for name in sorted(set(keys))}
    lines = {entry(name): of(value) for name, value in found.items() if value is not _ABSENT}
    return json.dumps({**lines, INPUTS: inputs}, indent=0) + "\n"
