"""Where a command or a stage runs: conf/env/local.yaml, ci.yaml or prod.yaml.

Chosen by PLAYBILL_ENV, or by `--env`, when something starts. Never composed: nothing of a place
enters params.yaml, dvc.lock or a fingerprint, so the same commit gives the same model everywhere.
A place holds the names of secrets; their values stay in the environment.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playbill.config.nearest import nearest
from playbill.errors import ConfigError, PlaybillError, UsageError

VARIABLE = "PLAYBILL_ENV"
FOLDER = Path("conf", "env")
DEFAULT = "local"
SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Place(BaseModel):
    """What differs from place to place: where bytes go, and which secrets must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    remote: str | None = None
    """DVC remote to push to and to fetch from; none: DVC's own default (`core.remote`)."""
    scratch: str | None = None
    """Folder under which `playbill run` keeps its outputs; none: inside .dvc/tmp."""
    jobs: Annotated[int, Field(ge=1, le=1024)] = 1
    """Fits that run side by side in a search or on folds; the result is the same for any number."""
    secrets: list[SecretName] = []
    """Names of environment variables that must be set; `playbill doctor` looks."""
    signing_key: str | None = None
    """File of the SSH key that signs attestations, `~` allowed; none: the key Git signs with."""


def choose(name: str | None) -> None:
    """Choose the place for this process and those that it starts, as `--env` does."""
    if name is not None:
        os.environ[VARIABLE] = name


def chosen() -> str:
    """Return the name of the place; `local` unless something else was chosen."""
    return os.environ.get(VARIABLE) or DEFAULT


def current(root: Path) -> Place:
    """Return the chosen place of a project.

    Raises:
        UsageError: The chosen place has no file.
        ConfigError: The file is not what it must be; every problem is told with its line.
    """
    name = chosen()
    path = root / FOLDER / f"{name}.yaml"
    if path.is_file():
        return _read(path, (FOLDER / path.name).as_posix())
    if not os.environ.get(VARIABLE):
        return Place()
    known = sorted(file.stem for file in (root / FOLDER).glob("*.yaml"))
    raise UsageError(
        f"there is no place `{name}`",
        where=f"{VARIABLE} or --env, against {FOLDER.as_posix()}/",
        expected=nearest(name, known) or f"a file {FOLDER.as_posix()}/{name}.yaml",
    )


def every(root: Path) -> list[str]:
    """Return the names of a project's places, each of them read.

    Raises:
        ConfigError: A file is not what it must be.
    """
    files = sorted((root / FOLDER).glob("*.yaml"))
    for path in files:
        _read(path, (FOLDER / path.name).as_posix())
    return [path.stem for path in files]


def secret(name: str, root: Path | None = None) -> str:
    """Return the value of a secret that the chosen place names, for a source of the project.

    Raises:
        ConfigError: The place does not name it, or the variable is not set.
    """
    file = (FOLDER / f"{chosen()}.yaml").as_posix()
    known = current(root or Path.cwd()).secrets
    if name not in known:
        raise ConfigError(
            f"the secret `{name}` is not declared",
            where=f"{file} secrets",
            expected=nearest(name, known) or "its name in the list",
        )
    value = os.environ.get(name)
    if not value:
        raise ConfigError(
            f"the environment variable {name} is not set",
            where=f"{file} secrets",
            expected="a value in the environment of this process",
            run=f"export {name}=...",
        )
    return value


def hidden(text: str, root: Path) -> str:
    """Return a text for a terminal or a log, without the values of the chosen place's secrets."""
    try:
        names = current(root).secrets
    except PlaybillError:
        return text  # no place, so no secret was given to anybody
    for value in sorted((os.environ.get(name, "") for name in names), key=len, reverse=True):
        text = text.replace(value, "***") if value else text
    return text


def _read(path: Path, shown: str) -> Place:
    import yaml

    from playbill.config.complaint import combined
    from playbill.config.origin import key_lines

    lines = key_lines(path, shown)
    values: Any = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}
    try:
        return Place.model_validate(values)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key = tuple(str(part) for part in item["loc"])
            is_unknown = item["type"] == "extra_forbidden"
            what = f"unknown key `{key[-1]}`" if is_unknown else f"`{'.'.join(key)}` is wrong"
            expected = nearest(key[-1], Place.model_fields) if is_unknown else item["msg"]
            where = f"{shown}:{lines.get(key, 1)} {'.'.join(key)}"
            problems.append(ConfigError(what, where=where, expected=expected))
        raise combined(problems) from error
