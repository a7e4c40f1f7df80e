"""conf/ composed by Hydra: plain values, the choices made, and the file behind every key.

This is the only module that imports Hydra; stages never do.
"""

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from playbill.config.origin import Key, Layer, Origin, key_lines, locate, shipped_folder
from playbill.config.schema import Params
from playbill.errors import ConfigError

CONFIG = "config"
RECORDED = "recorded"


@dataclass(frozen=True)
class Composition:
    """The result of one composition.

    Attributes:
        root: The project.
        values: Every key resolved, as plain mappings and lists.
        raw: The same with interpolations as they stand in the files.
        choices: The option chosen for each group.
        options: The options that each group has, shipped ones included.
        overrides: Overrides given by the caller.
        known_layers: The files in merge order, if they had to be looked up at once.
    """

    root: Path
    values: dict[str, Any]
    raw: dict[str, Any]
    choices: dict[str, str]
    options: dict[str, list[str]]
    overrides: tuple[str, ...]
    known_layers: tuple[Layer, ...] | None = None

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The files in merge order; looked up when first asked for, since only errors need them."""
        if self.known_layers is not None:
            return self.known_layers
        return _read_layers(self.root / "conf", self.overrides)

    @cached_property
    def params(self) -> Params:
        """The typed params, every problem found reported at once.

        Raises:
            ConfigError: A key is unknown, missing, of the wrong type or out of range.
        """
        from playbill.config.validation import validate

        return validate(self)

    def origin(self, key: Key) -> Origin | None:
        """Return the file and line that set `key`."""
        return locate(self.layers, key)


def compose(root: Path, overrides: Sequence[str] = (), *, conf: Path | None = None) -> Composition:
    """Compose conf/config.yaml of a project.

    Args:
        root: The project.
        overrides: Hydra overrides, as `model=forest` or `model.max_depth=5`.
        conf: Another folder in place of `root / "conf"`, to try a changed copy.

    Raises:
        ConfigError: A file is broken, an option or a key does not exist, an interpolation is dead.
    """
    folder = conf or root / "conf"
    files = {path: f"conf/{path.relative_to(folder).as_posix()}" for path in _yaml(folder)}
    lines = {shown: key_lines(path, shown) for path, shown in files.items()}
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    with warnings.catch_warnings(), initialize_config_dir(str(folder.resolve()), version_base=None):
        warnings.simplefilter("ignore")
        try:
            config = hydra_compose(CONFIG, list(overrides), return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            choices = {
                group: str(choice)
                for group, choice in sorted(config.hydra.runtime.choices.items())
                if not group.startswith("hydra/")
            }
            layers = _layers(loader, overrides, lines) if conf is not None else None
        except (HydraException, OmegaConfBaseException) as error:
            raise _explain(error, overrides, lines) from error
    OmegaConf.set_struct(config, False)  # noqa: FBT003 - OmegaConf's own signature
    config.pop("hydra")
    raw = OmegaConf.to_container(config, resolve=False)
    try:
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        known = layers if layers is not None else _read_layers(folder, overrides)
        raise _dead(error, known, overrides, raw) from error
    assert isinstance(values, dict)
    assert isinstance(raw, dict)
    options = {group: _options(folder, group) for group in choices}
    return Composition(
        root, _plain(values), _plain(raw), choices, options, tuple(overrides), layers
    )


def _options(conf: Path, group: str) -> list[str]:
    return sorted(
        {p.stem for base in (shipped_folder(), conf) for p in (base / group).glob("*.yaml")}
    )


def _plain(values: Any) -> Any:
    if isinstance(values, dict):
        return {str(key): _plain(value) for key, value in values.items()}
    return [_plain(value) for value in values] if isinstance(values, list) else values


def _yaml(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def _read_layers(folder: Path, overrides: Sequence[str]) -> tuple[Layer, ...]:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    lines = {
        f"conf/{p.relative_to(folder).as_posix()}": key_lines(p, p.name) for p in _yaml(folder)
    }
    with warnings.catch_warnings(), initialize_config_dir(str(folder.resolve()), version_base=None):
        warnings.simplefilter("ignore")
        return _layers(GlobalHydra.instance().config_loader(), overrides, lines)


def _layers(
    loader: Any, overrides: Sequence[str], lines: dict[str, dict[Key, int]]
) -> tuple[Layer, ...]:
    from hydra.types import RunMode

    defaults = loader.compute_defaults_list(CONFIG, list(overrides), RunMode.RUN).defaults
    found = []
    for item in defaults:
        if item.config_path is None or item.config_path.startswith("hydra/"):
            continue
        shown = f"conf/{item.config_path}.yaml"
        if shown not in lines:
            path = shipped_folder() / f"{item.config_path}.yaml"
            if not path.is_file():
                continue
            lines[shown := f"playbill/{shown}"] = key_lines(path, shown)
        package = tuple(part for part in (item.package or "").split(".") if part)
        package = () if package == ("_global_",) else package
        found.append(Layer(shown, package, lines[shown]))
    return tuple(found)


def _in_force(overrides: Sequence[str]) -> str:
    return f" (overrides in force: {', '.join(overrides)})" if overrides else ""


def _explain(
    error: Exception, overrides: Sequence[str], lines: dict[str, dict[Key, int]]
) -> ConfigError:
    """Turn Hydra's refusal into one that says which line and what would be near."""
    text = str(error).strip().splitlines()[0]
    missing = getattr(error, "missing_cfg_file", None)
    if missing:
        group, _, name = str(missing).rpartition("/")
        options = [str(option) for option in getattr(error, "options", None) or []]
        near = difflib.get_close_matches(name, options, 1, 0.4)
        if not options:
            groups = sorted(
                {p.parent.name for p in shipped_folder().glob("*/*.yaml")} | _own(lines)
            )
            near = difflib.get_close_matches(group, groups, 1, 0.4)
            return ConfigError(
                f"there is no group `{group}`{_in_force(overrides)}",
                where=_defaults_line(group, name, lines),
                expected=(f"`{near[0]}`; " if near else "") + f"one of {groups}",
                run="playbill conf show, which lists every option",
            )
        return ConfigError(
            f"group `{group}` has no option `{name}`{_in_force(overrides)}",
            where=_defaults_line(group, name, lines),
            expected=(f"`{near[0]}`; " if near else "") + f"one of {options}",
            run="playbill conf show, which lists every option",
        )
    return ConfigError(
        f"Hydra refuses the configuration: {text}{_in_force(overrides)}",
        where="conf/config.yaml",
        run="playbill conf show, which lists every option",
    )


