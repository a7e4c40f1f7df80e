"""Writes what is read off the code: configuration, commands, the schemas of files and reports.

python docs/generate.py           writes them
python docs/generate.py --check   writes nothing; exits 1 and names the files that differ
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from playbill.cli import main as cli
from playbill.config import editor, schema, table
from playbill.config.description import describe
from playbill.config.origin import shipped_folder
from playbill.config.place import Place
from playbill.drift.report import json_schema

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `python docs/generate.py`; edit the code it is read from instead. -->"
WORDS = {
    str: "text",
    float: "number",
    Any: "any value",
    int: "whole number",
    bool: "true or false",
    date: "date",
}
# Said of a group whose values are a `_target_` and its arguments, so that no model describes it.
TARGET = """A class of an allowed package as `_target_`, every other key an argument of its
constructor. `allow:` in conf/config.yaml says which packages may be named; an argument that the
constructor does not know is an error of `playbill check`."""


def _plain(text: str) -> str:
    """Put a docstring on one line, safe inside a table's cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def _type(annotation: Any) -> str:
    """Say in a user's words what a value must be."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is not None:
        return _compound(origin, parts)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return WORDS[annotation]


def _compound(origin: Any, parts: tuple[Any, ...]) -> str:
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (Union, UnionType):
        said = [_type(part) for part in parts if part is not NoneType]
        return " or ".join(said) + (" or null" if NoneType in parts else "")
    if origin is dict:
        return "mapping" if parts[1] is Any else f"mapping of {_type(parts[1])}"
    return f"list of {_type(parts[0])}" if origin is list else _type(parts[0])


def _range(field: FieldInfo) -> str:
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}
    said = [
        f"{word} {value:,}"
        for constraint in field.metadata
        for name, word in words.items()
        if (value := getattr(constraint, name, None)) is not None
    ]
    return f" ({', '.join(said)})" if said else ""


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "its defaults"
    return f"`{json.dumps(field.default, default=_said)}`"


def _said(value: BaseModel) -> dict[str, Any]:
    """Return what a default says, inside a list or a mapping."""
    return value.model_dump(exclude_unset=True)


def _keys(model: type[BaseModel], names: list[str] | None = None) -> Iterator[str]:
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if names is None or name in names:
            said = f"{_type(_annotation(field))}{_range(field)}"
            meaning = _plain(field.description or "")
            yield f"| `{field.alias or name}` | {said} | {_default(field)} | {meaning} |"


def _annotation(field: FieldInfo) -> Any:
    """Return what a field must be; of a mapping that is kept as it is, the model that it fits."""
    kept = [mark.model for mark in field.metadata if isinstance(mark, table.Keeps)]
    return kept[0] if kept else field.annotation


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation, outermost first, each with the models inside it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _parts(_annotation(field))
    for part in get_args(annotation):
        yield from _parts(part)


def configuration() -> str:
    """Render every group of conf/ from its typed model."""
    describe(table.Table, schema.Params, Place)
    fields = schema.Params.model_fields
    groups = [name for name in fields if name not in {"name", "seed", "allow", "environment"}]
    lines = ["# Configuration", "", NOTE, ""]
    lines += [
        "Every key that conf/ may hold. Any other key is an error. One folder of conf/ is one"
    ]
    lines += ["group; `playbill conf show GROUP` lists the options that a group has.", ""]
    lines += ["## conf/config.yaml", ""]
    lines += [*_keys(schema.Params, ["name", "seed", "allow"]), ""]
    for group in groups:
        lines += [f"## {group}", ""]
        models = list(dict.fromkeys(_parts(fields[group].annotation)))
        if not models:
            lines += [TARGET, ""]
        for depth, model in enumerate(models):
            lines += [f"### {model.__name__}", ""] if depth else []
            lines += [(model.__doc__ or "").strip(), "", *_keys(model), ""]
    lines += ["## env", "", "The files of conf/env: one a place. Not composed; see", ""]
    lines[-2] += " [Places](../how-to/places.md)."
    lines += [*_keys(Place), ""]
    return "\n".join(lines)


def _help(name: str, command: Any) -> Iterator[str]:
    text = (command.help or "").replace("\b", "").strip()
    said, _, examples = text.partition("Examples:")
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    yield from [f"## playbill {name}", "", said.strip(), ""]
    if examples.strip():
        yield from ["```console"]
        yield from (f"$ {line.strip()}" for line in examples.strip().splitlines() if line.strip())
        yield from ["```", ""]
    if shown:
        yield from ["| argument or option | meaning |", "|---|---|"]
        for parameter in shown:
            long = [option for option in parameter.opts if option.startswith("-")]
            label = ", ".join(long) if long else str(parameter.name).upper()
            yield f"| `{label}` | {_plain(getattr(parameter, 'help', None) or '')} |"
        yield ""


def commands() -> str:
    """Render every command from the help that it prints."""
    if not cli.app.registered_commands:
        cli._register()  # noqa: SLF001
    root: Any = typer.main.get_command(cli.app)
    lines = ["# Commands", "", NOTE, ""]
    lines += [
        "Exit status of every command: 0 done, 1 the answer is no (out of date, drift found),"
    ]
    lines += ["2 wrong use, 3 failed. Under `dvc repro` DVC exits with its own 255.", ""]
    for name in cli.COMMANDS:
        command = root.commands[name]
        inner = getattr(command, "commands", None)
        if inner is None:
            lines += _help(name, command)
        else:
            for below in inner.values():
                lines += _help(f"{name} {below.name}", below)
    return "\n".join(lines)


def drift_report() -> str:
    """Render the JSON Schema of what `playbill drift --json` prints."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)


PAGES = {
    "configuration.md": configuration,
    "commands.md": commands,
    "drift-report.schema.json": drift_report,
}


def written() -> dict[Path, str]:
    """Return the text of every generated file."""
    files = {REFERENCE / name: render().rstrip() + "\n" for name, render in PAGES.items()}
    for folder in (shipped_folder(), REFERENCE.parents[1] / "conf"):
        files |= {folder / editor.FOLDER / name: text for name, text in editor.schemas().items()}
    return files


def main(arguments: list[str]) -> int:
    """Write the files, or with --check compare them; return the exit status."""
    different = []
    for path, text in written().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            different.append(path.relative_to(REFERENCE.parents[1]).as_posix())
            if "--check" not in arguments:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
    if "--check" in arguments and different:
        print(f"out of date: {', '.join(different)} (run: python docs/generate.py)")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
