"""The rows on which two models may be compared: the newer hold-out, less what either one knows.

Rows are matched by key. One on which a model was trained would flatter it, and one whose label had
no time to arrive may have a wrong one; both are left out and counted. A model that has no
predictions on record for these rows is asked for them: its bundle, as `playbill predict` asks it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from playbill.config.schema import Contract, ContractColumn
from playbill.contract.task import Outcome as Asked
from playbill.contract.task import answers_of, outcome
from playbill.errors import DataError, LineageError, PlaybillError
from playbill.lineage import revision, store
from playbill.pipeline.project import Project

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

Say = Callable[[str], None]
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
TEST, TRAIN = "data/prepared/test.parquet", "data/prepared/train.parquet"
REPORT = "data/prepared/report.json"


@dataclass(frozen=True)
class Side:
    """One of the two models.

    Attributes:
        project: Its revision, or the workspace.
        contract: The contract that it was made under.
        threshold: Probability from which on it labels a row positive.
    """

    project: Project
    contract: Contract
    threshold: float

    @property
    def window_end(self) -> date | None:
        """The first day that its data window no longer holds."""
        source = self.project.params.get("source")
        window = source.get("window") if isinstance(source, Mapping) else None
        end = window.get("end") if isinstance(window, Mapping) else None
        return end if isinstance(end, date) else date.fromisoformat(str(end)) if end else None

    def path(self, name: str) -> str:
        """Return the path of one of the model's outputs."""
        return f"models/{self.project.model}/{name}"

    def digest(self, path: str) -> str | None:
        """Return what dvc.lock has of a file: its own digest, or that of the folder it is in."""
        recorded = store.outputs(self.project.root, self.project.commit)
        places = [path, *map(str, PurePosixPath(path).parents)]
        return next((recorded[place].digest for place in places if place in recorded), None)


@dataclass
class Rows:
    """The rows that are left, and how many left for which reason.

    Attributes:
        table: The newer hold-out's rows, all its columns, in its order.
        of: Whose hold-out it is.
        held_out: How many rows it had.
        trained: Rows that one of the models was trained on.
        young: Rows whose label had not had its time at the end of the data window.
        unlabelled: Rows without a target.
        refused: Rows whose values a model's contract refuses, so that it cannot be asked.
        notes: What a reader should know.
    """

    table: "pd.DataFrame"
    of: Literal["champion", "challenger"]
    held_out: int
    trained: int = 0
    young: int = 0
    unlabelled: int = 0
    refused: int = 0
    notes: list[str] = field(default_factory=list)

    def keep(self, wanted: "NDArray[np.bool_]") -> int:
        """Keep the wanted rows; return how many left."""
        before = len(self.table)
        self.table = self.table[wanted].reset_index(drop=True)
        return before - len(self.table)


@dataclass(frozen=True)
class Said:
    """What a model said of the rows, and where that comes from."""

    scored: "Scored"
    source: Literal["recorded", "scored"]


def side(project: Project) -> Side:
    """Return a revision as one side of a comparison.

    Raises:
        LineageError: Its contract cannot be read, or it has no metrics.
    """
    evaluation = project.params.get("evaluation")
    declared = evaluation.get("threshold", 0.5) if isinstance(evaluation, Mapping) else 0.5
    threshold = project.metrics.get("threshold")
    return Side(project, _contract(project), float(declared if threshold is None else threshold))


def rows_for(challenger: Side, champion: Side | None) -> Rows:
    """Return the rows of the newer hold-out that neither model was trained on.

    Raises:
        LineageError: The hold-out is neither in DVC's cache nor in its remote, or it is not known
            what the challenger was trained on.
        DataError: The two predict different things, or a key occurs twice.
    """
    if champion is not None and outcome(champion.contract) != outcome(challenger.contract):
        raise DataError(
            f"{challenger.project.name} predicts something else: "
            f"{_named(outcome(challenger.contract))}",
            expected=f"{_named(outcome(champion.contract))}, as {champion.project.name}",
            run="--champion with a revision of the same task, or promote with --override",
        )
    owner = challenger if champion is None else _newer(challenger, champion)
    contract = owner.contract
    table = owner.project.table("prepared/test")
    if table[contract.key].duplicated().any():
        raise DataError(
            f"keys occur more than once in {TEST} of {owner.project.name}",
            expected="a key that identifies a row: rows are matched by it",
            run="`drop_duplicates: true` in conf/split",
        )
    found = Rows(table, "challenger" if owner is challenger else "champion", len(table))
    found.unlabelled = found.keep(found.table[contract.target].notna().to_numpy())
    found.young = found.keep(~_young(found.table, owner))
    for one in (challenger, champion):
        if one is not None:
            _leave_out(found, one, must_know=one is challenger)
    return found


