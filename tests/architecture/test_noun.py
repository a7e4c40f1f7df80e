"""One word for one thing: the group in conf/, the package, the tests and the typed model."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from playbill.config import schema
from playbill.config.description import describe
from playbill.config.group import Group

ROOT = Path(__file__).parents[2]
# Keys of params.yaml that are no group: they stand in config.yaml or are written by `compose`.
NO_GROUP = {"name", "seed", "allow", "environment"}
# Groups whose values are a `_target_` and its arguments have no model of their own.
TARGET_GROUPS = {"model"}
# Folders of conf/ that are never composed: config/place.py reads them.
NO_COMPOSITION = {"env"}
# Test folders that look at the whole instead of at one package.
WHOLE = {"architecture", "conf", "conformance", "docs", "e2e", "stages", "workflow"}


def folders(*parts: str) -> set[str]:
    parent = ROOT.joinpath(*parts)
    hidden = ("_", ".")
    return {p.name for p in parent.iterdir() if p.is_dir() and not p.name.startswith(hidden)}


def groups() -> set[str]:
    return (folders("conf") | folders("playbill", "conf")) - NO_COMPOSITION


def models() -> Iterator[type[BaseModel]]:
    for value in vars(schema).values():
        if isinstance(value, type) and issubclass(value, Group):
            yield value


def test_every_group_has_a_typed_model_and_every_model_a_group() -> None:
    assert groups() == set(schema.Params.model_fields) - NO_GROUP


def test_the_model_of_a_group_bears_its_name() -> None:
    for group in groups() - TARGET_GROUPS:
        assert schema.Params.model_fields[group].annotation is getattr(schema, group.capitalize())


def test_every_key_of_conf_has_a_description() -> None:
    describe(schema.Params)
    bare = [
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if not field.description and not (model is schema.Params and name in groups())
    ]
    assert bare == []


def test_every_group_and_its_model_say_what_they_are_for() -> None:
    assert [model.__name__ for model in models() if not model.__doc__] == []


def test_a_group_of_conf_finds_its_code_in_the_package_of_the_same_name() -> None:
    assert groups() - folders("playbill") == set()


def test_a_folder_of_tests_looks_at_the_package_of_the_same_name() -> None:
    assert folders("tests") - folders("playbill") - WHOLE == set()


def test_no_noun_stands_in_two_forms() -> None:
    names = groups() | folders("playbill") | (folders("tests") - WHOLE)
    assert {name for name in names if f"{name}s" in names} == set()
