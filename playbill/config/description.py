"""The docstring under a field of a typed model: its description in schemas and in the reference.

pydantic can read them itself (`use_attribute_docstrings`), but does so whenever a model is
imported, by parsing its source: in every stage and command, for the few that show a description.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache

from pydantic import BaseModel


def describe(*models: type[BaseModel]) -> None:
    """Give the fields of `models`' modules their descriptions, for this process.

    Args:
        models: Each stands for all models of its module, and of the modules that those come from;
            they are built anew.
    """
    for module in dict.fromkeys(model.__module__ for model in models):
        for name in dict.fromkeys(one.__module__ for one in _models(module)):
            if name != module:
                _describe_module(name)
        _describe_module(module)


def _models(module: str) -> list[type[BaseModel]]:
    """Return the models that a module has or imports; of the project, not pydantic's own."""
    found = vars(sys.modules[module]).values()
    return [
        value
        for value in found
        if isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel
    ]


@cache
def _describe_module(module: str) -> None:
    texts = dict(_docstrings(inspect.getsource(sys.modules[module])))
    found = [model for model in _models(module) if model.__module__ == module]
    for model in found:
        for name, field in model.model_fields.items():
            owners = (base.__name__ for base in model.__mro__)
            text = next((texts[o, name] for o in owners if (o, name) in texts), None)
            if field.description is None and text is not None:
                field.description = text
    for model in found:
        model.model_rebuild(force=True)


def _docstrings(source: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield class, field and the text under it."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                yield (node.name, field.target.id), inspect.cleandoc(text.value.value)
