"""conf/ composed by Hydra: plain values, the choices made, and the file behind every key.

This is the only module that imports Hydra; stages never do.
"""

import difflib
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from playbill.config.interpolation import check_override, impure_leaves, refuse
from playbill.config.origin import Key, Layer, Origin, key_lines, locate, shipped_folder
from playbill.config.params import leaves
from playbill.config.schema import Params
from playbill.errors import ConfigError

CONFIG = "config"
RECORDED = "recorded"
PLACES = "env"
_NOT_FOUND = re.compile(r"[Ii]nterpolation key '([^']+)' not found")
SHIPPED = "pkg://playbill.conf"


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
    for override in overrides:
        check_override(override)
    folder = conf or root / "conf"
    files = {path: f"conf/{path.relative_to(folder).as_posix()}" for path in _yaml(folder)}
    lines = {shown: key_lines(path, shown) for path, shown in files.items()}
    _check_defaults(folder)
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
    searched = [str(path) for path in config.hydra.searchpath]
    OmegaConf.set_struct(config, False)  # noqa: FBT003 - OmegaConf's own signature
    config.pop("hydra")
    raw = OmegaConf.to_container(config, resolve=False)
    _check_pure(raw, searched)
    try:
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        known = layers if layers is not None else _read_layers(folder, overrides)
        raise _dead(_dead_ends(config, raw), known, overrides, raw) from error
    assert isinstance(values, dict)
    assert isinstance(raw, dict)
    options = {group: _options(folder, group) for group in choices}
    return Composition(
        root, _plain(values), _plain(raw), choices, options, tuple(overrides), layers
    )


def _check_pure(raw: Any, searched: Sequence[str]) -> None:
    """Refuse what the look at the files cannot see: files elsewhere, DVC left unguarded."""
    for key, text, name in impure_leaves(raw):
        raise refuse(text, name, key)
    if SHIPPED not in searched:
        raise ConfigError(
            f"`{SHIPPED}` is not on Hydra's search path",
            where=f"conf/{CONFIG}.yaml hydra.searchpath",
            expected=f"hydra: {{searchpath: [{SHIPPED}]}}, which also keeps `dvc exp run` from "
            "reading the environment",
        )


def _check_defaults(folder: Path) -> None:
    """Refuse a defaults list in which recorded values would not stand above all others."""
    config = folder / f"{CONFIG}.yaml"
    tree = yaml.load(config.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}
    found = tree.get("defaults") if isinstance(tree, dict) else None
    for entry in found if isinstance(found, list) else ():
        for group, choice in entry.items() if isinstance(entry, dict) else ():
            if isinstance(choice, bool):
                raise ConfigError(
                    f"the choice for `{group}` is no text: YAML reads a bare on, off, yes or no "
                    "as true or false",
                    where=f"conf/{CONFIG}.yaml defaults",
                    expected=f'- {group}: "off"',
                    run="put it into quotes, then `playbill check`",
                )
    if not isinstance(found, list) or found[-1:] != [RECORDED] or "_self_" not in found:
        raise ConfigError(
            "the defaults list does not end with `- recorded`, or lacks `- _self_`",
            where=f"conf/{CONFIG}.yaml defaults",
            expected="the groups, then `- _self_`, then `- recorded`: "
            "what an experiment said stands above the files",
            run="mend the list, then `playbill check`",
        )
    if not (folder / f"{RECORDED}.yaml").is_file():
        raise ConfigError(
            f"conf/{RECORDED}.yaml is missing",
            where=f"conf/{RECORDED}.yaml",
            expected="a file with the one line `# @package _global_`",
            run=f"git restore conf/{RECORDED}.yaml",
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
    """Return the files that may be composed: all but conf/env, which config/place.py reads."""
    found = (path for path in folder.rglob("*.yaml") if path.is_file())
    return sorted(path for path in found if path.relative_to(folder).parts[0] != PLACES)


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


DeadEnd = tuple[Key, str]


def _dead_ends(config: Any, values: Any, path: Key = ()) -> Iterator[DeadEnd]:
    """Yield every key that cannot be resolved, and OmegaConf's reason."""
    from omegaconf.errors import OmegaConfBaseException

    names = values if isinstance(values, dict) else range(len(values))
    for name in names:
        key = (*path, str(name))
        try:
            inner = config[name]
        except OmegaConfBaseException as error:
            yield key, str(error).splitlines()[0]
            continue
        if isinstance(values[name], dict | list):
            yield from _dead_ends(inner, values[name], key)
        elif values[name] == "???":
            yield key, "the value `???` stands for one that must be given"


def _first_causes(ends: list[DeadEnd], raw: Any) -> list[DeadEnd]:
    """Leave out what is dead only because it names a key that is."""
    texts = {path: str(value) for path, value in leaves(raw)}
    found = [
        (key, reason)
        for key, reason in ends
        if (wanted := _NOT_FOUND.search(reason)) is None or wanted[1] in texts.get(key, wanted[1])
    ]
    return found or ends


def _dead(
    ends: Iterable[DeadEnd], layers: tuple[Layer, ...], overrides: Sequence[str], raw: Any
) -> ConfigError:
    """Say which interpolations are dead; a misspelt top-level key, the usual cause, comes first."""
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
    keys = [".".join(path) for path, _ in leaves(raw)]
    for key, reason in _first_causes(list(ends), raw):
        origin, dotted = locate(layers, key), ".".join(key)
        wanted = _NOT_FOUND.search(reason)
        close = difflib.get_close_matches(wanted[1], keys, 1) if wanted else []
        problems.append(
            ConfigError(
                f"dead interpolation: {reason}{_in_force(overrides)}",
                where=f"{origin} {dotted}" if origin else dotted,
                expected=f"`${{{close[0]}}}`" if close else "`${...}` with a key that exists",
                run="mend the line, then `playbill check`",
            )
        )
    return combined(problems)
