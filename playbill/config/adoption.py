"""What an experiment recorded, or a person typed into params.yaml, folded into conf/."""

from dataclasses import dataclass
from pathlib import Path

from playbill.config import params, recorded
from playbill.config.compilation import ADDED, compile_project, write
from playbill.config.composition import compose
from playbill.config.editing import fold
from playbill.errors import ConfigError


@dataclass(frozen=True)
class Adopted:
    """What was adopted.

    Attributes:
        adopted: `key=value` or `group=option` for each.
        files: The changed files, relative to the project.
    """

    adopted: list[str]
    files: list[str]


def adopt_recorded(root: Path) -> Adopted:
    """Fold conf/recorded.yaml into the project's files, empty it, and compile.

    Raises:
        ConfigError: The files cannot be edited to that effect; nothing is changed.
    """
    found = recorded.read(root)
    if not found:
        return Adopted([], [])
    values = {".".join(key): value for key, value in found.values.items()}
    changed = fold(root, found.choices, values)
    (root / recorded.FILE).write_text(recorded.EMPTY, "utf-8", newline="\n")
    write(root, compile_project(root))
    return Adopted(found.lines(), [*changed, recorded.FILE.as_posix()])


def adopt_params(root: Path) -> Adopted:
    """Fold the values that a person typed into params.yaml into the project's files, and compile.

    Raises:
        ConfigError: params.yaml is missing, or holds a value that conf/ cannot take.
    """
    found = params.read_file(root)
    if found is None:
        raise ConfigError("there is no params.yaml", where=params.FILE, run="playbill compose")
    mine = {key: value for key, value in found.values.items() if key != ADDED}
    difference = params.changed_keys(compose(root).values, mine)
    if not difference:
        return Adopted([], [])
    values = {key: new for key, (_, new) in difference.items()}
    changed = fold(root, {}, values)
    write(root, compile_project(root))
    return Adopted([f"{key}={value!r}" for key, value in values.items()], changed)
