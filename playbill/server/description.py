"""The application's OpenAPI document: derived from its models, the same with and without a model.

The ASGI endpoints cannot be documented by FastAPI; their twin, which is always there, is.
"""

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from playbill.server.problem import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

    from playbill.server.interface import Interface

VERSION = "1"  # of the served interface's form, not of the model
MODULES = ("schemas", "app")  # in the order in which they import each other
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
LEAST, GREATEST = -(2**63), 2**63 - 1
REFERENCE = "#/components/schemas/{model}"


def describe(app: "FastAPI", interface: "Interface") -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document = get_openapi(
        title=interface.title,
        version=VERSION,
        description=interface.description or None,
        routes=app.routes,
    )
    _, own = models_json_schema([(Problem, "validation")], ref_template=REFERENCE)
    schemas = {**document.get("components", {}).get("schemas", {}), **own["$defs"]}
    _whole(schemas)
    # FastAPI's own error models are never answered.
    unused = {"HTTPValidationError", "ValidationError"}
    names = [name for name in sorted(schemas) if name not in unused]
    document["components"] = {
        "schemas": {name: schemas[name] for name in names},
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "token": {"type": "http", "scheme": "bearer"},
        },
    }
    # Whether any is asked for is a deployment's decision, so each is one of several.
    document["security"] = [{}, {"key": []}, {"token": []}]
    return document


def _whole(schema: Any) -> None:
    """Write the bounds of integers as integers again: FastAPI's own model makes doubles of them.

    2**63 - 1 is no double; its neighbour would be a document that promises one value too many.
    """
    parts = schema if isinstance(schema, list) else schema.values()
    if isinstance(schema, dict) and schema.get("type") == "integer":
        for name in BOUNDS & schema.keys():
            if isinstance(schema[name], float) and schema[name].is_integer():
                schema[name] = max(LEAST, min(int(schema[name]), GREATEST))
    for part in parts:
        if isinstance(part, dict | list):
            _whole(part)


def openapi_text(texts: Mapping[str, str]) -> str:
    """Return openapi.json for generated texts (`schemas.py`, `app.py`); no model is needed."""
    with _imported(texts) as app:
        document = app.create().openapi()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@contextmanager
def _imported(texts: Mapping[str, str]) -> Iterator[ModuleType]:
    """Import the generated modules from their text, and forget them afterwards."""
    before = {name: sys.modules.get(name) for name in MODULES}
    try:
        for name in MODULES:
            module = sys.modules[name] = ModuleType(name)
            code = compile(texts[f"{name}.py"], f"{name}.py", "exec", dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - text that this very process generated
        yield sys.modules["app"]
    finally:
        for name, earlier in before.items():
            if earlier is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = earlier


def import_application(folder: str) -> ModuleType:
    """Import `app` from the bundle's server folder."""
    sys.path.insert(0, folder)
    return importlib.import_module("app")
