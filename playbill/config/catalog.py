"""The options that a project can choose from, its own and the shipped ones."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from playbill.config.choice import CONFIG, RECORDED
from playbill.config.composition import PLACES, compose
from playbill.config.origin import shipped_folder
from playbill.errors import UsageError


@dataclass(frozen=True)
class Option:
    """One option of a group.

    Attributes:
        group: The group.
        name: The option.
        file: Where it stands, `playbill/conf/...` if it is shipped.
        summary: Its first comment line.
        chosen: True if the project composes it now.
    """

    group: str
    name: str
    file: str
    summary: str
    chosen: bool


def options(root: Path, group: str | None = None) -> list[Option]:
    """Return the options of one group, or of all, sorted.

    Raises:
        UsageError: There is no such group.
    """
    choices = compose(root).choices
    found: dict[tuple[str, str], Option] = {}
    for folder, prefix in ((shipped_folder(), "playbill/conf"), (root / "conf", "conf")):
        for path in sorted(folder.glob("*/**/*.yaml")):
            if path.relative_to(folder).parts[0] == PLACES:
                continue
            name = path.relative_to(folder).with_suffix("").as_posix()
            head, _, tail = name.rpartition("/")
            shown = f"{prefix}/{name}.yaml"
            found[head, tail] = Option(head, tail, shown, _summary(path), choices.get(head) == tail)
    groups = sorted({key[0] for key in found})
    if group is not None and group not in groups:
        raise _unknown(group, groups, "group")
    return [found[key] for key in sorted(found) if group in (None, key[0])]


def _summary(path: Path) -> str:
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#") and "@package" not in line and "yaml-language-server" not in line:
            return line.lstrip("# ").strip()
    return ""


def _unknown(name: str, known: list[str], noun: str) -> UsageError:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    return UsageError(
        f"there is no {noun} `{name}`",
        where="conf/",
        expected=(f"`{near[0]}`; " if near else "") + f"one of {known}",
        run="playbill conf show",
    )


def copy(root: Path, option: str) -> str:
    """Copy the shipped `group/name` into conf/ and return the new file, relative to the project.

    Raises:
        UsageError: There is no such shipped option, or the project has a file of that name.
    """
    source = shipped_folder() / f"{option}.yaml"
    known = sorted(
        path.relative_to(shipped_folder()).with_suffix("").as_posix()
        for path in shipped_folder().glob("*/**/*.yaml")
    )
    if option not in known or option in (CONFIG, RECORDED):
        raise _unknown(option, known, "shipped option")
    target = root / "conf" / f"{option}.yaml"
    if target.exists():
        raise UsageError(
            f"conf/{option}.yaml exists already",
            where=f"conf/{option}.yaml",
            expected="an option that the project has no file for",
            run="edit that file; it shadows the shipped one",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text("utf-8"), "utf-8", newline="\n")
    return target.relative_to(root).as_posix()
