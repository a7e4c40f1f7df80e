"""Fitted tree ensembles in one form: nodes as arrays, leaves, and what becomes of their sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.compiler.feature import Feature
from playbill.bundle.compiler.transformer import transform
from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LINKS = {
    "IdentityLink": "identity",
    "LogLink": "exp",
    "LogitLink": "sigmoid",
    "HalfLogitLink": "double_sigmoid",
    "MultinomialLogit": "softmax",
}
BITS = 32  # in a word of scikit-learn's sets of categories


@dataclass(frozen=True)
class Categories:
    """A split by category: which codes go left, and which were seen in training."""

    left: "NDArray[np.bool_]"
    known: "NDArray[np.bool_]"


@dataclass(frozen=True)
class Tree:
    """One tree; node 0 is the root.

    Attributes:
        feature: Feature by node, -1 for a leaf, shape (nodes,).
        threshold: Largest value that goes left, shape (nodes,).
        left: Left child by node.
        right: Right child by node.
        missing_left: Whether NaN goes left.
        value: Value by node, shape (nodes, outputs of a tree).
        categories: Splits by category, by node.
    """

    feature: "NDArray[np.int64]"
    threshold: "Floats"
    left: "NDArray[np.int64]"
    right: "NDArray[np.int64]"
    missing_left: "NDArray[np.bool_]"
    value: "Floats"
    categories: Mapping[int, Categories] = field(default_factory=dict)

    def goes_left(self, node: int, x: "Floats") -> "NDArray[np.bool_]":
        """Say for values of the node's feature, shape (n,), whether they go left."""
        missing = np.isnan(x)
        if node in self.categories:
            split = self.categories[node]
            code = np.where(missing | (x < 0), 0, x).astype(np.int64)
            missing |= (x < 0) | ~(split.left[code] | split.known[code])
            goes: NDArray[np.bool_] = split.left[code]
        else:
            goes = x <= self.threshold[node]
        return np.where(missing, self.missing_left[node], goes)


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are added.

    Attributes:
        features: What the trees ask about, as functions of the inputs.
        trees: In the order in which scikit-learn adds them.
        base: Where the sum starts, shape (outputs,).
        divisor: By what the sum is divided; 0 for not at all.
        link: Name of the function from the sum to the prediction.
        takes_missing: Whether NaN is an answerable value of a feature.
        single: Whether features are read in single precision, beyond which they are refused.
    """

    features: Sequence[Feature]
    trees: Sequence[Tree]
    base: "Floats"
    divisor: int
    link: str
    takes_missing: bool = True
    single: bool = False


def read_ensemble(model: Any, features: Sequence[Feature], *, raw: bool) -> Ensemble:
    """Return a fitted ensemble in the one form.

    Args:
        model: An estimator of `READERS`.
        features: What it was fitted on.
        raw: Leave the link away, as `decision_function` does.

    Raises:
        UnsupportedError: The estimator or a setting is not among those that are known.
    """
    found = READERS[type(model).__name__](model, features)
    if not raw:
        return found
    return replace(found, link="identity")


def _histogram(model: Any, features: Sequence[Feature]) -> Ensemble:
    if model._preprocessor is not None:  # noqa: SLF001 - categories come first in its output
        features = _recoded(model._preprocessor, features)  # noqa: SLF001
    known, place = model._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
    trees = [
        _histogram_tree(predictor, known, place)
        for iteration in model._predictors  # noqa: SLF001
        for predictor in iteration
    ]
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)  # noqa: SLF001
    link = LINKS[type(model._loss.link).__name__]  # noqa: SLF001
    return Ensemble(list(features), trees, base, 0, link)


def _recoded(preprocessor: Any, features: Sequence[Feature]) -> list[Feature]:
    places = preprocessor._transformer_to_input_indices  # noqa: SLF001
    encoder = preprocessor.named_transformers_["encoder"]
    first = transform(encoder, [features[place] for place in places["encoder"]])
    return first + [features[place] for place in places["numerical"]]


def _histogram_tree(predictor: Any, known: "NDArray[Any]", place: "NDArray[Any]") -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = np.where(leaf, -1, nodes["feature_idx"].astype(np.int64))
    splits = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    categories = {
        int(node): Categories(
            _members(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]),
            _members(known[place[feature[node]]]),
        )
        for node in splits
    }
    return Tree(
        feature=feature,
        threshold=nodes["num_threshold"].astype(np.float64),
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"].astype(np.float64).reshape(-1, 1),
        categories=categories,
    )


def _members(words: "NDArray[np.uint32]") -> "NDArray[np.bool_]":
    """Return a set of bits as booleans, the lowest bit of the first word first."""
    bits = (words[:, np.newaxis] >> np.arange(BITS, dtype=np.uint32)) & np.uint32(1)
    return bits.astype(bool).reshape(-1)


def _forest(model: Any, features: Sequence[Feature]) -> Ensemble:
    members = getattr(model, "estimators_", None) or [model]
    if np.ndim(members[0].n_classes_ if hasattr(members[0], "n_classes_") else 1) or (
        model.n_outputs_ != 1
    ):
        raise UnsupportedError("a forest of several targets")
    classes = len(model.classes_) if hasattr(model, "classes_") else 0
    outputs = slice(1, 2) if classes == 2 else slice(0, max(classes, 1))  # noqa: PLR2004
    trees = [_plain_tree(each.tree_, outputs) for each in members]
    base = np.zeros(trees[0].value.shape[1])
    takes_missing = members[0]._support_missing_values(np.empty((0, 1)))  # noqa: SLF001
    divisor = len(trees) if members[0] is not model else 0
    rounded = [feature.then("float32") for feature in features]
    return Ensemble(rounded, trees, base, divisor, "identity", takes_missing, single=True)


def _plain_tree(tree: Any, outputs: slice, factor: float = 1.0) -> Tree:
    feature = np.where(tree.children_left < 0, -1, tree.feature).astype(np.int64)
    return Tree(
        feature=feature,
        threshold=tree.threshold.astype(np.float64),
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        missing_left=np.asarray(tree.missing_go_to_left, dtype=bool),
        value=factor * tree.value[:, 0, outputs],
    )


def _gradient(model: Any, features: Sequence[Feature]) -> Ensemble:
    rows = np.zeros((1, model.n_features_in_), dtype=np.float32)
    if isinstance(model.init_, str) or type(model.init_).__name__.startswith("Dummy"):
        base = model._raw_predict_init(rows)[0]  # noqa: SLF001 - the same for every row
    else:
        raise UnsupportedError("a GradientBoosting that starts from another model")
    trees = [
        _plain_tree(each.tree_, slice(0, 1), model.learning_rate)
        for stage in model.estimators_
        for each in stage
    ]
    rounded = [feature.then("float32") for feature in features]
    link = LINKS[type(model._loss.link).__name__]  # noqa: SLF001
    return Ensemble(rounded, trees, base, 0, link, takes_missing=False, single=True)


READERS: Mapping[str, Callable[[Any, Sequence[Feature]], Ensemble]] = {
    "HistGradientBoostingClassifier": _histogram,
    "HistGradientBoostingRegressor": _histogram,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "DecisionTreeClassifier": _forest,
    "DecisionTreeRegressor": _forest,
    "ExtraTreeClassifier": _forest,
    "ExtraTreeRegressor": _forest,
    "GradientBoostingClassifier": _gradient,
    "GradientBoostingRegressor": _gradient,
}
