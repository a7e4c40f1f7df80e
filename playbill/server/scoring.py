"""Rows in, plain answers out: asks the runtime, says what it said, logs and counts it.

Both lanes and the Open Inference Protocol end here, so that they cannot differ.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.concurrency import run_in_threadpool

from playbill.errors import DataError
from playbill.server.authentication import who
from playbill.server.identifier import identifier_texts
from playbill.server.interface import Interface
from playbill.server.journal import PREDICTIONS, REQUEST
from playbill.server.plain import Plain, PlainRows, values_of
from playbill.server.problem import Fault, ProblemError
from playbill.server.served import Served, base_of, facts_of, served

if TYPE_CHECKING:
    from playbill.server.measurement import Measurement
    from playbill.server.model import Model
    from playbill.server.switch import Share, Switch

# Rows that the event loop may wait for; more, or a slow runtime, get a thread.
INLINE_ROWS = 128

Answer = dict[str, Any]

ALWAYS = -1  # a number that no order has: each request asks which model it gets


class Scoring:
    """Answers rows with a model.

    Args:
        interface: The served interface.
        model: The model; None answers 503.
        measurement: Counts and logs.
        plain: Makes plain rows.
        version: Version that the answers name.
    """

    def __init__(
        self,
        interface: Interface,
        model: "Model | None",
        measurement: "Measurement",
        plain: PlainRows,
        version: str | None = None,
    ) -> None:
        self.interface = interface
        self.ready = False
        self._measurement = measurement
        self._names = list(interface.columns)
        self.plain = plain
        self._classes = [str(each) for each in interface.asked.classes]
        self._served: Served | None = None
        self._canary: Served | None = None
        self._share: Share | None = None
        self._switch: Switch | None = None
        # The number that is committed for all workers, and the one that this worker answers by.
        self._committed: Sequence[int] = (0,)
        self._number = 0
        if model is not None:
            facts = facts_of(model, version)
            self._served = Served(
                model, version, base_of(model, version), facts, measurement.recorder(facts),
                measurement.watch,
            )  # fmt: skip

    @property
    def model(self) -> "Model | None":
        """The model that answers."""
        return self._served.model if self._served is not None else None

    @property
    def version(self) -> str | None:
        """The version that answers name."""
        return self._served.version if self._served is not None else None

    @property
    def served(self) -> Served | None:
        """What answers."""
        return self._served

    def follow(self, switch: "Switch") -> None:
        """Answer by what is committed for all workers from now on."""
        self._switch, self._committed = switch, switch.board.numbers

    def make(self, model: "Model", version: str | None) -> Served:
        """Return what answers with a model, made and not used yet."""
        return served(model, version, self._measurement)

    def use(self, number: int, main: Served, canary: Served | None, share: "Share | None") -> None:
        """Answer with this from now on."""
        self._served, self._canary, self._share = main, canary, share
        self._number = number if canary is None else ALWAYS
        self._measurement.adopt(main, canary)

    def _chosen(self, scope: Mapping[str, Any], rows: int) -> Served | None:
        """Return what answers a request after a commit, or while a share of the callers differs."""
        assert self._switch is not None
        committed = self._switch.commit()
        if self._canary is None:
            self._number = committed
        elif self._share is not None and self._share.takes(_caller(scope, self._share.header)):
            self._measurement.canaried(rows)
            return self._canary
        return self._served

    async def answer(
        self, rows: Sequence[Plain], scope: MutableMapping[str, Any], *, explain: bool = False
    ) -> list[Answer]:
        """Return a prediction for each row, logged and counted.

        Raises:
            ProblemError: 503 there is no model (yet), 422 the model cannot take a value.
        """
        # One number that all workers share: together they answer by it, from one request on.
        asked = self._served
        if self._committed[0] != self._number:
            asked = self._chosen(scope, len(rows))
        if asked is None or not self.ready:
            raise ProblemError(503, "The model is not ready.", kind="model")
        try:
            scores = await self._scores(rows, asked.model)
            made = identifier_texts(len(scores))
            found = self._answers(scores, made, asked)
            if explain:
                for row, one in zip(rows, found, strict=True):
                    one["contributions"] = await self._contributions(row, one, asked.model)
        except DataError as error:  # its text may hold a value: only the place is told
            fault = Fault(field=error.where, reason="The model cannot take this value.")
            detail = "A value cannot be used."
            raise ProblemError(422, detail, [fault], kind="model") from None
        scope[PREDICTIONS] = made
        self._measurement.predicted(rows, found, who(scope).name, scope.get(REQUEST, ""), asked)
        return found

    async def _scores(self, rows: Sequence[Plain], model: "Model") -> list[Any]:
        runtime = model.runtime
        quick = runtime.quick
        if quick and len(rows) == 1:
            return [runtime.predict_row(values_of(rows[0]))]
        values = list(map(values_of, rows))
        if quick and len(rows) <= INLINE_ROWS:
            return list(runtime.predict_rows(values).tolist())
        return list((await run_in_threadpool(runtime.predict_rows, values)).tolist())

    def _answers(self, scores: Sequence[Any], made: Sequence[str], asked: Served) -> list[Answer]:
        """Return the answers to rows.

        binary: `label` (true: the positive class), its `probability`, `probabilities` by class;
        multiclass: the same for the most probable class, of equal ones the first; regression:
        `value`.
        """
        said, base = zip(made, scores, strict=True), asked.base
        if self.interface.asked.task == "regression":
            return [{"prediction_id": name, "value": score, **base} for name, score in said]
        if self.interface.asked.task == "binary":
            return self._of_two(said, asked)
        return [self._of_many(name, score, base) for name, score in said]

    def _of_two(self, said: Iterable[tuple[str, float]], served: Served) -> list[Answer]:
        asked, base, threshold = self.interface.asked, served.base, served.model.threshold
        first, second = self._classes
        if asked.classes[-1] == asked.positive:
            pairs = ((name, score, 1 - score, score) for name, score in said)
        else:
            pairs = ((name, score, score, 1 - score) for name, score in said)
        return [
            {
                "prediction_id": name,
                "label": score >= threshold,
                "probability": score,
                "probabilities": {first: one, second: other},
                **base,
            }
            for name, score, one, other in pairs
        ]

    def _of_many(self, name: str, score: Sequence[float], base: Mapping[str, Any]) -> Answer:
        best = max(range(len(score)), key=score.__getitem__)
        return {
            "prediction_id": name,
            "label": self.interface.asked.classes[best],
            "probability": score[best],
            "probabilities": dict(zip(self._classes, score, strict=True)),
            **base,
        }

    async def _contributions(self, row: Plain, answer: Answer, model: "Model") -> dict[str, float]:
        """Return by how much each value moved the answer away from its reference value's.

        One value at a time is replaced by the reference median (a number) or the commonest
        category, all else kept: k + 1 scorings for k features, in one batch. Interactions are
        counted with each feature that takes part, so the figures need not add up.
        """
        typical = {n: v for n, v in model.typical.items() if n in self.interface.columns}
        own = dict(zip(self._names, values_of(row), strict=True))
        names = list(typical)
        columns: dict[str, Sequence[object]] = {
            name: [value, *(typical[n] if n == name else value for n in names)]
            for name, value in own.items()
        }
        scores = await run_in_threadpool(model.runtime.predict, columns)
        values = scores.tolist()
        if self.interface.asked.task == "multiclass":
            best = list(self.interface.asked.classes).index(answer["label"])
            values = [each[best] for each in values]
        return {name: values[0] - other for name, other in zip(names, values[1:], strict=True)}


def _caller(scope: Mapping[str, Any], header: str) -> str:
    """Return who calls: what the header says, else the name of the key or token."""
    wanted = header.encode()
    said = next((value for name, value in scope["headers"] if wanted and name == wanted), b"")
    return said.decode("latin-1") or who(scope).name


def typical_values(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return the median or the commonest category of each profiled column.

    The median is the upper edge of the bin in which half of the reference rows are reached: the
    profile holds no rows.
    """
    found: dict[str, Any] = {}
    for name, column in profile.get("columns", {}).items():
        counts = column["counts"]
        if "edges" not in column:
            names = column["categories"]
            if names:
                common = names[max(range(len(names)), key=counts.__getitem__)]
                found[name] = common == "true" if column["kind"] == "boolean" else common
        elif column["edges"]:
            total, reached, sums = sum(counts), 0, []
            for count in counts:
                reached += count
                sums.append(reached)
            place = min(bisect_left(sums, total / 2), len(column["edges"]) - 1)
            value = column["edges"][place]
            found[name] = round(value) if column["kind"] == "integer" else value
    return found


def secret(variable: str | None) -> bytes | None:
    """Return the value of an environment variable as a key."""
    value = os.environ.get(variable, "") if variable else ""
    return value.encode() or None
