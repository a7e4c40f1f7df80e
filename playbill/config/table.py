"""The keys of `contract.schema` that pandera knows, without importing it.

pandera drops a key that it does not know without a word, so a misspelt `nullabel` or `in_rang`
would check nothing. Importing it costs a second and a half: its names are listed here instead, and
a test compares them with the installed one.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    Tag,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DTYPES = (
    "float", "float32", "float64", "Float32", "Float64",
    "int", "int8", "int16", "int32", "int64", "Int8", "Int16", "Int32", "Int64",
    "str", "string", "string[python]", "string[pyarrow]", "object", "category",
    "bool", "boolean",
    "datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]",
)  # fmt: skip
_ZONED = re.compile(r"datetime64\[(s|ms|us|ns), ?[A-Za-z0-9_+\-/:]+\]")
_DTYPE_FORM = rf"^({'|'.join(re.escape(d) for d in DTYPES)}|{_ZONED.pattern})$"


def _dtype(name: str) -> str:
    if name in DTYPES or _ZONED.fullmatch(name):
        return name
    # The context tells config/complaint.py which names to look for the nearest in.
    raise PydanticCustomError(
        "unknown_name", "the dtype `{name}` is unknown", {"name": name, "known": list(DTYPES)}
    )


class Part(BaseModel):
    """Base of what pandera reads: unknown keys refused, nothing converted."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        protected_namespaces=(),
        defer_build=True,  # built with what holds a table
    )


class CheckOptions(Part):
    """What any check takes besides its own arguments."""

    ignore_na: bool = True
    """Leave missing values out."""
    raise_warning: bool = False
    """Warn instead of failing."""
    n_failure_cases: int | None = None
    """How many failures to report."""
    error: str | None = None
    """Text of the failure."""
    name: str | None = None
    """Name of the check."""


class Span(CheckOptions):
    """Two bounds."""

    min_value: Any
    """Lower bound."""
    max_value: Any
    """Upper bound."""
    include_min: bool = True
    """The lower bound itself is allowed."""
    include_max: bool = True
    """The upper bound itself is allowed."""


class Length(CheckOptions):
    """How long a text may be."""

    min_value: int | None = None
    """Fewest characters."""
    max_value: int | None = None
    """Most characters."""
    exact_value: int | None = None
    """Exactly so many characters."""


class AllowedValues(CheckOptions):
    """A list of values, with options."""

    allowed_values: list[Any]
    """The values."""


class ForbiddenValues(CheckOptions):
    """A list of values, with options."""

    forbidden_values: list[Any]
    """The values."""


def _form(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "plain"


# A plain value or a mapping, told apart by their form, so that only one side's errors are told.
_FORM = Discriminator(_form)
_Values = Annotated[list[Any], Tag("plain")]
_Words = Annotated[str, Tag("plain")]
_Number = Annotated[int, Tag("plain")]
_Mapping = Annotated[dict[str, Any], Tag("mapping")]
_Allowed = Annotated[AllowedValues, Tag("mapping")]
_Forbidden = Annotated[ForbiddenValues, Tag("mapping")]
_Lengths = Annotated[Length, Tag("mapping")]
Text = Annotated[_Words | _Mapping, _FORM]


class Checks(Part):
    """Checks by name; a check without a special form takes its one argument."""

    eq: Any = None
    """Equal to."""
    equal_to: Any = None
    """Equal to."""
    ne: Any = None
    """Not equal to."""
    not_equal_to: Any = None
    """Not equal to."""
    gt: Any = None
    """Greater than."""
    greater_than: Any = None
    """Greater than."""
    ge: Any = None
    """Greater than or equal to."""
    greater_than_or_equal_to: Any = None
    """Greater than or equal to."""
    lt: Any = None
    """Less than."""
    less_than: Any = None
    """Less than."""
    le: Any = None
    """Less than or equal to."""
    less_than_or_equal_to: Any = None
    """Less than or equal to."""
    in_range: Span | None = None
    """Between two bounds."""
    between: Span | None = None
    """Between two bounds."""
    isin: Annotated[_Values | _Allowed, _FORM] | None = None
    """One of these values."""
    notin: Annotated[_Values | _Forbidden, _FORM] | None = None
    """None of these values."""
    str_matches: Text | None = None
    """Matches the regular expression from the start."""
    str_contains: Text | None = None
    """Matches the regular expression anywhere."""
    str_startswith: Text | None = None
    """Starts with the text."""
    str_endswith: Text | None = None
    """Ends with the text."""
    str_length: Annotated[_Number | _Lengths, _FORM] | None = None
    """Length of the text."""
    unique_values_eq: Annotated[_Values | _Mapping, _FORM] | None = None
    """The distinct values are exactly these."""


_Named = Annotated[Checks, Tag("mapping")]


class TableColumn(Checks):
    """One column as pandera sees it: its dtype, and checks by name."""

    dtype: Annotated[str, AfterValidator(_dtype), Field(json_schema_extra={"pattern": _DTYPE_FORM})]
    """Type of the values, as float64, int64, str, bool or datetime64[ns]."""
    nullable: bool = False
    """Values may be missing."""
    unique: bool = False
    """No value occurs twice."""
    coerce: bool = False
    """Convert to the dtype before checking."""
    required: bool = True
    """The column must be there."""
    regex: bool = False
    """The name is a pattern for several columns."""
    default: Any = None
    """Stands in for a missing value."""
    report_duplicates: Literal["all", "exclude_first", "exclude_last"] = "all"
    """Which of several equal values are reported."""
    drop_invalid_rows: bool = False
    """Drop rows that fail instead of failing."""
    title: str | None = None
    """A title."""
    description: str | None = None
    """A description."""
    checks: Annotated[_Values | _Named, _FORM] | None = None
    """Checks in pandera's nested form."""


class Table(Part):
    """pandera's own YAML form of a DataFrameSchema."""

    columns: Annotated[dict[str, TableColumn], Field(min_length=1)]
    """The columns by name, in order."""
    schema_type: Literal["dataframe"] = "dataframe"
    """Says that this is a table."""
    version: str | None = None
    """Version of pandera that wrote it."""
    api: Literal["pandas"] = "pandas"
    """Kind of data frame."""
    checks: dict[str, Any] | None = None
    """Checks of the whole table."""
    index: list[Any] | None = None
    """Checks of the index."""
    dtype: str | None = None
    """One dtype for all columns."""
    coerce: bool = False
    """Convert every column to its dtype before checking."""
    strict: bool | Literal["filter"] = False
    """Refuse (true) or drop (filter) columns that are not listed."""
    name: str | None = None
    """A name."""
    ordered: bool = False
    """The columns must stand in this order."""
    unique: str | list[str] | None = None
    """Columns whose values together occur once."""
    report_duplicates: Literal["all", "exclude_first", "exclude_last"] = "all"
    """Which of several equal rows are reported."""
    unique_column_names: bool = False
    """No column name occurs twice."""
    add_missing_columns: bool = False
    """Add columns that have a default."""
    title: str | None = None
    """A title."""
    description: str | None = None
    """A description."""
    drop_invalid_rows: bool = False
    """Drop rows that fail instead of failing."""


@dataclass(frozen=True)
class Keeps:
    """Marks a plain mapping that must fit a model and stays the mapping that it was.

    params.yaml and the bundle hold what was written, without the model's defaults.
    """

    model: type[BaseModel]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check with the model, return the input."""
        del source
        return core_schema.no_info_wrap_validator_function(
            _keep,
            handler.generate_schema(self.model),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


def _keep(value: Any, check: core_schema.ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value
