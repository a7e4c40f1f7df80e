"""What `validation`, `tuning` and `training` demand of each other, of the task and the contract."""

from collections.abc import Iterator

from playbill.config.metric import METRICS, Metric
from playbill.config.nearest import nearest
from playbill.config.outcome import Task
from playbill.config.schema import Feature, Params
from playbill.config.space import space_problems

Problem = tuple[str, str, str]  # key, what, expected
# What a search optimises unless it is told otherwise.
SEARCHED: dict[Task, Metric] = {
    "binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse",
}  # fmt: skip
# FLAML's learners by its own names, and the package that each needs.
LEARNERS = {
    "histgb": "sklearn", "lgbm": "lightgbm", "rf": "sklearn", "extra_tree": "sklearn",
    "xgboost": "xgboost", "lrl1": "sklearn", "lrl2": "sklearn", "kneighbor": "sklearn",
}  # fmt: skip
_FOLDS = "a choice of `validation` with folds, as `validation: stratified` or `validation: time`"


def learning_problems(params: Params) -> Iterator[Problem]:
    """Yield key, problem and expectation for each disagreement."""
    yield from _validation(params)
    yield from _tuning(params)
    yield from _training(params)
    yield from category_problems(params.feature)


def _validation(params: Params) -> Iterator[Problem]:
    config, contract = params.validation, params.contract
    if config.kind in {"group", "time"} and contract.role(config.kind) is None:
        what = f"folds by {config.kind} need a column with the role {config.kind}"
        expected = f"`role: {config.kind}` at one column in contract.columns, or another validation"
        yield "validation.kind", what, expected
    if config.kind == "stratified" and contract.task == "regression":
        yield "validation.kind", "stratified folds need classes", "validation: kfold, group or time"
    if config.gap is not None and config.kind != "time":
        yield "validation.gap", f"{config.kind} folds have no gap", "`validation: time`, or no gap"
    if config.kind == "time" and "seed" in config.model_fields_set:
        what = "folds in time draw nothing, so a seed does nothing"
        yield "validation.seed", what, "no seed, or `validation: kfold, stratified or group`"
    for metric in config.metrics:
        yield from _metric("validation.metrics", metric, contract.task)


def _metric(key: str, metric: Metric, task: Task) -> Iterator[Problem]:
    if metric not in METRICS[task]:
        yield key, f"`{metric}` is no measure of a {task} task", nearest(metric, METRICS[task])


def _tuning(params: Params) -> Iterator[Problem]:
    config = params.tuning
    if config.metric is not None:
        yield from _metric("tuning.metric", config.metric, params.contract.task)
    if config.kind == "off":
        return
    if params.validation.kind == "none":
        yield "tuning.kind", f"a search by {config.kind} needs folds to be judged on", _FOLDS
    if config.kind == "automl":
        if config.space:
            yield "tuning.space", "FLAML brings its own search space", "no `space:`"
        for index, name in enumerate(config.models):
            if name not in LEARNERS:
                what = f"FLAML's learner `{name}` is not known here"
                yield f"tuning.models.{index}", what, nearest(name, LEARNERS)
        return
    if not config.space:
        what = f"a search by {config.kind} needs a space"
        yield "tuning.space", what, "space: {model: {max_depth: [4, 8]}}"
    yield from space_problems(config.space, ranges=config.kind != "grid")


def _training(params: Params) -> Iterator[Problem]:
    config, contract = params.training, params.contract
    wants = {"calibration": config.calibration.method != "none"}
    wants["threshold"] = config.threshold.kind != "fixed"
    for name, wanted in wants.items():
        key = f"training.{name}." + ("method" if name == "calibration" else "kind")
        if wanted and params.validation.kind == "none":
            yield key, f"the {name} is learned on folds, and there are none", _FOLDS
        if wanted and contract.task == "regression":
            yield key, f"a regression has no {name}", "none"
    if config.threshold.kind != "fixed" and contract.task == "multiclass":
        what = "a multiclass model has no threshold: the most probable class is its label"
        yield "training.threshold.kind", what, "fixed"
    if config.class_weight is not None:
        yield from _class_weight(params)


def _class_weight(params: Params) -> Iterator[Problem]:
    config, contract = params.training, params.contract
    if params.model.get("class_weight") is not None:
        what = "the classes are weighted here and in model.class_weight: each weight counts twice"
        yield "training.class_weight", what, "one of the two"
    if contract.task == "regression":
        yield "training.class_weight", "a regression has no classes", "null"
    elif isinstance(config.class_weight, dict):
        names = [str(name) for name in contract.classes]
        for name in config.class_weight:
            if name not in names:
                what = f"`{name}` is no class of the target"
                yield f"training.class_weight.{name}", what, nearest(name, names)


def category_problems(feature: Feature) -> Iterator[Problem]:
    """Yield key, problem and expectation for categories that nothing makes whole numbers."""
    for name, group in feature.groups.items():
        if group.categorical and not group.steps:
            what = "the model takes categories as whole numbers, and nothing makes them so"
            yield f"feature.groups.{name}.steps", what, "an OrdinalEncoder as the last step"
