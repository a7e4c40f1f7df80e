"""What one group of conf/ demands of another; each group alone is checked by its own model."""

from collections.abc import Iterator

from playbill.config.decision import gate_problems
from playbill.config.learning import learning_problems
from playbill.config.nearest import nearest
from playbill.config.outcome import task_problems
from playbill.config.privacy import privacy_problems
from playbill.config.schema import Params
from playbill.config.selection import selected, selector_problems
from playbill.config.stagecheck import stage_problems

Problem = tuple[str, str, str]
ROLE_OF_SPLIT = {"time": "time", "group": "group"}


def crosscheck(params: Params) -> list[Problem]:
    """Return key, problem and expectation for each disagreement between groups."""
    return [
        *task_problems(params.contract),
        *_features(params),
        *_evaluation(params),
        *_block(params),
        *gate_problems(params),
        *_split(params),
        *learning_problems(params),
        *_engine(params),
        *stage_problems(params),
        *privacy_problems(params),
    ]


def _features(params: Params) -> Iterator[Problem]:
    contract, seen = params.contract, dict[str, str]()
    if problems := list(selector_problems(params.feature, contract)):
        yield from problems
        return
    for name, taken in selected(params.feature, contract).items():
        key = f"feature.groups.{name}.columns"
        for column in taken:
            if column in contract.unavailable:
                what = f"`{column}` is known only after the prediction"
                yield key, what, "no column of contract.unavailable"
            elif column not in contract.inputs:
                role = contract.columns[column].role if column in contract.columns else ""
                what = f"`{column}` is no input of the contract" + (role and f", but its {role}")
                yield key, what, nearest(column, contract.inputs)
            elif column in seen:
                what = f"`{column}` is also in the group {seen[column]}"
                yield key, what, "each column in one group"
            seen.setdefault(column, name)


def _evaluation(params: Params) -> Iterator[Problem]:
    known, config = list(params.contract.schema_["columns"]), params.evaluation
    named = {
        "slices": config.slices,
        "fairness": config.fairness,
        "search.columns": config.search.columns or (),
    }
    for key, columns in named.items():
        for column in columns:
            if column not in known:
                what = f"`{column}` is no column of the contract"
                yield f"evaluation.{key}", what, nearest(column, known)


def _block(params: Params) -> Iterator[Problem]:
    block = params.evaluation.interval.block
    role = "group" if block == "group" else "time"
    if block is not None and params.contract.role(role) is None:
        what = f"blocks of `{block}` need a column with the role {role}"
        expected = f"`role: {role}` at one column in contract.columns, or `block: null`"
        yield "evaluation.interval.block", what, expected


def _split(params: Params) -> Iterator[Problem]:
    kind = params.split.kind
    if kind == "stratified" and params.contract.task == "regression":
        what = "the stratified split needs classes, and the task is a regression"
        yield "split.kind", what, "the split random, time or group"
    role = ROLE_OF_SPLIT.get(kind)
    if role and params.contract.role(role) is None:
        what = f"the {kind} split needs a column with the role {role}"
        expected = f"`role: {role}` at one column in contract.columns, or another split"
        yield "split.kind", what, expected


def _engine(params: Params) -> Iterator[Problem]:
    own = {"playbill", *(source.partition("/")[0] for source in params.pipeline.sources)}
    for index, name in enumerate(params.engine.preload):
        if name.partition(".")[0] in own:
            what = f"`{name}` is the project's or Playbill's own code: an edit would be missed"
            yield f"engine.preload.{index}", what, "a module of an installed library"