def leave_refused(sides: Mapping[str, Side], rows: Rows, truth_of: Side) -> None:
    """Leave out the rows that a model has to be asked about and would refuse; a note says why.

    Args:
        sides: The models by what a note calls them.
        rows: The rows; those that are left are ones that every model can answer.
        truth_of: The side whose contract says what is true.

    Raises:
        DataError: A model asks for a column that the rows do not have.
        BundleError: A bundle is refused.
    """
    from playbill.bundle.batch import refused_rows

    for name, one in sides.items():
        if _recorded(one, rows, outcome(truth_of.contract)) is None:
            with _asked_about(one):
                refused, reasons = refused_rows(one.project.bundle, rows.table)
            if count := rows.keep(~refused):
                rows.refused += count
                why = ", ".join(f"{reason} in {n:,}" for reason, n in reasons.items())
                rows.notes.append(f"{count:,} rows left, refused by the contract of {name}: {why}")


def ask(one: Side, rows: Rows, truth_of: Side, say: Say) -> Said:
    """Return what a model says of the rows: from its record, else from its bundle.

    Raises:
        DataError: Its contract does not allow the rows: other inputs, or other bounds.
    """
    from playbill.bundle.batch import answer_rows
    from playbill.evaluation.scored import encode

    asked = outcome(truth_of.contract)
    answers, source = _recorded(one, rows, asked), "recorded"
    if answers is None:
        say(f"asking the bundle of {one.project.name} about {len(rows.table):,} rows")
        with _asked_about(one):
            answers, source = answer_rows(one.project.bundle, rows.table), "scored"
    target = rows.table[truth_of.contract.target]
    found = encode(target, answers, asked.task, asked.classes, one.threshold)
    return Said(found, "recorded" if source == "recorded" else "scored")


def _contract(project: Project) -> Contract:
    """Return the contract of a revision; keys that this version does not know are left out."""
    from pydantic import ValidationError

    plain = project.params.get("contract")
    plain = dict(plain) if isinstance(plain, Mapping) else {}
    fields = {f.alias or name: f for name, f in Contract.model_fields.items()}
    known = {key: value for key, value in plain.items() if key in fields}
    known["columns"] = {
        name: {k: v for k, v in (column or {}).items() if k in ContractColumn.model_fields}
        for name, column in (plain.get("columns") or {}).items()
    }
    try:
        return Contract.model_validate(known)
    except ValidationError as error:
        raise LineageError(
            f"the contract of {project.name} cannot be read: {error.errors()[0]['msg']}",
            where=f"{revision.PARAMS} of {project.name}",
            expected="a contract with a key and a target",
        ) from error


def _newer(challenger: Side, champion: Side) -> Side:
    ends = challenger.window_end, champion.window_end
    return champion if ends[0] and ends[1] and ends[1] > ends[0] else challenger


def _young(table: "pd.DataFrame", owner: Side) -> "NDArray[np.bool_]":
    """Say which rows are younger than the label delay at the end of the data window."""
    import numpy as np
    import pandas as pd

    delay, time = owner.contract.label_delay, owner.contract.role("time")
    if time is None or owner.window_end is None or delay.startswith("0"):
        return np.zeros(len(table), dtype=bool)
    span = timedelta(**{_UNITS[delay[-1]]: int(delay[:-1])})
    times = pd.to_datetime(table[time], utc=True).dt.tz_localize(None)
    return (times > pd.Timestamp(owner.window_end) - span).to_numpy(dtype=bool)


def _leave_out(rows: Rows, one: Side, *, must_know: bool) -> None:
    from playbill.model.seen import is_seen

    table = _seen(one)
    if table is not None:
        rows.trained += rows.keep(~is_seen(rows.table[one.contract.key], table))
    elif must_know:
        raise LineageError(
            f"it is not known which rows {one.project.name} was trained on",
            where=one.path("seen.parquet"),
            expected="the digests that the stage train writes, or data/prepared/train.parquet",
            run="dvc repro, and commit; or `dvc pull`",
        )
    else:
        rows.notes.append(
            f"it is not known which rows {one.project.name} was trained on: rows that it knows are "
            "still among these, and flatter it"
        )


def _seen(one: Side) -> "pd.DataFrame | None":
    """Return the digests of the keys that a model was trained on; from its rows if need be."""
    import pandas as pd

    from playbill.model.seen import seen

    path = one.path("seen.parquet")
    try:
        if one.digest(path):
            return pd.read_parquet(one.project.file(path))
        if one.digest(TRAIN):
            return seen(one.project.table("prepared/train")[one.contract.key])
    except PlaybillError:
        return None
    return None


def _recorded(one: Side, rows: Rows, asked: Asked) -> "NDArray[np.float64] | None":
    """Return the predictions on record; None if they do not cover every row."""
    try:
        found = one.project.predictions.set_index(one.contract.key)
    except PlaybillError:
        return None
    if one.contract.key not in rows.table or found.index.has_duplicates:
        return None
    keys = rows.table[one.contract.key]
    if not keys.isin(found.index).all():
        return None
    return answers_of(found.loc[keys], asked)


@contextmanager
def _asked_about(one: Side) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(
            f"{one.project.name} cannot be asked about the newer hold-out: {error.what}",
            where=error.where,
            expected=f"rows that its contract allows: {error.expected}",
            run="promote with --override, if the contracts are meant to differ",
        ) from error


def _named(asked: Asked) -> str:
    classes = f" of {list(asked.classes)}" if asked.classes else ""
    return f"a {asked.task} target{classes}"
