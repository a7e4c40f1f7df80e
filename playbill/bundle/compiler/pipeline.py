"""Compiles a fitted Pipeline to the file that the runtime `numpy` reads."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.compiler.encoder import words_of
from playbill.bundle.compiler.ensemble import READERS, Ensemble, read_ensemble
from playbill.bundle.compiler.feature import Columns, Feature
from playbill.bundle.compiler.fold import breaks_of, joined
from playbill.bundle.compiler.graph import linear_graph, trees_graph
from playbill.bundle.compiler.masks import asked as asked_by
from playbill.bundle.compiler.masks import write_masks, write_total
from playbill.bundle.compiler.preparation import write_preparation
from playbill.bundle.compiler.transformer import transform
from playbill.bundle.compiler.walk import refused_by, write_walk
from playbill.bundle.compiler.writer import Writer
from playbill.bundle.runtime.numpy import FILE, FORMAT_VERSION
from playbill.bundle.runtime.tensors import dump_tensors
from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.contract.column import Column
    from playbill.contract.outcome import Outcome

    Floats = NDArray[np.float64]


def compile_pipeline(
    pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome"
) -> dict[str, bytes]:
    """Return the runtime's file by its name in the model layer; equal Pipelines, equal bytes.

    Args:
        pipeline: A fitted Pipeline on the columns of `inputs`, in their order.
        inputs: The contract's input columns.
        asked: What the contract asks for.

    Raises:
        UnsupportedError: The Pipeline has a part that cannot be compiled; the text names it.
    """
    return _compiled(pipeline, inputs, asked, _Compiler)


def compile_graphs(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> dict[str, bytes]:
    """Return the files of the runtime `onnx`; see `compile_pipeline`."""
    return _compiled(pipeline, inputs, asked, _GraphCompiler)


def _compiled(
    pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome", kind: "type[_Compiler]"
) -> dict[str, bytes]:
    _check_classes(pipeline, asked)
    words = words_of(pipeline)
    columns = Columns(len(inputs), words)
    compiler = kind(len(words) + 2, Writer())
    model = compiler.scorer(pipeline, _raw(inputs, columns), raw=False)
    texts = [place for place, column in enumerate(inputs) if column.kind == "text"]
    texts += range(len(inputs), len(inputs) + len(columns.joined))
    about = {
        "format_version": FORMAT_VERSION,
        "inputs": [[column.name, column.kind] for column in inputs],
        "words": {str(place): words for place in texts},
        "model": model,
    }
    if columns.joined:
        about["joined"] = [asdict(each) for each in columns.joined]
    return {FILE: dump_tensors(compiler.writer.arrays, about), **compiler.graphs}


def raw_breaks(pipeline: Any, inputs: "Sequence[Column]") -> "dict[str, Floats]":
    """Return the raw numbers at which the Pipeline's answer may change, by column name.

    Each is the largest double on its side of a threshold, a bin's edge or a category. Where a part
    of the Pipeline is not known, what stands before it is told all the same.
    """
    words = words_of(pipeline)
    compiler = _Compiler(len(words) + 2, Writer())
    with suppress(UnsupportedError):
        compiler.scorer(pipeline, _raw(inputs, Columns(len(inputs), words)), raw=False)
    found: dict[str, list[Floats]] = {}
    for feature, thresholds in compiler.seen:
        if not feature.text and (feature.turn is not None or len(thresholds)):
            with suppress(UnsupportedError):
                breaks = breaks_of(feature, thresholds)
                found.setdefault(inputs[feature.source].name, []).append(breaks)
    return {name: joined(breaks) for name, breaks in found.items()}


def _raw(inputs: "Sequence[Column]", columns: Columns) -> list[Feature]:
    """Return the contract's columns as they come."""
    return [
        columns.text(place) if column.kind == "text" else Feature(place, text=False)
        for place, column in enumerate(inputs)
    ]


