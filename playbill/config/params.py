"""params.yaml: how it is read, written, and how a hand edit is told from a compiled file.

The first line is a comment with the digest of the values below it. DVC rewrites the file without
that line when it composes an experiment, so three states can be told apart: compiled (line and
values agree), edited (they disagree), foreign (no line). A second digest there, of all that the
values could come from, makes the file differ on two branches whenever they could meet in it: Git
asks a merge driver about no file that one side alone changed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from playbill.config.schema import Params
from playbill.errors import ConfigError

FILE = "params.yaml"
FORMAT = 1
_PREFIX = f"# playbill params {FORMAT} sha256:"
_KEPT = Path(".dvc", "tmp", "playbill", "params")
_MOST_KEPT = 50
_NOTE = " compiled from conf/: edit there, then run `dvc repro`"


class _Dumper(yaml.CSafeDumper):
    """Dumps multi-line text as a block, so that SQL stays readable in a diff."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class ParamsFile:
    """A params.yaml as it was found.

    Attributes:
        values: Everything in it, plain mappings and lists.
        declared: Digest in its first line; empty when it has none.
    """

    values: dict[str, Any]
    declared: str

    @property
    def is_compiled(self) -> bool:
        """True if the values are those that `compose` wrote."""
        return self.declared == digest(self.values)

    @property
    def is_edited(self) -> bool:
        """True if somebody changed the values after `compose` wrote them."""
        return bool(self.declared) and not self.is_compiled


def digest(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the values' canonical JSON, in hexadecimal."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def render(values: Mapping[str, Any], inputs: str = "") -> str:
    """Return the text of params.yaml for `values`, its digest line first.

    Args:
        values: What the file is to hold.
        inputs: Digest of everything that the values could come from, chosen or not.
    """
    body = yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    source = f" from:{inputs}" if inputs else ""
    return f"{_PREFIX}{digest(values)}{source}{_NOTE}\n{body}"


def parse(text: str, *, where: str = FILE) -> ParamsFile:
    """Parse the text of a params.yaml.

    Raises:
        ConfigError: It is not YAML, or not a mapping.
    """
    try:
        values = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        if (number := _marker(text)) is not None:
            raise ConfigError(
                "a merge left its conflict markers in params.yaml",
                where=f"{where}:{number}",
                expected="no choice by hand: the file follows from conf/",
                run="playbill compose --merge",
            ) from error
        raise ConfigError(
            f"params.yaml is not valid YAML: {error}",
            where=where,
            run="playbill compose, which compiles it anew from conf/",
        ) from error
    if not isinstance(values, dict):
        raise ConfigError("params.yaml holds no mapping", where=where, run="playbill compose")
    first = text.partition("\n")[0]
    declared = first.removeprefix(_PREFIX)[:64] if first.startswith(_PREFIX) else ""
    return ParamsFile(values, declared)


def _marker(text: str) -> int | None:
    """Return the number of the first line that is one of Git's conflict markers."""
    marks = ("<<<<<<< ", ">>>>>>> ", "=======")
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if line.startswith(marks)), None)


def read_file(root: Path) -> ParamsFile | None:
    """Return the project's params.yaml, or None when there is none."""
    path = root / FILE
    return parse(path.read_text("utf-8")) if path.is_file() else None


def keep(root: Path, text: str) -> None:
    """Keep a copy of what was compiled: dvc.lock of a run that is never committed names digests."""
    if not (root / ".dvc").is_dir():
        return
    folder = root / _KEPT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml").write_text(text, "utf-8")
    for old in kept(root)[_MOST_KEPT:]:
        old.unlink(missing_ok=True)


def kept(root: Path) -> list[Path]:
    """Return the kept copies of params.yaml, the newest first."""
    paths = (root / _KEPT).glob("*.yaml")
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def read_params(root: Path) -> Params:
    """Return the typed params of a project, without Hydra.

    Raises:
        ConfigError: params.yaml is missing, or is not what the models expect.
    """
    found = read_file(root)
    if found is None:
        raise ConfigError("there is no params.yaml", where=FILE, run="playbill compose")
    return validate(found.values)


def validate(values: Mapping[str, Any]) -> Params:
    """Return `values` as typed params; the errors name keys only (compose names files and lines).

    Raises:
        ConfigError: A key is unknown, missing, or of the wrong type.
    """
    from pydantic import ValidationError

    try:
        return Params.model_validate(values)
    except ValidationError as error:
        keys = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ConfigError(
            f"params.yaml does not fit this version of Playbill: {keys}",
            where=FILE,
            run="playbill compose",
        ) from error


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every leaf with its path; lists and empty mappings count as leaves."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, (*path, str(key)))
    else:
        yield path, values


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the dotted keys that differ, each with its value before and after (None: absent)."""
    old, new = dict(leaves(before)), dict(leaves(after))
    return {
        ".".join(path): (old.get(path), new.get(path))
        for path in [*old, *(path for path in new if path not in old)]
        if (path in old) != (path in new) or old[path] != new[path]
    }
