"""Targets of an installed library that were looked at before and found right.

To look means to parse the library's sources, which stay the same as long as its version does. What
is kept is a digest of all that the answer depends on: the target and its arguments, the allow list,
where and what the library is, and the code that looked. What was found wrong is looked at again.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbill.config import (
    anatomy,
    definition,
    estimator,
    imported,
    role,
    signature,
    target,
)

_FILE = Path(".dvc", "tmp", "playbill", "targets.json")
_MOST = 1000  # the oldest go


class Passed:
    """The targets that passed, kept beside DVC's own notes.

    Args:
        root: The project; one without a folder .dvc keeps nothing.
        looker: The file of the module that looks.
        allow: The allow list.
    """

    def __init__(self, root: Path, looker: str, allow: list[str]) -> None:
        self._root = root
        self._file = root / _FILE
        code = b"".join(Path(f or "").read_bytes() for f in _code(looker))
        self._common = [hashlib.sha256(code).hexdigest(), sys.version, sorted(allow)]
        self._known = self._read()
        self._fresh: list[str] = []

    def digest(self, kind: str, asked: Mapping[str, Any]) -> str | None:
        """Return the digest of a question; None if the answer is not only the library's."""
        top = str(asked.get(target.KEY)).partition(".")[0]
        if (self._root / top).exists() or (self._root / f"{top}.py").exists():
            return None
        spec = importlib.util.find_spec(top) if top.isidentifier() else None
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            return None
        status = Path(spec.origin).stat()
        library = [spec.origin, status.st_mtime_ns, status.st_size]
        text = json.dumps([kind, dict(asked), library, self._common], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def __contains__(self, digest: object) -> bool:
        return digest in self._known

    def add(self, digest: str) -> None:
        """Remember a question whose answer was yes."""
        self._fresh.append(digest)

    def save(self) -> None:
        """Keep what was added; two processes may do so at once, and one may win."""
        if not self._fresh or not self._file.parents[2].is_dir():
            return
        names = list(dict.fromkeys([*self._known, *self._fresh]))[-_MOST:]
        with contextlib.suppress(OSError):  # a project that is right stays right without a note
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._file.parent, delete=False) as new:
                json.dump(names, new)
            os.replace(new.name, self._file)  # noqa: PTH105 - atomic over an existing file

    def _read(self) -> dict[str, None]:
        try:
            found = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return dict.fromkeys(map(str, found)) if isinstance(found, list) else {}


def _code(looker: str) -> list[str | None]:
    return [
        looker,
        __file__,
        *(
            each.__file__
            for each in (
                anatomy,
                definition,
                estimator,
                imported,
                role,
                signature,
                target,
            )
        ),
    ]
