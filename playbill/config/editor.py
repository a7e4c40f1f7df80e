"""JSON Schemas by which an editor completes and checks the YAML under conf/.

They are made from the typed models by docs/generate.py and shipped in playbill/conf/.schema;
`playbill compose` keeps the project's copy, conf/.schema, in step. A YAML file names its schema in
a comment, `# yaml-language-server: $schema=../.schema/split.json`, below a `# @package` line if it
has one, since Hydra reads those at the top only.
"""

import json
from pathlib import Path
from typing import Any

from playbill.config.origin import shipped_folder

FOLDER = ".schema"
_DIALECT = "http://json-schema.org/draft-07/schema#"  # the one that editors know
_REFERENCE = "#/definitions/{model}"
# `${...}` may stand for any value; what it gives is checked by `compose`.
_INTERPOLATION = {"type": "string", "pattern": r"\$\{.+\}"}
_DEFAULTS = {
    "description": "Hydra's defaults list: the option that each group starts from.",
    "type": "array",
    "items": {"type": ["string", "object"]},
}
_TARGET = {
    "description": "A class of an allowed package, and the arguments of its constructor.",
    "type": "object",
    "properties": {"_target_": {"type": "string", "description": "Its dotted name."}},
    "required": ["_target_"],
}
_NOT_TYPED = frozenset({"environment"})  # written by `compose`, never by hand
_TOP = ("name", "seed", "allow")


def schemas() -> dict[str, str]:
    """Return the text of every schema file by its name: one a group, `config` and `env`."""
    from playbill.config.description import describe
    from playbill.config.place import Place
    from playbill.config.schema import Params
    from playbill.config.table import Table

    describe(Table, Params, Place)
    whole = Params.model_json_schema(ref_template=_REFERENCE)
    models, properties = whole.pop("$defs"), whole["properties"]
    groups = [n for n in properties if n not in _NOT_TYPED and n not in _TOP]
    found = {name: _group(properties[name], models) for name in groups}
    found["config"] = _config({n: properties[n] for n in (*_TOP, *groups)}, models)
    found["env"] = {"$schema": _DIALECT, **_loose(Place.model_json_schema())}
    return {f"{name}.json": json.dumps(schema, indent=2) + "\n" for name, schema in found.items()}


def refresh(root: Path) -> list[str]:
    """Write the project's copy of the shipped schemas where it differs; return what changed."""
    folder = root / "conf" / FOLDER
    changed = []
    for source in sorted((shipped_folder() / FOLDER).glob("*.json")):
        target, text = folder / source.name, source.read_text("utf-8")
        if not target.is_file() or target.read_text("utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", newline="\n")
            changed.append(target.relative_to(root).as_posix())
    return changed


def _group(property_: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a group's files; one with a defaults list may leave keys to others."""
    if "$ref" in property_:
        body = json.loads(json.dumps(models[property_["$ref"].rpartition("/")[2]]))
    else:
        body = json.loads(json.dumps(_TARGET))
    body["properties"]["defaults"] = _DEFAULTS
    if needed := body.pop("required", []):
        body["anyOf"] = [{"required": ["defaults"]}, {"required": needed}]
    return {"$schema": _DIALECT, **_loose(body), "definitions": _reached(body, models)}


def _config(properties: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of config.yaml: any part of any group, nothing required."""
    known = {n: p if "$ref" in p or n in _TOP else _TARGET for n, p in properties.items()}
    body: dict[str, Any] = {
        "description": "What the project chooses, and what belongs to no group.",
        "type": "object",
        "properties": {**known, "defaults": _DEFAULTS, "hydra": {"type": "object"}},
        "additionalProperties": False,
    }
    parts = {"definitions": _reached(body, models)}
    return {"$schema": _DIALECT, **_partial(_loose(body)), **_partial(parts)}


def _reached(schema: Any, models: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that a schema names, directly or not, loosened and in order."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        for name in _named(waiting.pop()):
            if name not in found:
                found.add(name)
                waiting.append(models[name])
    return {name: _loose(models[name]) for name in sorted(found)}


def _named(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        mine = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return mine + [name for value in schema.values() for name in _named(value)]
    return [name for item in schema for name in _named(item)] if isinstance(schema, list) else []


def _loose(schema: Any) -> Any:
    """Return a schema in which an interpolation may stand for any value."""
    if isinstance(schema, list):
        return [_loose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _loose(value) for key, value in schema.items() if key != "title"}
    if isinstance(properties := schema.get("properties"), dict):
        plain["properties"] = {name: _or_interpolation(p) for name, p in properties.items()}
    for inner in ("additionalProperties", "items"):
        if isinstance(schema.get(inner), dict):
            plain[inner] = _or_interpolation(schema[inner])
    return plain


def _or_interpolation(schema: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {key: schema[key] for key in ("description", "default") if key in schema}
    rest = {k: v for k, v in _loose(schema).items() if k not in said and k != "title"}
    is_text = rest.get("type") == "string" and not {"pattern", "enum", "const", "format"} & set(
        rest
    )
    if not rest or is_text:
        return {**said, **rest}
    choices = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**said, "anyOf": [*choices, _INTERPOLATION]}


def _partial(schema: Any) -> Any:
    """Return a schema that asks for no key."""
    if isinstance(schema, list):
        return [_partial(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: v for k, v in schema.items() if not (k == "required" and isinstance(v, list))}
    return {
        ("anyOf" if key == "oneOf" else key): _partial(value)
        for key, value in kept.items()
        if key != "discriminator"
    }
