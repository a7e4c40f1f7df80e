"""What the ready transformers take, and what scikit-learn's common ones make of a text column.

A transformer sees numbers and cannot tell a time, as seconds since 1970, from any other: that a
column is a time only the contract says.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playbill.config.kind import kind_of
from playbill.config.nearest import nearest
from playbill.config.schema import Contract, Feature
from playbill.config.selection import selected
from playbill.config.target import KEY

Problem = tuple[str, str, str]  # key, what, expected
DATES = "playbill.feature.dates.DateParts"
CROSSING = "playbill.feature.crossing.Crossing"
LINES = "playbill.feature.lines.Lines"
ENCODERS = "OneHotEncoder, OrdinalEncoder or TargetEncoder before it, or a group of its own"
_LEAST = 2  # columns that can be crossed
# scikit-learn's transformers of numbers, by module; what is text has to be encoded first.
_NUMERIC = {
    "sklearn.preprocessing": {
        "Binarizer", "KBinsDiscretizer", "MaxAbsScaler", "MinMaxScaler", "Normalizer",
        "PolynomialFeatures", "PowerTransformer", "QuantileTransformer", "RobustScaler",
        "SplineTransformer", "StandardScaler",
    },
    "sklearn.decomposition": {"PCA", "FastICA", "NMF", "TruncatedSVD"},
    "sklearn.impute": {"KNNImputer", "IterativeImputer"},
}  # fmt: skip
_VECTORIZERS = tuple(
    f"sklearn.feature_extraction.text.{name}Vectorizer" for name in ("Count", "Hashing", "Tfidf")
)
_IMPUTER = "sklearn.impute.SimpleImputer"
_AVERAGES = ("mean", "median")


def ready_problems(feature: Feature, contract: Contract) -> Iterator[Problem]:
    """Yield key, problem and expectation for steps that cannot do what they are for."""
    kinds = {
        name: kind_of((spec or {}).get("dtype"))
        for name, spec in contract.schema_["columns"].items()
    }
    for name, columns in selected(feature, contract).items():
        steps = feature.groups[name].steps
        paths = [str(step.get(KEY)).replace(":", ".") for step in steps]
        for index, (step, path) in enumerate(zip(steps, paths, strict=True)):
            key = f"feature.groups.{name}.steps.{index}"
            seen = {column: kinds.get(column) for column in columns}
            if path == DATES:
                yield from _dates(key, step, seen)
            elif path == CROSSING:
                yield from _crossing(key, step, seen)
            elif path == LINES:
                yield from _lines(key, seen)
            elif path in _VECTORIZERS and paths[index - 1 : index] != [LINES]:
                what = f"`{_short(path)}` takes texts one by one, and a group is a table"
                yield key, what, f"`_target_: {LINES}` as the step before it"
            elif _takes_numbers(step, path) and all(map(_keeps, paths[:index])):
                yield from _numbers(key, path, seen)


def _dates(key: str, step: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Problem]:
    parts = step.get("parts", ["hour"])
    if not isinstance(parts, list) or not parts:
        yield f"{key}.parts", f"`parts` is {parts!r}", f"a list of some of {', '.join(_parts())}"
    else:
        for part in parts:
            if part not in _parts():
                what = f"no part of a time is called `{part}`"
                yield f"{key}.parts", what, nearest(str(part), _parts())
        if len(set(map(str, parts))) < len(parts):
            yield f"{key}.parts", f"`parts` names one twice: {parts}", "each part once"
    zone = step.get("zone")
    if zone is not None and zone not in (zones := _zones()):
        what = f"no time zone is called `{zone}`"
        yield f"{key}.zone", what, nearest(str(zone), zones or ["Europe/Vienna"])
    yield from _truth(key, step, "cyclic")
    for column, kind in seen.items():
        if kind != "datetime":
            what = f"`DateParts` takes times, and `{column}` is {_said(kind)} in the contract"
            expected = "a column whose dtype in contract.schema is datetime64[ns]"
            yield f"{key}.{KEY}", what, expected


def _crossing(key: str, step: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Problem]:
    degree = step.get("degree", _LEAST)
    if not isinstance(degree, int) or isinstance(degree, bool) or degree < _LEAST:
        yield f"{key}.degree", f"`degree` is {degree!r}", "a whole number from 2 on"
    if not isinstance(separator := step.get("separator", ""), str):
        yield f"{key}.separator", f"`separator` is {separator!r}", "a text"
    yield from _truth(key, step, "keep")
    if len(seen) < _LEAST:
        yield f"{key}.{KEY}", f"`Crossing` joins columns, and there is {len(seen)}", "two or more"
    for column, kind in seen.items():
        if kind in ("number", "datetime"):
            what = f"`Crossing` takes categories, and `{column}` is {_said(kind)} in the contract"
            expected = "text columns; for numbers sklearn.preprocessing.PolynomialFeatures"
            yield f"{key}.{KEY}", what, expected


def _lines(key: str, seen: Mapping[str, Any]) -> Iterator[Problem]:
    if len(seen) != 1:
        what = f"`Lines` takes one column, and the group has {len(seen)}: {', '.join(seen)}"
        yield f"{key}.{KEY}", what, "a group for each column of texts"
    for column, kind in seen.items():
        if kind not in ("text", None):
            what = f"`Lines` takes a text, and `{column}` is {_said(kind)} in the contract"
            yield f"{key}.{KEY}", what, "a column whose dtype is str"


def _numbers(key: str, path: str, seen: Mapping[str, Any]) -> Iterator[Problem]:
    for column, kind in seen.items():
        if kind == "text":
            what = f"`{_short(path)}` takes numbers, and `{column}` is a text in the contract"
            yield f"{key}.{KEY}", what, ENCODERS
            return


def _takes_numbers(step: Mapping[str, Any], path: str) -> bool:
    module, _, name = path.rpartition(".")
    average = path == _IMPUTER and step.get("strategy", "mean") in _AVERAGES
    return average or name in _NUMERIC.get(module, ())


def _keeps(path: str) -> bool:
    """Say whether what was a text before a step is one after it."""
    return path in (_IMPUTER, CROSSING)


def _truth(key: str, step: Mapping[str, Any], name: str) -> Iterator[Problem]:
    if not isinstance(value := step.get(name, True), bool):
        yield f"{key}.{name}", f"`{name}` is {value!r}", "true or false"


def _said(kind: str | None) -> str:
    return f"of the kind {kind}" if kind else "of no known kind"


def _short(path: str) -> str:
    return path.rpartition(".")[2]


@cache
def _parts() -> Sequence[str]:
    """Return the names that `PARTS` has, read from the source: the import would cost a second."""
    spec = find_spec("playbill")
    folder = Path(str(spec and spec.origin)).parent
    for node in ast.parse((folder / "feature" / "dates.py").read_bytes()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PARTS" and node.value:
            return list(ast.literal_eval(node.value))
    return []


@cache
def _zones() -> Sequence[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())