def _check_classes(pipeline: Any, asked: "Outcome") -> None:
    known = list(getattr(pipeline, "classes_", ()))
    two = 2
    if asked.task == "binary" and len(known) != two:
        raise UnsupportedError(f"a binary model of {len(known)} classes")
    if asked.task == "multiclass" and (known != list(asked.classes) or len(known) <= two):
        raise UnsupportedError("a model that did not learn every class, or only two")


class _Compiler:
    """Compiles estimators, one inside another."""

    def __init__(self, words: int, writer: Writer) -> None:
        self._words = words
        self.writer = writer
        self.graphs: dict[str, bytes] = {}
        self.seen: list[tuple[Feature, Floats]] = []
        """Features that were met, with the values up to which they count as the same."""

    def scorer(self, model: Any, features: Sequence[Feature], *, raw: bool) -> dict[str, Any]:
        """Return the description of an estimator's predictions.

        Args:
            model: A fitted Pipeline or estimator.
            features: What it was fitted on.
            raw: As `decision_function` gives them.
        """
        name = type(model).__name__
        self.seen += [(feature, np.empty(0)) for feature in features]
        if type(model).__module__ == CALIBRATED and name == "CalibratedModel" and not raw:
            fitted = model.calibrator.calibrated_classifiers_[0]
            classes = len(model.classes_)
            member = self._member(fitted, features, classes, within=model.estimator)
            return {"kind": "calibrated", "classes": classes, "members": [member]}
        if not type(model).__module__.startswith("sklearn."):
            raise UnsupportedError(f"the estimator {name}")
        if name == "Pipeline":
            for _, step in model.steps[:-1]:
                features = transform(step, features)
            return self.scorer(model.steps[-1][1], features, raw=raw)
        if name in WRAPPERS:
            return self.scorer(model.estimator_, features, raw=raw)
        if name in READERS:
            return self._trees(model, features, raw=raw)
        if name in LINEAR:
            return self._linear(model, features, raw=raw)
        if name == "CalibratedClassifierCV" and not raw:
            return self._calibrated(model, features)
        raise UnsupportedError(f"the estimator {name}")

    def _trees(self, model: Any, features: Sequence[Feature], *, raw: bool) -> dict[str, Any]:
        ensemble = read_ensemble(model, features, raw=raw)
        for places in asked_by(ensemble).values():
            self.seen += [(ensemble.features[place], each) for place, each in places.items()]
        return self._ensemble(ensemble)

    def _ensemble(self, ensemble: Ensemble) -> dict[str, Any]:
        try:
            return write_masks(ensemble, self._words, self.writer)
        except UnsupportedError:
            preparation = write_preparation(ensemble.features, self.writer)
            head = write_walk(ensemble, self.writer)
            return {"kind": "prepared", "preparation": preparation, "head": head}

    def _linear(self, model: Any, features: Sequence[Feature], *, raw: bool) -> dict[str, Any]:
        coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
        outputs = len(coefficients)
        intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (outputs,))
        link = "identity" if raw else LINEAR[type(model).__name__](model)
        head = self._function(coefficients.T, intercept, link)
        preparation = write_preparation(features, self.writer)
        return {"kind": "prepared", "preparation": preparation, "head": head}

    def _function(self, coefficients: "Floats", intercept: "Floats", link: str) -> dict[str, Any]:
        return {
            "kind": "linear",
            "coefficients": self.writer.put("coefficients", coefficients),
            "intercept": self.writer.put("intercept", intercept),
            "link": link,
        }

    def _calibrated(self, model: Any, features: Sequence[Feature]) -> dict[str, Any]:
        classes = len(model.classes_)
        members = [self._member(each, features, classes) for each in model.calibrated_classifiers_]
        return {"kind": "calibrated", "classes": classes, "members": members}

    def _member(
        self, each: Any, features: Sequence[Feature], classes: int, within: Any = None
    ) -> dict[str, Any]:
        estimator = each.estimator if within is None else within
        if len(each.estimator.classes_) != classes or len(estimator.classes_) != classes:
            raise UnsupportedError("a calibration whose fold lacks a class")
        raw = hasattr(estimator, "decision_function")
        temperature = 0.0
        calibrators = []
        if each.method == "temperature":
            temperature = float(each.calibrators[0].beta_)
        else:
            calibrators = [self._calibrator(one) for one in each.calibrators]
        return {
            "scorer": self.scorer(estimator, features, raw=raw),
            "calibrators": calibrators,
            "temperature": temperature,
            **({"shares": True} if temperature and not raw and classes == TWO else {}),
        }

    def _calibrator(self, one: Any) -> dict[str, Any]:
        if type(one).__name__ == "_SigmoidCalibration":
            return {"kind": "sigmoid", "values": self.writer.put("sigmoid", [one.a_, one.b_])}
        x, y = one.X_thresholds_, one.y_thresholds_
        if np.asarray(x).dtype != np.float64 or one.out_of_bounds != "clip":
            raise UnsupportedError("an isotonic calibration in single precision or unclipped")
        put = self.writer.put
        return {"kind": "isotonic", "x": put("isotonic_x", x), "y": put("isotonic_y", y)}


