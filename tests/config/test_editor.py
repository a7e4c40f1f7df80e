"""What an editor is told about conf/ is what compose will say, and every file names its schema."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from playbill.config import editor
from playbill.config.catalog import options
from playbill.config.composition import compose
from playbill.config.origin import shipped_folder
from playbill.config.schema import Params
from tests.config.conftest import edit
from tests.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
HEADER = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)
FILES = [p for base in ("conf", "playbill/conf") for p in sorted((ROOT / base).rglob("*.yaml"))]
CHOSEN = [path for path in FILES if path.name != "recorded.yaml"]


class Loader(yaml.SafeLoader):
    """Reads a date as text, as Hydra and editors do."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def schema_of(name: str) -> Draft7Validator:
    schema = json.loads(editor.schemas()[f"{name}.json"])
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=Loader)


@pytest.mark.parametrize("folder", [shipped_folder(), ROOT / "conf"], ids=["shipped", "project"])
def test_the_committed_schemas_are_those_of_the_models(folder: Path) -> None:
    found = {path.name: path.read_text("utf-8") for path in (folder / ".schema").iterdir()}
    assert found == editor.schemas(), "run: python docs/generate.py"


def test_every_group_has_a_schema() -> None:
    groups = set(Params.model_fields) - {"name", "seed", "allow", "environment"}
    assert {name.removesuffix(".json") for name in editor.schemas()} == groups | {"config", "env"}


@pytest.mark.parametrize("path", CHOSEN, ids=shown)
def test_every_file_of_conf_names_its_schema_and_keeps_it(path: Path) -> None:
    named = HEADER.search(path.read_text("utf-8"))
    assert named is not None
    schema = (path.parent / named[1]).resolve()
    assert schema.is_file()
    assert schema.stem == ("config" if path.parent.name == "conf" else path.parent.name)
    errors = Draft7Validator(json.loads(schema.read_text("utf-8"))).iter_errors(read(path))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_the_recorded_file_keeps_its_first_line() -> None:
    assert (ROOT / "conf" / "recorded.yaml").read_text().splitlines()[0] == "# @package _global_"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        found
        for key, item in inner
        for found in (
            leaves(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]
        )
    ]


@pytest.mark.parametrize(
    "path", [p for p in CHOSEN if p.parent.name not in ("conf", "env")], ids=shown
)
def test_an_interpolation_may_stand_for_any_value(path: Path) -> None:
    schema = schema_of(path.parent.name)
    plain = read(path)
    for place in leaves(plain):
        document = copy.deepcopy(plain)
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = "${seed}"
        assert list(schema.iter_errors(document)) == [], place


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("split", "test_size", 1.5),
        ("split", "test_size", "0.2"),
        ("split", "knd", "time"),
        ("split", "kind", "tme"),
        ("evaluation", "slices", "carrier"),
        ("evaluation", "curve_points", 5),
        ("server", "max_batch_rows", 0),
        ("drift", "bins", True),
        ("source", "sources.planes.kind", "pyton"),
        ("source", "sources.planes.pth", "x"),
        ("contract", "label_delay", "1 day"),
        ("contract", "columns.late.role", "goal"),
        ("contract", "schema.columns.temp.nullabel", True),
        ("contract", "schema.columns.temp.dtype", "flot64"),
        ("contract", "schema.columns.temp.in_rang", {"min_value": 0, "max_value": 1}),
        ("contract", "schema.columns.origin.isin", "EWR"),
        ("pipeline", "stages.train.function", "os.system"),
    ],
)
def test_the_schema_and_the_model_refuse_the_same(group: str, key: str, value: object) -> None:
    values = compose(ROOT).values
    inner = values[group]
    *above, last = key.split(".")
    for part in above:
        inner = inner[part]
    assert list(schema_of(group).iter_errors(values[group])) == []
    inner[last] = value
    assert list(schema_of(group).iter_errors(values[group]))
    with pytest.raises(ValueError, match="validation error"):
        Params.model_validate(values)


def test_the_schema_of_config_yaml_takes_a_part_of_any_group_and_no_unknown_key() -> None:
    schema = schema_of("config")
    part = {"defaults": [{"model": "forest"}, "_self_"], "source": {"sources": {"planes": {}}}}
    assert list(schema.iter_errors({**part, "seed": 3, "model": {"max_depth": 3}})) == []
    faults: list[dict[str, Any]] = [
        {"sed": 3}, {"seed": -1}, {"split": {"tst": 1}}, {"environment": {}},
    ]  # fmt: skip
    assert [fault for fault in faults if not list(schema.iter_errors(fault))] == []


def test_schemas_are_no_option_and_places_no_group() -> None:
    found = options(ROOT)
    assert {option.group for option in found} & {"env", ".schema", "hydra"} == set()
    assert all(option.file.endswith(".yaml") for option in found)
    assert "yaml-language-server" not in " ".join(option.summary for option in found)


@pytest.mark.parametrize("order", ["package first", "schema first"])
def test_hydra_reads_a_package_line_only_above_the_schema_line(project: Path, order: str) -> None:
    lines = ["# @package _global_", "# yaml-language-server: $schema=../.schema/config.json"]
    text = "\n".join(lines if order == "package first" else reversed(lines)) + "\nseed: 99\n"
    (project / "conf" / "extra").mkdir()
    (project / "conf" / "extra" / "more.yaml").write_text(text)
    edit(project / "conf" / "config.yaml", "  - recorded", "  - extra: more\n  - recorded")
    found = compose(project).values
    assert (found["seed"] == 99) is (order == "package first")


def test_compose_renews_the_copy_of_the_project(project: Path, run: Run) -> None:
    (project / "conf" / ".schema").mkdir()
    (project / "conf" / ".schema" / "split.json").write_text("{}")
    run("playbill", "compose", cwd=project)
    found = {p.name: p.read_text("utf-8") for p in (project / "conf" / ".schema").iterdir()}
    assert found == editor.schemas()
    assert editor.refresh(project) == []
