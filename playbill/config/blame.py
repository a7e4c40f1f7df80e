"""Where a key of a composition stands, and which override or choice put its value there."""

from typing import TYPE_CHECKING

from playbill.config.choice import CONFIG_FILE
from playbill.config.member import has
from playbill.config.origin import Origin

if TYPE_CHECKING:
    from playbill.config.composition import Composition
    from playbill.config.origin import Key

SHIPPED_FILES = "playbill/"


def place(composition: "Composition", key: "Key") -> str:
    """Return `file:line key` for a key of a composition, or the override that set it."""
    if said := setting(composition, key):
        return f"the override {said[-1]}"
    is_there = bool(key) and has(composition.raw, key[0])
    origin = composition.origin(key) if is_there else CONFIG_FILE
    dotted = ".".join(key)
    shipped = isinstance(origin, Origin) and origin.file.startswith(SHIPPED_FILES)
    chosen = _chosen(composition, key[0]) if shipped else ""
    return f"{origin} {dotted}{chosen}" if origin else dotted


def _chosen(composition: "Composition", group: str) -> str:
    """Return where an option that Playbill ships was chosen: nobody mends a line of its file."""
    names = ((group,), (f"override /{group}",))
    found = [
        f", chosen in {layer.file}:{line}"
        for layer in composition.layers
        for path, line in layer.lines.items()
        if path[:1] == ("defaults",) and path[2:] in names
    ]
    return found[-1] if found else ""


def setting(composition: "Composition", key: "Key") -> list[str]:
    """Return the overrides that set a key, or something that it stands in or holds.

    One that chooses an option sets nothing: what is wrong then stands in the option's file.
    """
    said = {each: _overridden(each) for each in composition.overrides}
    return [
        each
        for each, name in said.items()
        if ".".join(name) not in composition.choices and name == key[: len(name)]
    ]


def _overridden(override: str) -> "Key":
    return tuple(override.partition("=")[0].lstrip("+~").partition("@")[0].split("."))


def by_override(composition: "Composition", key: "Key") -> str:
    """Return the overrides that may have led to what is wrong, in brackets; empty if none."""
    if setting(composition, key):
        return ""  # that is where it stands
    mine = [each for each in composition.overrides if _overridden(each) == key[:1]]
    if mine:
        return f" (chosen by the override {', '.join(mine)})"
    others = ", ".join(composition.overrides)
    return f" (overrides in force: {others})" if others else ""


def mend(composition: "Composition", key: "Key") -> str:
    """Return what to do about a wrong value."""
    if setting(composition, key):
        return "say another value, or leave the override out"
    return "mend the line, then `playbill check`"