class _GraphCompiler(_Compiler):
    """Compiles estimators to ONNX graphs, everything around them as `_Compiler` does."""

    def _ensemble(self, ensemble: Ensemble) -> dict[str, Any]:
        preparation = write_preparation(ensemble.features, self.writer)
        total = write_total(ensemble, self.writer)
        head = self._graph(trees_graph(ensemble), total, refused_by(ensemble))
        return {"kind": "prepared", "preparation": preparation, "head": head}

    def _function(self, coefficients: "Floats", intercept: "Floats", link: str) -> dict[str, Any]:
        base = self.writer.put("base", intercept)
        total = {"base": base, "divisor": 0, "link": link}
        return self._graph(linear_graph(coefficients), total, [])

    def _graph(
        self, content: bytes, total: dict[str, Any], refuses: Sequence[str]
    ) -> dict[str, Any]:
        name = f"scorer-{len(self.graphs) + 1}.onnx"
        self.graphs[name] = content
        return {"kind": "graph", "file": name, "total": total, "refuses": list(refuses)}


def _logistic(model: Any) -> str:
    return "sigmoid" if len(model.classes_) == 2 else "softmax"  # noqa: PLR2004


def _one_against_rest(model: Any) -> str:
    if getattr(model, "loss", "log_loss") != "log_loss":
        raise UnsupportedError(f"probabilities of the loss {model.loss}")
    return "sigmoid" if len(model.classes_) == 2 else "one_against_rest"  # noqa: PLR2004


def _scores_only(model: Any) -> str:
    raise UnsupportedError(f"probabilities of {type(model).__name__}")


def _identity(model: Any) -> str:
    if np.ndim(model.coef_) != 1:
        raise UnsupportedError("a linear model of several targets")
    return "identity"


def _exponential(model: Any) -> str:
    return "exp" if type(model._base_loss.link).__name__ == "LogLink" else "identity"  # noqa: SLF001


TWO = 2
CALIBRATED = "playbill.model.calibrated"  # the module of this framework's own
# Linear models by name, with the function that names their link.
LINEAR: Mapping[str, Callable[[Any], str]] = {
    "LogisticRegression": _logistic,
    "LogisticRegressionCV": _logistic,
    "SGDClassifier": _one_against_rest,
    # Calibrated, for they have scores alone.
    **dict.fromkeys(
        ("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier",
         "RidgeClassifierCV"),
        _scores_only,
    ),
    **dict.fromkeys(
        (
            "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor",
            "Lars", "LarsCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LinearRegression",
            "LinearSVR", "OrthogonalMatchingPursuit", "QuantileRegressor", "Ridge", "RidgeCV",
            "SGDRegressor", "TheilSenRegressor",
        ),
        _identity,
    ),
    **dict.fromkeys(("GammaRegressor", "PoissonRegressor", "TweedieRegressor"), _exponential),
}  # fmt: skip
# Estimators that hand on the probabilities of the one inside.
WRAPPERS = frozenset({"FixedThresholdClassifier", "TunedThresholdClassifierCV", "RANSACRegressor"})
