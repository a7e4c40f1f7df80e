"""The fitted transformers that can be compiled, each as a rule from features to features.

Exact types only: a subclass may do anything. What is not listed makes the Pipeline unsupported,
and the next runtime is tried.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playbill.bundle.compiler.crossing import cross
from playbill.bundle.compiler.encoder import encode
from playbill.bundle.compiler.feature import Break, Feature, select
from playbill.bundle.compiler.zone import changes_of
from playbill.errors import UnsupportedError

Features = list[Feature]
# Functions of NumPy that a FunctionTransformer may name; they are operations of the runtime.
FUNCTIONS = ("log", "log1p", "log2", "log10", "sqrt", "cbrt", "exp", "expm1")


# Parts of a time (UTC), the same as operations of the runtime: the first, and how many there are.
DATE_PARTS: Mapping[str, tuple[int, int]] = {
    "minute": (0, 60),
    "hour": (0, 24),
    "weekday": (0, 7),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "week": (1, 53),
    "month": (1, 12),
    "quarter": (1, 4),
    "year": (0, 0),
}


def transform(step: Any, features: Sequence[Feature]) -> Features:
    """Return the features after a fitted transformer.

    Raises:
        UnsupportedError: No rule is known for it or for its settings.
    """
    if step is None or step == "passthrough":
        return list(features)
    name = f"{type(step).__module__.split('.')[0]}.{type(step).__name__}"
    if name in RULES:
        return RULES[name](step, features)
    if type(step).__module__.startswith("sklearn.feature_selection."):
        return select(features, step.get_support(indices=True).tolist())
    raise UnsupportedError(f"the transformer {type(step).__name__}")


def _pipeline(step: Any, features: Sequence[Feature]) -> Features:
    for _, each in step.steps:
        features = transform(each, features)
    return list(features)


def _column_transformer(step: Any, features: Sequence[Feature]) -> Features:
    places = step._transformer_to_input_indices  # noqa: SLF001 - by name, mask or number alike
    weights = step.transformer_weights or {}
    found: Features = []
    for name, each, _ in step.transformers_:
        if isinstance(each, str) and each == "drop":
            continue
        mine = [int(place) for place in places[name]]
        if mine:
            found += _weighted(transform(each, select(features, mine)), weights.get(name))
    return found


def _union(step: Any, features: Sequence[Feature]) -> Features:
    weights = step.transformer_weights or {}
    return [
        feature
        for name, each in step.transformer_list
        if each != "drop"
        for feature in _weighted(transform(each, features), weights.get(name))
    ]


def _weighted(features: Features, weight: float | None) -> Features:
    return features if weight is None else [each.then("multiply", weight) for each in features]


def _imputer(step: Any, features: Sequence[Feature]) -> Features:
    _only_nan(step)
    kept = zip(features, step.statistics_.tolist(), strict=True)
    if step.keep_empty_features:
        # A column without a value is filled with 0, or with the given value.
        filled = [_filled(feature, value) for feature, value in kept]
    else:
        filled = [_filled(feature, value) for feature, value in kept if not _is_nan(value)]
    marks = transform(step.indicator_, features) if step.add_indicator else []
    return filled + marks


def _filled(feature: Feature, value: Any) -> Feature:
    if feature.values is None or feature.numeric:
        return feature.then("fill", float(value))
    missing = np.array([_is_nan(each) for each in feature.values])
    values = feature.values.copy()
    values[missing] = value
    return feature.mapped(values, np.zeros(len(values), dtype=bool))


def _indicator(step: Any, features: Sequence[Feature]) -> Features:
    _only_nan(step)
    return [_mark(feature) for feature in select(features, step.features_.tolist())]


def _mark(feature: Feature) -> Feature:
    if feature.numeric:
        return feature.then("missing")
    assert feature.values is not None
    marks = np.array([float(_is_nan(each)) for each in feature.values])
    return feature.mapped(marks, np.zeros(len(marks), dtype=bool))


def _standard(step: Any, features: Sequence[Feature]) -> Features:
    return _shifted(step.mean_ if step.with_mean else None, step.scale_, features)


def _robust(step: Any, features: Sequence[Feature]) -> Features:
    center = step.center_ if step.with_centering else None
    return _shifted(center, step.scale_ if step.with_scaling else None, features)


def _shifted(center: Any, scale: Any, features: Sequence[Feature]) -> Features:
    found = list(features)
    if center is not None:
        found = _each("subtract", found, center)
    return found if scale is None else _each("divide", found, scale)


def _minmax(step: Any, features: Sequence[Feature]) -> Features:
    found = _each("add", _each("multiply", features, step.scale_), step.min_)
    low, high = step.feature_range
    return [each.then("clip", low, high) for each in found] if step.clip else found


def _maxabs(step: Any, features: Sequence[Feature]) -> Features:
    found = _each("divide", features, step.scale_)
    clip = getattr(step, "clip", False)
    return [each.then("clip", -1.0, 1.0) for each in found] if clip else found


def _each(name: str, features: Sequence[Feature], values: Any) -> Features:
    return [f.then(name, float(v)) for f, v in zip(features, values, strict=True)]


def _function(step: Any, features: Sequence[Feature]) -> Features:
    if step.func is None:
        return list(features)
    name = getattr(step.func, "__name__", "")
    if name in FUNCTIONS and step.func is getattr(np, name) and not step.kw_args:
        return [each.then(name) for each in features]
    raise UnsupportedError("a FunctionTransformer of a function that is not NumPy's own")


def _onehot(step: Any, features: Sequence[Feature]) -> Features:
    return encode(step, features, [int(count) for count in step._n_features_outs])  # noqa: SLF001


def _ordinal(step: Any, features: Sequence[Feature]) -> Features:
    return encode(step, features, [1] * len(features))


def _target(step: Any, features: Sequence[Feature]) -> Features:
    count = len(step.classes_) if step.target_type_ == "multiclass" else 1
    return encode(step, features, [count] * len(features))


def _bins(step: Any, features: Sequence[Feature]) -> Features:
    found = [
        _stepped(feature, edges[1:-1])
        for feature, edges in zip(features, step.bin_edges_, strict=True)
    ]
    return found if step.encode == "ordinal" else transform(step._encoder, found)  # noqa: SLF001


def _binarizer(step: Any, features: Sequence[Feature]) -> Features:
    # x > threshold is x >= the next double.
    edge = np.nextafter(np.float64(step.threshold), np.inf)
    return [_stepped(feature, [edge]) for feature in features]


def _stepped(feature: Feature, edges: Any) -> Feature:
    """Return the number of the interval that a value lies in; a missing one is refused."""
    edges = np.asarray(edges, dtype=np.float64)
    values = np.append(np.arange(len(edges) + 1, dtype=np.float64), np.nan)
    return feature.turned(Break(edges, "right"), values, np.isnan(values))


def _dates(step: Any, features: Sequence[Feature]) -> Features:
    if step.zone not in (None, "UTC"):
        changes, offsets = changes_of(step.zone)
        features = [each.then("local", changes, offsets) for each in features]
    found: Features = []
    for feature in features:
        for part in step.parts:
            made = feature.then(part)
            if step.cyclic and part != "year":
                first, count = DATE_PARTS[part]
                angle = made.then("subtract", first).then("multiply", 2 * np.pi)
                angle = angle.then("divide", count)
                found += [angle.then("sin"), angle.then("cos")]
            else:
                found.append(made)
    return found


def _crossing(step: Any, features: Sequence[Feature]) -> Features:
    from playbill.feature.crossing import MISSING

    return cross(step, features, MISSING)


def _only_nan(step: Any) -> None:
    if not _is_nan(step.missing_values):
        raise UnsupportedError(f"{type(step).__name__} of missing values other than NaN")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN


RULES: Mapping[str, Callable[[Any, Sequence[Feature]], Features]] = {
    "sklearn.Pipeline": _pipeline,
    "sklearn.ColumnTransformer": _column_transformer,
    "sklearn.FeatureUnion": _union,
    "sklearn.SimpleImputer": _imputer,
    "sklearn.MissingIndicator": _indicator,
    "sklearn.StandardScaler": _standard,
    "sklearn.RobustScaler": _robust,
    "sklearn.MinMaxScaler": _minmax,
    "sklearn.MaxAbsScaler": _maxabs,
    "sklearn.FunctionTransformer": _function,
    "sklearn.OneHotEncoder": _onehot,
    "sklearn.OrdinalEncoder": _ordinal,
    "sklearn.TargetEncoder": _target,
    "sklearn.KBinsDiscretizer": _bins,
    "sklearn.Binarizer": _binarizer,
    "playbill.Crossing": _crossing,
    "playbill.DateParts": _dates,
}
