"""Which runtime takes which estimator behind which transformers, found by trial.

`python -m tests.bundle.menu` writes the table of docs/explanation/runtimes.md anew; test_menu.py
compares it with what is tried then.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn import (
    calibration,
    decomposition,
    discriminant_analysis,
    ensemble,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
)
from sklearn import preprocessing as scale
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from playbill.bundle.served import Served, contract_file
from playbill.contract.column import Column
from playbill.errors import BundleError
from tests.bundle.pipelines import ASKED, INPUTS, TEXTS, chosen, estimators, fitted, preparations

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "runtimes.md"
BLOCK = re.compile(r"(<!-- menu -->\n).*?(<!-- end -->)", re.DOTALL)
RUNTIMES = ("numpy", "onnx", "skops")
PREPARED = "indicator, minmax, one-hot"
ROUNDED = ", 1e-12"
NUMBERS = ["age", "dose", "rate", "night"]
KEEPS_MISSING = "missing kept"
Makers = Mapping[str, Callable[[], Any]]


def beyond() -> tuple[Makers, Mapping[str, Makers]]:
    """Return transformers and estimators that are known to be left to a later runtime."""

    def numbers(*steps: Any) -> Callable[[], Any]:
        first = impute.SimpleImputer(strategy="median")
        texts = OneHotEncoder(handle_unknown="ignore")
        parts = [("n", make_pipeline(first, *steps), NUMBERS), ("t", texts, TEXTS)]
        return lambda: ColumnTransformer(parts, sparse_threshold=0)

    prepared = {
        "PowerTransformer": numbers(scale.PowerTransformer()),
        "QuantileTransformer": numbers(scale.QuantileTransformer(n_quantiles=50)),
        "SplineTransformer": numbers(scale.SplineTransformer()),
        "PolynomialFeatures": numbers(scale.PolynomialFeatures(2)),
        "PCA": numbers(StandardScaler(), decomposition.PCA(2)),
        "KNNImputer": numbers(impute.KNNImputer()),
    }
    classify: Makers = {
        "nearest neighbours": neighbors.KNeighborsClassifier,
        "neural network": lambda: neural_network.MLPClassifier((4,), random_state=0),
        "AdaBoost": lambda: ensemble.AdaBoostClassifier(n_estimators=5, random_state=0),
        "Gaussian naive Bayes": naive_bayes.GaussianNB,
        "linear discriminant": discriminant_analysis.LinearDiscriminantAnalysis,
        "calibrated SVC": lambda: calibration.CalibratedClassifierCV(svm.SVC(), cv=2),
        "stack": lambda: ensemble.StackingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())], cv=2
        ),
        "soft vote": lambda: ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", neighbors.KNeighborsClassifier())],
            voting="soft",
        ),
    }
    regress: Makers = {
        "nearest neighbours": neighbors.KNeighborsRegressor,
        "support vectors": svm.SVR,
        "bagging": lambda: ensemble.BaggingRegressor(n_estimators=3, random_state=0),
    }
    return prepared, {"binary": classify, "multiclass": classify, "regression": regress}


def taken(prepared: Any, model: Any, task: str) -> str:
    """Return the runtime that the parity gate takes, and whether it is equal to the bit."""
    trained = fitted(Pipeline([("f", prepared), ("m", model)]), task)
    target = Column("y", "number" if task == "regression" else "text")
    served = Served("menu", "key", INPUTS, target, 0.5, ASKED[task])
    trained = replace(trained, layer=contract_file(served))
    try:
        choice = chosen(trained, *RUNTIMES)
    except BundleError:
        return "none"
    trials = [choice.proof[each] for each in ("hold_out", "edges")]
    assert not any(each["labels_changed"] for each in trials)
    equal = not any(each["largest_difference"] for each in trials)
    return choice.runtime + ("" if equal else ROUNDED)


def table() -> str:
    """Return the table, Markdown."""
    more, others = beyond()
    lines = ["| transformers, before boosting and a linear model | binary |", "|---|---|"]
    for name, make in {**preparations(), **more}.items():
        models = ["histogram"] if name == KEEPS_MISSING else ["histogram", "logistic"]
        found = [taken(make(), estimators("binary")[each](), "binary") for each in models]
        lines.append(f"| {name} | {' / '.join(dict.fromkeys(found))} |")
    lines += ["", f"| estimator, behind {PREPARED} | {' | '.join(ASKED)} |", "|---|---|---|---|"]
    menus = {task: {**estimators(task), **others.get(task, {})} for task in ASKED}
    for name in dict.fromkeys(each for menu in menus.values() for each in menu):
        cells = [
            taken(preparations()[PREPARED](), menu[name](), task) if name in menu else ""
            for task, menu in menus.items()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown() -> str:
    """Return the table of the page."""
    found = BLOCK.search(PAGE.read_text("utf-8"))
    assert found is not None
    return found.group().removeprefix("<!-- menu -->\n").removesuffix("<!-- end -->")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = table()
    page = PAGE.read_text("utf-8")
    PAGE.write_text(BLOCK.sub(lambda m: m[1] + text + m[2], page), "utf-8")
