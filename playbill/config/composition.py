"""conf/ composed by Hydra: plain values, the choices made, and the file behind every key.

This is the only module that imports Hydra; stages never do.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from playbill.config import choice
from playbill.config.choice import CONFIG, RECORDED, SHIPPED
from playbill.config.interpolation import check_override, impure_leaves, refuse
from playbill.config.origin import Key, Layer, Origin, key_lines, locate, shipped_folder
from playbill.config.parsing import parsed_in_c
from playbill.config.schema import Params
from playbill.errors import ConfigError

PLACES = "env"


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

    place = str(folder.resolve())
    with warnings.catch_warnings(), parsed_in_c(), initialize_config_dir(place, version_base=None):
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
            raise choice.explain(error, folder, overrides, lines) from error
    searched = [str(path) for path in config.hydra.searchpath]
    OmegaConf.set_struct(config, False)  # noqa: FBT003 - OmegaConf's own signature
    config.pop("hydra")
    raw = OmegaConf.to_container(config, resolve=False)
    _check_pure(raw, searched)
    options = {group: _options(folder, group) for group in choices}
    parts = (_plain(raw), choices, options, tuple(overrides), layers)
    try:
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        from playbill.config.deadend import refusal

        raise refusal(lambda values: Composition(root, values, *parts), config, raw) from error
    return Composition(root, _plain(values), *parts)


def _check_pure(raw: Any, searched: Sequence[str]) -> None:
    """Refuse what the look at the files cannot see: files elsewhere, DVC left unguarded."""
    for key, text, name in impure_leaves(raw):
        raise refuse(text, name, key)
    if SHIPPED not in searched:
        raise choice.not_searched()


def _check_words(defaults: Any, lines: dict[Key, int]) -> None:
    """Refuse a choice that YAML took for a truth value: Hydra would end with a traceback."""
    entries = [(n, each) for n, each in enumerate(defaults or ()) if isinstance(each, dict)]
    for place, group, option in ((n, *pair) for n, each in entries for pair in each.items()):
        if isinstance(option, bool):
            line = lines.get(("defaults", str(place), str(group)), 1)
            raise ConfigError(
                f"the choice for `{group}` is no text: YAML reads a bare on, off, yes or no "
                "as true or false",
                where=f"conf/{CONFIG}.yaml:{line} defaults",
                expected=f'- {group}: "off"',
                run="put it into quotes, then `playbill check`",
            )


def _check_defaults(folder: Path) -> None:
    """Refuse a defaults list in which recorded values would not stand above all others."""
    config = folder / f"{CONFIG}.yaml"
    tree = yaml.load(config.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}
    found = tree.get("defaults") if isinstance(tree, dict) else None
    _check_words(found, key_lines(config, f"conf/{CONFIG}.yaml"))
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
