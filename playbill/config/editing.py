"""Edits of YAML files under conf/ that keep a person's comments, order and layout.

A key that exists has just its value replaced in the text. A key that does not exist is inserted by
ruamel.yaml's round-trip mode.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from playbill.config import recorded
from playbill.config.choice import CONFIG
from playbill.config.composition import Composition
from playbill.config.origin import Key, locate, shipped_folder
from playbill.config.params import changed_keys
from playbill.errors import ConfigError


def set_value(text: str, key: Key, value: Any) -> str:
    """Return `text` with `key` set to `value`, nothing else changed.

    Args:
        text: A YAML file.
        key: Path of the key in it.
        value: A plain value; mappings and lists are written in flow style.
    """
    span = _span(text, key)
    if span is None:
        return _insert(text, key, value)
    start, end = span
    return text[:start] + scalar(value) + text[end:]


def scalar(value: Any) -> str:
    """Return `value` as YAML on one line."""
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, default_flow_style=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _span(text: str, key: Key) -> tuple[int, int] | None:
    """Return the slice of the text that holds the value of `key`, if it can be replaced there."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in key:
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if str(k.value) == part), None)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit():
            node = node.value[int(part)] if int(part) < len(node.value) else None
        else:
            node = None
    if node is None:
        return None
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    is_literal = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    if is_block or is_literal:
        return None
    return node.start_mark.index, node.end_mark.index


def _insert(text: str, key: Key, value: Any) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import SingleQuotedScalarString

    editor = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = 10**6
    editor.indent(mapping=2, sequence=4, offset=2)
    tree = editor.load(text)
    if tree is None:
        tree = {}
    inner = tree
    for part in key[:-1]:
        if isinstance(inner, list):
            inner = inner[int(part)]
            continue
        if not isinstance(inner.get(part), dict | list):
            inner[part] = {}
        inner = inner[part]
    if isinstance(value, str) and scalar(value) != value:
        value = SingleQuotedScalarString(value)  # YAML 1.2 knows no bare `no`, Hydra's does
    inner[int(key[-1]) if isinstance(inner, list) else key[-1]] = value
    out = io.StringIO()
    editor.dump(tree, out)
    header = text if tree and not text.strip().strip("#") else ""
    return header + out.getvalue()


def set_choice(text: str, group: str, option: str) -> str:
    """Return the text of conf/config.yaml with `option` chosen for `group`.

    Raises:
        ConfigError: The defaults list has no line for the group.
    """
    pattern = re.compile(rf"^(\s*-\s*{re.escape(group)}\s*:\s*)([^\s#]+)", re.MULTILINE)
    if not pattern.search(text):
        raise ConfigError(
            f"the defaults list has no line for `{group}`", where=f"conf/{CONFIG}.yaml defaults"
        )
    return pattern.sub(lambda match: match.group(1) + scalar(option), text, count=1)


def fold(root: Path, choices: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    """Write choices and values into the project's own files under conf/; all or nothing.

    A value goes to the file that sets it now. If that file is one of the shipped options, it is
    copied into conf/ first, where it shadows the shipped one.

    Args:
        root: The project; nothing may be recorded while this runs.
        choices: Options by group.
        values: Values by dotted key.

    Returns:
        The changed files, relative to the project.

    Raises:
        ConfigError: The files would not compose to the values; nothing is changed.
    """
    texts: dict[Path, str] = {}
    config = root / "conf" / f"{CONFIG}.yaml"
    for group, option in choices.items():
        texts[config] = set_choice(_text(texts, config), group, option)
    composition = recorded.compose_with(
        root, recorded.Recorded(), *(f"{group}={option}" for group, option in choices.items())
    )
    for dotted, value in values.items():
        path, key = _home(root, composition, tuple(dotted.split(".")))
        texts[path] = set_value(_text(texts, path), key, value)
    before = {path: path.read_text("utf-8") if path.is_file() else None for path in texts}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    try:
        _prove(root, composition, values)
    except ConfigError:
        for path, old in before.items():
            path.unlink() if old is None else path.write_text(old, "utf-8", newline="\n")
        raise
    return sorted(path.relative_to(root).as_posix() for path in texts)


def _prove(root: Path, before: Composition, values: Mapping[str, Any]) -> None:
    after = recorded.compose_with(root, recorded.Recorded())
    _ = after.params
    now = {key: new for key, (_, new) in changed_keys(before.values, after.values).items()}
    wrong = [k for k, value in values.items() if now.get(k, _value(after.values, k)) != value]
    if wrong:
        raise ConfigError(
            f"conf/ cannot be edited so that {wrong} take these values",
            where="conf/",
            run="edit conf/ by hand, then `playbill compose`",
        )


def _value(values: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        if isinstance(values, list):
            place = int(part) if part.isdigit() else len(values)
            values = values[place] if place < len(values) else None
        else:
            values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _text(texts: Mapping[Path, str], path: Path) -> str:
    if path in texts:
        return texts[path]
    if path.is_file():
        return path.read_text("utf-8")
    shipped = shipped_folder() / path.parent.name / path.name
    return shipped.read_text("utf-8") if shipped.is_file() else ""


def _home(root: Path, composition: Composition, key: Key) -> tuple[Path, Key]:
    """Return the project's file that should say `key`, and the key's path in it."""
    best = locate(composition.layers, key)
    for layer in reversed(composition.layers):
        if best is None or layer.file != best.file:
            continue
        inner = key[len(layer.package) :]
        if layer.package or inner in layer.lines:
            return root / layer.file.removeprefix("playbill/"), inner
    return root / "conf" / f"{CONFIG}.yaml", key
