"""What a `_target_` must be able to do where it stands: a model answers, a step transforms.

Read from the sources; only where an object's methods depend on its arguments, as an SVC's, or no
source can be read, is it asked, in another process (config/imported.py).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbill.config import imported
from playbill.config.anatomy import Anatomy, anatomy
from playbill.config.definition import Definition, Sources
from playbill.config.estimator import ESTIMATORS, kinds, options, suits
from playbill.config.kind import CATEGORICAL
from playbill.config.outcome import Task
from playbill.config.signature import Signature
from playbill.config.target import KEY, PROJECT

Found = tuple[str, str]  # what, expected
NO_CHANCES = (
    "a classifier with `predict_proba`, as `model: logistic`; or `training.calibration.method: "
    "sigmoid` with folds in `validation`, which makes probabilities of its scores"
)


@dataclass(frozen=True)
class Demand:
    """What a project asks of its model.

    Attributes:
        task: The contract's task.
        scores: Calibration makes probabilities, so a classifier may do with scores.
        categories: A group of `feature` is categorical, which the model has to be told.
    """

    task: Task
    scores: bool = False
    categories: bool = False

    @property
    def answers(self) -> tuple[str, ...]:
        """The methods of which one will do."""
        if self.task == "regression":
            return ("predict",)
        return ("predict_proba", "decision_function") if self.scores else ("predict_proba",)


def takes_no_categories(path: str, signature: Signature) -> Found | None:
    """Return what is wrong with a model that cannot be told which columns are categories."""
    if signature.takes_any or any(name in signature.names for name in CATEGORICAL):
        return None
    expected = (
        "a model that does, as `model: boosting`; or in conf/feature no `categorical: true`, and "
        "an encoder, as sklearn.preprocessing.OneHotEncoder, for what is no number"
    )
    return f"`{path}` takes no categories as such (`categorical: true` in conf/feature)", expected


def model_lacks(
    target: Mapping[str, Any], demand: Demand, sources: Sources, allow: Sequence[str]
) -> Found | None:
    """Return what keeps a target from being the model, and what would do; None: nothing known."""
    path = str(target[KEY])
    found = sources.find(path)
    if wrong := suits(path, demand.task, sources):
        return wrong
    seen = _offered(found, path, sources)
    if seen is None:
        return None
    known = [seen.has(name) for name in demand.answers]
    if seen.abstract or seen.has("fit") is False:
        return _no_estimator(path, seen), _models(demand.task, sources)
    if True in known:
        return None
    if None in known:
        return _asked(target, demand, sources, allow)
    return _silent(path, demand, _models(demand.task, sources))


def _no_estimator(path: str, seen: Anatomy) -> str:
    if abstract := seen.abstract:
        return f"`{path}` is abstract: `{abstract[0]}` is for a subclass to write"
    return f"`{path}` is no estimator: it has no `fit`"


def step_lacks(target: Mapping[str, Any], sources: Sources, allow: Sequence[str]) -> Found | None:
    """Return what keeps a target from being a step of `feature`; None: nothing known."""
    path = str(target[KEY])
    found = sources.find(path)
    seen = _offered(found, path, sources)
    if seen is None:
        return None
    expected = "a class with `fit` and `transform`, as sklearn.preprocessing.StandardScaler"
    if seen.abstract:
        return _no_estimator(path, seen), expected
    known = {name: seen.has(name) for name in ("fit", "transform")}
    if False not in known.values() and None in known.values():
        said = _built(target, allow, sources)
        if said is not None and said.refused:
            return said.refused, "arguments that its constructor takes"
        known = {name: said is None or name in said.offers for name in known}
    for name, there in known.items():
        if there is False:
            kind = next(iter(kinds(found, sources)), "")
            what = f" is {kind}, no transformer: it" if kind else " is no transformer: it"
            return f"`{path}`{what} has no `{name}`", expected
    return None


def _offered(found: Definition, path: str, sources: Sources) -> Anatomy | None:
    if found.node is not None:
        return anatomy(found, sources)
    if found.home.partition(".")[0] == PROJECT or found.known is not None:
        return None
    said = imported.ask(path, sources.root)
    if said is None or not said.is_class:
        return None
    return Anatomy(dict.fromkeys(said.offers, (None,)), is_whole=True)


def _asked(
    target: Mapping[str, Any], demand: Demand, sources: Sources, allow: Sequence[str]
) -> Found | None:
    path, said = str(target[KEY]), _built(target, allow, sources)
    if said is None:
        return None
    if said.refused:
        return said.refused, "arguments that its constructor takes"
    wanted = ESTIMATORS[demand.task]
    expected = _models(demand.task, sources)
    if "fit" not in said.offers:
        return f"`{path}` is no estimator: it has no `fit`", expected
    if said.kind and said.kind != wanted:
        what = f"`{path}` with these arguments is {said.kind}, and contract.task is {demand.task}"
        return what, expected
    if not {*demand.answers} & said.offers:
        return _silent(path, demand, expected)
    return None


def _built(
    target: Mapping[str, Any], allow: Sequence[str], sources: Sources
) -> imported.Built | None:
    """Ask the object; None if it cannot tell, or the project's own code would run for a check."""
    text = json.dumps(dict(target), default=str)
    return None if f'"{PROJECT}.' in text else imported.built(target, allow, sources.root)


def _silent(path: str, demand: Demand, expected: str) -> Found:
    if demand.task == "regression":
        return f"`{path}` is no regressor: it has no `predict`", expected
    if demand.scores:
        return f"`{path}` gives neither probabilities nor scores", expected
    return f"`{path}` gives no probabilities", NO_CHANCES


def _models(task: Task, sources: Sources) -> str:
    wanted = ESTIMATORS[task]
    return f"{wanted}: " + ", ".join(f"`model: {name}`" for name in options(wanted, sources))
