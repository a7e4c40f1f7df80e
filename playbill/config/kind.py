"""What a column holds, by the name of its dtype."""

from typing import Literal

Kind = Literal["number", "integer", "text", "boolean", "datetime"]

# pandera's dtype names, the version in brackets left out, by what they hold.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("float", "float32", "float64"), "number"),
    **dict.fromkeys(("int", "int8", "int16", "int32", "int64"), "integer"),
    **dict.fromkeys(("str", "string", "object", "category"), "text"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("datetime", "datetime64"), "datetime"),
}
# How an estimator is told which of its columns are categories: its parameter by that name.
CATEGORICAL = ("categorical_features", "categorical_feature", "cat_features")


def kind_of(dtype: object) -> Kind | None:
    """Return the kind of a dtype as `contract.schema` names it; None if none is known."""
    return KINDS.get(str(dtype).split("[", maxsplit=1)[0].lower())