def _own(lines: dict[str, dict[Key, int]]) -> set[str]:
    return {shown.split("/")[1] for shown in lines if shown.count("/") > 1}


def _defaults_line(group: str, name: str, lines: dict[str, dict[Key, int]]) -> str:
    for shown in (f"conf/{RECORDED}.yaml", f"conf/{CONFIG}.yaml"):
        for key, line in lines.get(shown, {}).items():
            if key[:1] == ("defaults",) and key[-1].split()[-1].strip("/") == group:
                return f"{shown}:{line} {group}: {name}"
    return f"conf/{CONFIG}.yaml {group}: {name}"


def _dead(error: Any, layers: tuple[Layer, ...], overrides: Sequence[str], raw: Any) -> ConfigError:
    """Say which interpolation is dead; a misspelt top-level key is the usual cause, told first."""
    from playbill.config.validation import combined, known_names

    known = known_names(())
    problems = []
    for name in raw:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1, 0.5)
            problems.append(
                ConfigError(
                    f"unknown key `{name}`{_in_force(overrides)}",
                    where=f"{locate(layers, (str(name),))} {name}",
                    expected=(f"`{near[0]}`; " if near else "") + f"one of {known}",
                )
            )
    key = str(getattr(error, "full_key", "") or "")
    origin = locate(layers, tuple(key.split("."))) if key else None
    dead = ConfigError(
        f"dead interpolation: {str(error).splitlines()[0]}{_in_force(overrides)}",
        where=f"{origin} {key}" if origin else key,
        expected="`${...}` with a key that exists",
        run="mend the line, then `playbill check`",
    )
    return combined([*problems, dead])
