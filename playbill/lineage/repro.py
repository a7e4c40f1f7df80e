"""What DVC finds when `dvc repro` starts: files, outputs and its run cache, asked of DVC itself.

Digests are DVC's own (its record of unchanged files included, so that large data are not read
again), and YAML is read as DVC reads it, because equal means equal to DVC. Nothing is written.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import revision

PARAMS = "params.yaml"
PIPELINE = "dvc.yaml"
_NO_BYTES = "not in cache"
_NOWHERE = "is neither here nor in DVC's cache (`dvc pull` may bring it)"
_WRONG = {
    "deleted": "is missing",
    "modified": "was changed",
    _NO_BYTES: "is not in DVC's cache",
    "new": "is new",
}
_NO_STAGE = {"cmd": "true"}


def parse(content: bytes | str, where: str) -> Any:
    """Return YAML as DVC reads it.

    Raises:
        LineageError: It is not YAML.
    """
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        return parse_yaml(text, where)
    except YAMLFileCorruptedError as error:
        raise LineageError(
            f"{where} is not YAML",
            where=where,
            expected="the file as it was written; Git's conflict marks are none",
            run=f"git log --oneline -- {where}",
        ) from error


def lock(root: Path, commit: str | None) -> dict[str, Any]:
    """Return the stages of dvc.lock of a commit (None: of the workspace); empty if it has none."""
    content = revision.read_text(root, commit, revision.LOCK)
    found = parse(content, revision.LOCK) if content else {}
    stages = found.get("stages") if isinstance(found, dict) else None
    return stages if isinstance(stages, dict) else {}


class Finder:
    """Looks things up for one project.

    Args:
        repo: The opened `dvc.repo.Repo`.
        root: The project, which holds dvc.yaml.
    """

    def __init__(self, repo: Any, root: Path) -> None:
        self._repo = repo
        self._root = root
        self._runs = Path(repo.stage_cache.cache_dir)

    def digest(self, path: str) -> str:
        """Return the digest of a file or folder of the workspace; empty if it is not there."""
        (dep,) = self._stage({**_NO_STAGE, "deps": [path]}).deps
        return str(dep.get_hash().value) if dep.exists else ""

    def broken(self, declared: Mapping[str, Any], locked: Mapping[str, Any]) -> dict[str, str]:
        """Return the outputs of a stage that are not there as dvc.lock has them, and what is wrong.

        Args:
            declared: The stage in dvc.yaml.
            locked: The stage in dvc.lock.
        """
        kinds = ("outs", "metrics", "plots")
        outs = {kind: declared[kind] for kind in kinds if kind in declared}
        stage = self._stage({**_NO_STAGE, **outs}, locked)
        return {
            out.def_path: _NOWHERE if not out.exists and state == _NO_BYTES else _WRONG[state]
            for out in stage.outs
            for state in out.status().values()
        }

    def holds(self, outs: Mapping[str, str]) -> bool:
        """Say whether outputs with these digests could be restored from DVC's cache."""
        locked = {"outs": [{"path": p, "hash": "md5", "md5": d} for p, d in outs.items()]}
        stage = self._stage({**_NO_STAGE, "outs": list(outs)}, locked)
        return not any(out.changed_cache() for out in stage.outs)

    def record(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what the run cache has for a stage: its newest record, as DVC takes it.

        Args:
            key: `cmd`, `deps`, `params` and the paths of `outs`, as dvc.lock has them.
        """
        from dvc.utils import dict_sha256

        name = dict_sha256(key, exclude=["size", "nfiles"])
        return self._newest(self._runs / name[:2] / name)

    def records(self, cmd: str) -> list[dict[str, Any]]:
        """Return the newest record of each key of a command."""
        word = cmd.rsplit(maxsplit=1)[-1].encode()  # parsing every record would take seconds
        found = (self._newest(folder, word) for folder in sorted(self._runs.glob("*/*")))
        return [record for record in found if record and record.get("cmd") == cmd]

    def _newest(self, folder: Path, word: bytes = b"") -> dict[str, Any] | None:
        # The order that os.listdir gives decides between equals for DVC, so it must here.
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
        paths = sorted((folder / n for n in names), key=lambda p: p.stat().st_mtime, reverse=True)
        content = paths[0].read_bytes() if paths else b""
        if not content or word not in content:
            return None
        try:
            found = parse(content, paths[0].name)
        except LineageError:
            return None  # DVC drops a damaged record and runs the stage
        return found if isinstance(found, dict) and found else None

    def _stage(self, declared: Mapping[str, Any], locked: Mapping[str, Any] | None = None) -> Any:
        from dvc.dvcfile import load_file
        from dvc.stage.loader import StageLoader

        file = load_file(self._repo, str(self._root / PIPELINE))
        return StageLoader.load_stage(file, "plan", dict(declared), dict(locked or {}))


def outputs_of(declared: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the path and the options of each output of a stage in dvc.yaml."""
    for kind in ("outs", "metrics", "plots"):
        for entry in declared.get(kind) or []:
            if isinstance(entry, Mapping):
                yield from ((str(path), options or {}) for path, options in entry.items())
            else:
                yield str(entry), {}
