"""What one group of conf/ demands of another; each group alone is checked by its own model."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from playbill.config.decision import gate_problems
from playbill.config.learning import category_problems, learning_problems
from playbill.config.nearest import nearest
from playbill.config.outcome import task_problems
from playbill.config.privacy import privacy_problems
from playbill.config.ready import ready_problems
from playbill.config.schema import Contract, Feature, Params
from playbill.config.selection import selected, selector_problems
from playbill.config.space import Dimension, dimensions, placed, space_problems
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
    found = list(feature_problems(params.feature, params.contract))
    yield from found
    if not found:
        yield from _searched(params)


def feature_problems(feature: Feature, contract: Contract) -> Iterator[Problem]:
    """Yield key, problem and expectation for what `feature` and the contract disagree on."""
    if problems := list(selector_problems(feature, contract)):
        yield from problems
        return
    taken = selected(feature, contract)
    columns = [problem for name in taken for problem in _columns(name, taken, contract)]
    yield from columns or ready_problems(feature, contract)


def _columns(
    name: str, groups: Mapping[str, Sequence[str]], contract: Contract
) -> Iterator[Problem]:
    key, before = f"feature.groups.{name}.columns", itertools.takewhile(name.__ne__, groups)
    others = {column: other for other in before for column in groups[other]}
    for index, column in enumerate(groups[name]):
        if column in contract.unavailable:
            what = f"`{column}` is known only after the prediction"
            yield key, what, "no column of contract.unavailable"
        elif column not in contract.inputs:
            role = contract.columns[column].role if column in contract.columns else ""
            what = f"`{column}` is no input of the contract" + (role and f", but its {role}")
            yield key, what, nearest(column, contract.inputs)
        elif column in groups[name][:index]:
            yield f"{key}.{index}", f"`{column}` stands here twice", "each column once"
        elif column in others:
            what = f"`{column}` is also in the group {others[column]}"
            yield key, what, "each column in one group"


def _searched(params: Params) -> Iterator[Problem]:
    """Yield what is wrong with a value of the search space that stands under `feature`."""
    space = params.tuning.space
    if list(space_problems(space, ranges=True)):
        return
    plain = params.feature.model_dump()
    for dimension in dimensions(space):
        if dimension.path[0] == "feature":
            found = (_placed(plain, dimension, value, params) for value in dimension.samples)
            for what, expected in itertools.islice(filter(None, found), 1):
                yield f"tuning.space.{dimension.name}", what, expected


def _placed(
    plain: Mapping[str, Any], dimension: Dimension, value: Any, params: Params
) -> tuple[str, str] | None:
    try:
        tried = Feature.model_validate(placed(plain, dimension.path[1:], value))
    except KeyError:
        return None  # told where targets are looked at
    except ValidationError as error:
        return f"`{value}` does not fit: {error.errors()[0]['msg']}", "what conf/feature may have"
    problem = next(feature_problems(tried, params.contract), None)
    if problem is None:
        problem = next(category_problems(tried), None)
    return None if problem is None else problem[1:]


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
