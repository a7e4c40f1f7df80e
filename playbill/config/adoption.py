"""What an experiment recorded, or a person typed into params.yaml, folded into conf/."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config import params, recorded
from playbill.config.compilation import ADDED, compile_project, write
from playbill.config.composition import compose
from playbill.config.editing import fold, scalar
from playbill.errors import ConfigError, UsageError

TUNED = "tuned"  # the project's option of `model` that holds what AutoML found


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


def adopt_tuning(root: Path) -> Adopted:
    """Fold what the last search found into the project's files, end the search, and compile.

    Parameters go where they stand now; recorded values of an experiment go first. A model that
    AutoML found becomes the project's own option `model/tuned`. The next `dvc repro` fits it, and
    searches no more.

    Raises:
        UsageError: No search was made, or conf/ changed since.
        ConfigError: The files cannot be edited to that effect; nothing is changed.
    """
    composition = compose(root)
    name = composition.params.name
    path = root / "models" / name / "training.json"
    shown = f"models/{name}/training.json"
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    tuning = found.get("tuning")
    if tuning is None or composition.params.tuning.kind == "off":
        raise UsageError(
            "there is no search to adopt from",
            where=shown if path.is_file() else f"{shown}, which is missing",
            expected="a project with a choice of `tuning`, after its `dvc repro`",
            run="write a space into conf/tuning/mine.yaml (docs/how-to/tuning.md), then "
            "dvc exp run -S tuning=mine -S validation=stratified",
        )
    before = adopt_recorded(root)  # it would hide what is adopted now
    values = dict(tuning["best"]["values"])
    choices, files = {"tuning": "off"}, [*before.files]
    if (model := values.pop("model", None)) is not None:
        files.append(_write_model(root, model, tuning))
        choices["model"] = TUNED
    changed = fold(root, choices, values)
    write(root, compile_project(root))
    said = [f"{key}={value!r}" for key, value in values.items()]
    chosen = [f"{group}={option}" for group, option in choices.items()]
    return Adopted([*before.adopted, *said, *chosen], sorted({*changed, *files}))


def _write_model(root: Path, model: dict[str, Any], tuning: dict[str, Any]) -> str:
    """Write the option that holds a model as AutoML found it."""
    target = root / "conf" / "model" / f"{TUNED}.yaml"
    lines = [
        "# yaml-language-server: $schema=../.schema/model.json",
        f"# Found by `tuning: {tuning['kind']}` in {tuning['trials']} trials.",
    ]
    lines += [f"{key}: {scalar(value)}" for key, value in model.items()]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")
    return target.relative_to(root).as_posix()
