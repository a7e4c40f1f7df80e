"""What one group of conf/ demands of another; each group alone is checked by its own model."""

from collections.abc import Iterator

from playbill.config.nearest import nearest
from playbill.config.schema import Params
from playbill.errors import ConfigError

ROLE_OF_SPLIT = {"time": "time", "group": "group"}


def crosscheck(params: Params) -> None:
    """Raise ConfigError if groups contradict each other; one problem stands for itself."""
    found = problems(params)
    if not found:
        return
    if len(found) == 1:
        raise found[0]
    raise ConfigError(
        f"{len(found)} keys do not fit together:\n"
        + "\n".join(f"  - {e.where}: {e.what}; {e.expected}" for e in found),
        where=", ".join(dict.fromkeys(e.where for e in found)),
    )


def problems(params: Params) -> list[ConfigError]:
    """Return every contradiction between groups: features, slices, split and contract."""
    return [*_features(params), *_slices(params), *_split(params)]


def _features(params: Params) -> Iterator[ConfigError]:
    contract, seen = params.contract, dict[str, str]()
    for name, group in params.feature.groups.items():
        where = f"feature.groups.{name}.columns"
        for column in group.columns:
            if column in contract.unavailable:
                yield ConfigError(
                    f"`{column}` is known only after the prediction",
                    where=where,
                    expected="no column of contract.unavailable",
                )
            elif column not in contract.inputs:
                role = contract.columns[column].role if column in contract.columns else None
                yield ConfigError(
                    f"`{column}` is no input of the contract"
                    + (f": its role is {role}" if role else ""),
                    where=where,
                    expected=nearest(column, contract.inputs),
                )
            elif column in seen:
                yield ConfigError(
                    f"`{column}` is also in the group {seen[column]}",
                    where=where,
                    expected="each column in one group",
                )
            seen.setdefault(column, name)


def _slices(params: Params) -> Iterator[ConfigError]:
    known = list(params.contract.schema_["columns"])
    for column in params.evaluation.slices:
        if column not in known:
            yield ConfigError(
                f"`{column}` is no column of the contract",
                where="evaluation.slices",
                expected=nearest(column, known),
            )


def _split(params: Params) -> Iterator[ConfigError]:
    role = ROLE_OF_SPLIT.get(params.split.kind)
    if role and params.contract.role(role) is None:
        yield ConfigError(
            f"the {params.split.kind} split needs a column with the role {role}",
            where="split.kind",
            expected=f"`role: {role}` at one column in contract.columns, or another split",
        )
