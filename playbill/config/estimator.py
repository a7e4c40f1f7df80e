"""Whether the class that `model` names is an estimator of the contract's task, read from its bases.

scikit-learn tells classifiers and regressors by a mixin among their bases, and so do the libraries
that keep to its interface. A class that says nothing is let through: training asks the object.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import yaml

from playbill.config.definition import Definition, Sources
from playbill.config.origin import shipped_folder

if TYPE_CHECKING:
    from playbill.config.outcome import Task

# scikit-learn's mixins, and what a class with one of them is; the first that is found counts.
MIXINS = {
    "ClassifierMixin": "a classifier",
    "RegressorMixin": "a regressor",
    "OutlierMixin": "an outlier detector",
    "ClusterMixin": "a clustering",
    "BiclusterMixin": "a clustering",
    "DensityMixin": "a density estimator",
    "TransformerMixin": "a transformer",
}
# What a task asks for.
ESTIMATORS: "dict[Task, str]" = {
    "binary": MIXINS["ClassifierMixin"],
    "multiclass": MIXINS["ClassifierMixin"],
    "regression": MIXINS["RegressorMixin"],
}
_DELEGATES = "MetaEstimatorMixin"  # is whatever the estimator is that it was given
_NAMES = ("Classifier", "Regressor"), ("SVC", "SVR")


def suits(path: str, task: "Task", sources: Sources) -> tuple[str, str] | None:
    """Return what is wrong with an estimator and what would be right; None if nothing is known.

    Args:
        path: Dotted name of an allowed class.
        task: The contract's task.
        sources: Where classes are read.
    """
    wanted = ESTIMATORS[task]
    found = kinds(sources.find(path), sources)
    if not found or wanted in found:
        return None
    what = f"`{path}` is {found[0]}, and contract.task is {task}"
    near = _twin(path, wanted, sources)
    ready = [f"`model: {name}`" for name in options(wanted, sources)]
    shown = [*([f"`{near}` is the nearest name"] if near else []), *ready]
    return what, f"{wanted}: {', '.join(shown)}"


def kinds(found: Definition, sources: Sources) -> list[str]:
    """Return what a class is, in the order of `MIXINS`; empty if its bases do not tell."""
    names = {one.name for one in _ancestors(found, sources) if one.home.startswith("sklearn.")}
    kinds = [kind for mixin, kind in MIXINS.items() if mixin in names]
    return [] if kinds == [MIXINS["TransformerMixin"]] and _DELEGATES in names else kinds


def _ancestors(found: Definition, sources: Sources) -> Iterator[Definition]:
    for base in sources.bases(found):
        yield base
        yield from _ancestors(base, sources)


def _twin(path: str, wanted: str, sources: Sources) -> str:
    """Return the class of the same method for the other kind of task; empty if there is none."""
    module, _, name = path.replace(":", ".").rpartition(".")
    for pair in _NAMES:
        for old, new in (pair, pair[::-1]):
            twin = f"{module}.{name.removesuffix(old)}{new}"
            if name.endswith(old) and wanted in kinds(sources.find(twin), sources):
                return twin
    return ""


def options(wanted: str, sources: Sources) -> Sequence[str]:
    """Return the options of `model` that are of the kind, the project's own among them."""
    folders = (shipped_folder(), sources.root / "conf")
    found = {}
    for file in (path for folder in folders for path in sorted(folder.glob("model/*.yaml"))):
        said = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        found[file.stem] = str(said.get("_target_")) if isinstance(said, dict) else ""
    return [name for name, path in found.items() if wanted in kinds(sources.find(path), sources)]
