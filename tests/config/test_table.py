"""What is listed of pandera is what the installed pandera knows, and no more is accepted."""

import re
from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.kind import KINDS
from playbill.config.table import DTYPES, CheckOptions, Checks, Table, TableColumn
from playbill.errors import ConfigError
from tests.config.conftest import edit

# Checks of other kinds of tables, and those of pandera that YAML cannot say.
ELSEWHERE = re.compile(r"^(cf_|dim_size|has_|ndim|no_duplicates_in_coord|is_monotonic|.*_ttest)")


def test_the_checks_are_those_of_the_installed_pandera() -> None:
    from pandera.api.checks import Check

    aliases = {"eq", "ne", "gt", "ge", "lt", "le", "between"}
    builtin = {name for name in dir(Check) if Check.is_builtin_check(name)} | aliases
    known = {name for name in builtin if not ELSEWHERE.match(name) and hasattr(Check, name)}
    assert set(Checks.model_fields) == known


def test_the_keys_of_a_column_and_of_a_check_are_those_of_the_installed_pandera() -> None:
    from pandera.io import _flat_checks as pandera

    arrays = {"dims", "alias", "ordered_dims", "sizes", "shape", "coords", "schema_type", "version"}
    mine = set(TableColumn.model_fields) - set(Checks.model_fields)
    assert mine == pandera.COMPONENT_RESERVED_KEYS - arrays - {"name"}
    options = set(pandera.CHECK_OPTION_KEYS) - {"check_name", "groupby", "groups"}
    assert set(CheckOptions.model_fields) == options


def test_the_keys_of_a_table_are_among_those_of_the_installed_pandera() -> None:
    import inspect

    from pandera.pandas import DataFrameSchema

    known = set(inspect.signature(DataFrameSchema).parameters) | {"schema_type", "version", "api"}
    assert set(Table.model_fields) <= known


@pytest.mark.parametrize("dtype", [*DTYPES, "datetime64[ns, UTC]", "datetime64[us, Europe/Rome]"])
def test_every_dtype_is_one_of_pandera_and_of_the_contract(dtype: str) -> None:
    from pandera.engines import pandas_engine

    assert pandas_engine.Engine.dtype(dtype) is not None
    assert dtype.partition("[")[0].lower() in KINDS


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("nullable: true", "nullabel: true", "`nullable`"),
        ("nullable: true", "in_rang: {min_value: 0, max_value: 1}", "`in_range`"),
        ("nullable: true", "in_range: {min_value: 0, max_vlue: 1}", "`max_value`"),
        ("nullable: true", "isin: abc", "a valid list"),
        ("nullable: true", "nullable: 1", "a valid boolean"),
        ("nullable: true", "checks: {isn: [1]}", "`isin`"),
        ("nullable: true", "str_length: {mn_value: 1}", "`min_value`"),
        ("dtype: float64", "dtype: flaot64", "`float64` is the nearest name"),
        ("dtype: float64", "dtype: [float64]", "a valid string"),
    ],
)
def test_what_pandera_would_pass_over_is_refused_with_its_line(
    project: Path, old: str, new: str, expected: str
) -> None:
    edit(project / "conf" / "contract" / "tiny.yaml", old, new)
    with pytest.raises(ConfigError) as caught:
        _ = compose(project).params
    assert "conf/contract/tiny.yaml:5 contract.schema.columns.x." in str(caught.value)
    assert expected in str(caught.value)


def test_every_problem_of_a_schema_is_told_at_once(project: Path) -> None:
    edit(project / "conf" / "contract" / "tiny.yaml", "nullable: true", "nullabel: true")
    edit(project / "conf" / "contract" / "tiny.yaml", "dtype: bool", "dtype: boll")
    edit(project / "conf" / "contract" / "tiny.yaml", "schema_type: dataframe", "schema_tpe: x")
    with pytest.raises(ConfigError, match="3 problems"):
        _ = compose(project).params


def test_the_schema_stays_what_was_written(project: Path) -> None:
    schema = compose(project).params.contract.schema_
    assert schema["columns"]["y"] == {"dtype": "bool"}
    assert compose(project).params.model_dump(by_alias=True)["contract"]["schema"] == schema
