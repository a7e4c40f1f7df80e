"""Hydra's refusal of a choice in a defaults list, told with its line and what would be near."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from playbill.config.origin import Key, shipped_folder
from playbill.errors import ConfigError

CONFIG = "config"
CONFIG_FILE = f"conf/{CONFIG}.yaml"
RECORDED = "recorded"
SHIPPED = "pkg://playbill.conf"
_TWICE = re.compile(r"Multiple values for ([\w/]+)\.")
_RUN = "playbill conf show, which lists every option"

Lines = Mapping[str, Mapping[Key, int]]  # the line of each key, by file


def explain(error: Exception, conf: Path, overrides: Sequence[str], lines: Lines) -> ConfigError:
    """Return the error for what Hydra refuses."""
    force = f" (overrides in force: {', '.join(overrides)})" if overrides else ""
    text = str(error).strip().splitlines()[0]
    if missing := getattr(error, "missing_cfg_file", None):
        group, _, name = str(missing).rpartition("/")
        options = [str(option) for option in getattr(error, "options", None) or []]
        if options:
            return _no_option(group, name, options, conf, force, lines)
        return _no_group(group, name, force, lines)
    if twice := _TWICE.search(text):
        return ConfigError(
            f"the group `{twice[1]}` is chosen twice{force}",
            where=_line(twice[1], lines),
            expected="one line for each group",
            run="delete one of the lines, then `playbill check`",
        )
    return ConfigError(
        f"Hydra refuses the configuration: {text}{force}", where=CONFIG_FILE, run=_RUN
    )


def not_searched() -> ConfigError:
    """Return the error for a search path that lacks the shipped options."""
    return ConfigError(
        f"`{SHIPPED}` is not on Hydra's search path",
        where=f"{CONFIG_FILE} hydra.searchpath",
        expected=f"hydra: {{searchpath: [{SHIPPED}]}}, which also keeps `dvc exp run` from "
        "reading the environment",
    )


def _no_option(
    group: str, name: str, options: Sequence[str], conf: Path, force: str, lines: Lines
) -> ConfigError:
    near = difflib.get_close_matches(name, options, 1, 0.4)
    expected = (f"`{near[0]}`; " if near else "") + f"one of {list(options)}"
    if (conf / group / f"{name}.yml").is_file():
        expected = f"conf/{group}/{name}.yml renamed to {name}.yaml: Hydra reads no other ending"
    return ConfigError(
        f"group `{group}` has no option `{name}`{force}",
        where=f"{_line(group, lines)}: {name}",
        expected=expected,
        run=_RUN,
    )


def _no_group(group: str, name: str, force: str, lines: Lines) -> ConfigError:
    shipped = {path.parent.name for path in shipped_folder().glob("*/*.yaml")}
    own = {shown.split("/")[1] for shown in lines if shown.count("/") > 1}
    if group in shipped - own:
        return not_searched()  # it would have been found
    known = sorted(shipped | own)
    near = difflib.get_close_matches(group, known, 1, 0.4)
    return ConfigError(
        f"there is no group `{group}`{force}",
        where=f"{_line(group, lines)}: {name}",
        expected=(f"`{near[0]}`; " if near else "") + f"one of {known}",
        run=_RUN,
    )


def _line(group: str, lines: Lines) -> str:
    """Return the last line of a defaults list that chooses a group."""
    for shown in (f"conf/{RECORDED}.yaml", CONFIG_FILE):
        found = [
            line
            for key, line in lines.get(shown, {}).items()
            if key[:1] == ("defaults",) and key[-1].split()[-1].strip("/") == group
        ]
        if found:
            return f"{shown}:{found[-1]} {group}"
    return f"{CONFIG_FILE} {group}"
