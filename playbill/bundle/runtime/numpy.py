"""The compiled model: the Pipeline's transformers and its estimator in NumPy alone.

Made at packaging by `playbill.bundle.compiler`, and used only if it was proven equal to the
Pipeline there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from playbill.bundle.runtime.calibration import Calibrated, Isotonic, Member, Sigmoid
from playbill.bundle.runtime.cells import as_codes, as_numbers, as_texts, unanswered
from playbill.bundle.runtime.joined import Joined
from playbill.bundle.runtime.linear import Linear
from playbill.bundle.runtime.preparation import Piece, Preparation, Scalar, Table
from playbill.bundle.runtime.row import RowPreparation
from playbill.bundle.runtime.tensors import load_tensors
from playbill.bundle.runtime.trees import MaskedTrees, Nodes, Source, Sum, WalkedTrees
from playbill.errors import BundleError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Arrays = Mapping[str, NDArray[Any]]

FILE = "scorer.safetensors"
FORMAT_VERSION = 1


class Head(Protocol):
    """An estimator behind the transformers."""

    def batch(self, x: "Floats") -> "Floats":
        """Return predictions, shape (n, outputs), for the estimator's matrix, shape (n, width)."""
        ...


class Scorer(Protocol):
    """A whole model."""

    def batch(self, columns: "Sequence[NDArray[Any]]") -> "Floats":
        """Return predictions, shape (n, outputs), for columns as `Preparation.matrix` has them."""
        ...


# What opens an estimator that stands in a file of its own, by its description.
Graph = Callable[[Mapping[str, Any], Sum], Head]


class NumpyRuntime:
    """Answers with a compiled model.

    Args:
        inputs: Name and kind of the contract's input columns, in its order.
        lookups: Codes by text for each text column that the model looks at, by its place.
        score: Predicts for columns as `Preparation.matrix` takes them.
        joined: Text columns made of others, which follow the inputs.
    """

    quick = True

    def __init__(
        self,
        inputs: Sequence[tuple[str, str]],
        lookups: dict[int, dict[Any, int]],
        score: "Scorer",
        joined: Sequence[Joined] = (),
    ) -> None:
        self._joined = tuple(joined)
        self._joins = [lookups[len(inputs) + number] for number in range(len(joined))]
        self._read = frozenset(place for each in joined for place in each.of)
        self._inputs = tuple(inputs)
        self._lookups = lookups
        self._score = score.batch
        self._encoders = [
            _encoder(name, kind, lookups.get(place)) for place, (name, kind) in enumerate(inputs)
        ]
        self._masked = score if isinstance(score, MaskedTrees) else None
        self._prepared = score if isinstance(score, _Prepared) else None

    def predict(self, columns: Mapping[str, Sequence[object]]) -> "Floats":
        """Return predictions; see `Runtime.predict`."""
        return self._shaped(self._score(self._encoded(columns)))

    def predict_rows(self, rows: Sequence[Sequence[object]]) -> "Floats":
        """Return predictions; see `Runtime.predict_rows`."""
        columns: list[Any] = list(zip(*rows, strict=True))
        encoded: list[NDArray[Any]] = [
            encode(values) for encode, values in zip(self._encoders, columns, strict=True)
        ]
        if self._joined:
            encoded += self._crossed(columns)
        return self._shaped(self._score(encoded))

    def predict_row(self, values: Sequence[object]) -> float | list[float]:
        """Return the prediction of one row; see `Runtime.predict_row`."""
        given = values
        if self._joined:
            values = self._extended(values)
        if self._masked is not None:
            found = self._masked.row(values)
            if found is not None:
                return found
        if self._prepared is not None:
            answers = self._prepared.row(values)
            if np.isnan(answers).any():
                raise unanswered(np.isnan(answers))
            plain: list[float] = answers[0].tolist()
            return plain[0] if len(plain) == 1 else plain
        columns = {name: [value] for (name, _), value in zip(self._inputs, given, strict=True)}
        answer: float | list[float] = self.predict(columns)[0].tolist()
        return answer

    def _encoded(self, columns: Mapping[str, Sequence[object]]) -> "list[NDArray[Any]]":
        encoded: list[NDArray[Any]] = []
        for place, (name, kind) in enumerate(self._inputs):
            if name not in columns:
                raise DataError(
                    f"the column `{name}` is missing",
                    where=f"columns {', '.join(list(columns)[:20])}",
                    expected=name,
                )
            if kind != "text":
                encoded.append(as_numbers(columns[name], kind, name))
            elif place in self._lookups:
                lookup = self._lookups[place]
                encoded.append(as_codes(columns[name], lookup, len(lookup) - 1))
            else:
                encoded.append(np.zeros(len(columns[name]), dtype=np.int64))
        if self._joined:
            texts: list[Any] = [
                as_texts(columns[name]) if place in self._read else None
                for place, (name, _) in enumerate(self._inputs)
            ]
            encoded += self._crossed(texts)
        return encoded

    def _crossed(self, columns: list[Any]) -> "list[NDArray[np.int64]]":
        """Return the codes of the joined columns; `columns` are the inputs' texts."""
        encoded = []
        for each, lookup in zip(self._joined, self._joins, strict=True):
            columns.append(each.texts(columns))
            encoded.append(as_codes(columns[-1], lookup, len(lookup) - 1))
        return encoded

    def _extended(self, values: Sequence[Any]) -> list[Any]:
        found = list(values)
        for each in self._joined:
            found.append(each.text(found))
        return found

    def _shaped(self, found: "Floats") -> "Floats":
        if np.isnan(found).any():
            raise unanswered(np.isnan(found))
        return found[:, 0] if found.shape[1] == 1 else found


def _encoder(
    name: str, kind: str, lookup: Mapping[Any, int] | None
) -> "Callable[[Sequence[Any]], NDArray[Any]]":
    """Return what turns validated values of a column into what the model looks at."""
    if lookup is not None:
        get, unknown = lookup.get, len(lookup) - 1
        return lambda values: np.array([get(value, unknown) for value in values], dtype=np.int64)
    if kind == "text":  # the model does not look at it
        return lambda values: np.zeros(len(values), dtype=np.int64)
    if kind == "datetime":
        return lambda values: as_numbers(list(values), kind, name)
    return lambda values: np.array(values, dtype=np.float64)  # None becomes NaN


def open_model(files: Mapping[str, bytes], trusted: Sequence[str] = ()) -> NumpyRuntime:
    """Return the runtime for the files of a model layer.

    Args:
        files: The model layer.
        trusted: Not needed: the file holds numbers and no types.

    Raises:
        BundleError: The file is missing, or is not what the stage `package` writes.
    """
    del trusted
    return read_model(files, None)


def read_model(files: Mapping[str, bytes], graph: Graph | None) -> NumpyRuntime:
    """Return the runtime for the files of a model layer.

    Args:
        files: The model layer.
        graph: Opens an estimator that stands in a file of its own.

    Raises:
        BundleError: A file is missing, or is not what the stage `package` writes.
    """
    if FILE not in files:
        raise BundleError(f"the model layer has no {FILE}")
    arrays, about = load_tensors(files[FILE])
    if about.get("format_version") != FORMAT_VERSION:
        raise BundleError(
            f"{FILE} has the format version {str(about.get('format_version'))[:20]}",
            expected=str(FORMAT_VERSION),
            run="use the version of Playbill that made the bundle",
        )
    try:
        return _Reader(arrays, about, graph).runtime()
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BundleError(
            f"{FILE} is not a compiled model: {type(error).__name__}",
            expected="what the stage `package` writes",
            run="dvc repro",
        ) from error


class _Reader:
    """Builds the parts of a model from its arrays and their description."""

    def __init__(self, arrays: "Arrays", about: Mapping[str, Any], graph: Graph | None) -> None:
        self._graph = graph
        self._arrays = arrays
        self._inputs = [(str(name), str(kind)) for name, kind in about["inputs"]]
        self._joined = [
            Joined(tuple(map(int, each["of"])), tuple(map(str, each["missing"])), each["separator"])
            for each in about.get("joined", ())
        ]
        self._plain = tuple(self._inputs)
        for each in self._joined:
            name = each.separator.join(self._inputs[place][0] for place in each.of)
            self._inputs.append((name, "text"))
        self._names = tuple(name for name, _ in self._inputs)
        self._model = about["model"]
        self._lookups = {
            int(place): {
                **{str(word): code for code, word in enumerate(words)},
                None: len(words) + 1,  # between the words and this one stands the unknown
            }
            for place, words in about["words"].items()
        }

    def runtime(self) -> NumpyRuntime:
        score = self._scorer(self._model)
        return NumpyRuntime(self._plain, self._lookups, score, self._joined)

    def _scorer(self, plain: Mapping[str, Any]) -> Any:
        build = {
            "masks": self._masks,
            "prepared": self._prepared,
            "calibrated": self._calibrated,
        }[plain["kind"]]
        return build(plain)

    def _prepared(self, plain: Mapping[str, Any]) -> "_Prepared":
        preparation = self._preparation(plain["preparation"])
        inner = plain["head"]
        if inner["kind"] == "graph" and self._graph is not None:
            head: Head = self._graph(inner, self._total(inner["total"]))
        else:
            head = self._walk(inner) if inner["kind"] == "walk" else self._linear(inner)
        kinds = [kind for _, kind in self._inputs]
        return _Prepared(preparation, RowPreparation(preparation, kinds, self._lookups), head)

    def _calibrated(self, plain: Mapping[str, Any]) -> Calibrated:
        members = []
        for each in plain["members"]:
            calibrators = tuple(self._calibrator(one) for one in each["calibrators"])
            score = self._scorer(each["scorer"])
            shares = bool(each.get("shares"))
            members.append(Member(score.batch, calibrators, float(each["temperature"]), shares))
        return Calibrated(tuple(members), int(plain["classes"]))

    def _calibrator(self, plain: Mapping[str, Any]) -> "Callable[[Floats], Floats]":
        if plain["kind"] == "sigmoid":
            slope, intercept = self._arrays[plain["values"]].tolist()
            return Sigmoid(slope, intercept)
        return Isotonic(self._arrays[plain["x"]], self._arrays[plain["y"]])

    def _total(self, plain: Mapping[str, Any]) -> Sum:
        return Sum(self._arrays[plain["base"]], int(plain["divisor"]), str(plain["link"]))

    def _masks(self, plain: Mapping[str, Any]) -> MaskedTrees:
        sources = [
            Source(
                column=int(each["column"]),
                kind=self._inputs[each["column"]][1],
                start=int(each["start"]),
                breaks=self._arrays[each["breaks"]],
                size=int(each["size"]),
                bad=frozenset(each["bad"]),
            )
            for each in plain["sources"]
        ]
        return MaskedTrees(
            self._names,
            self._lookups,
            sources,
            self._arrays[plain["table"]],
            self._arrays[plain["leaves"]],
            self._total(plain["total"]),
        )

    def _walk(self, plain: Mapping[str, Any]) -> WalkedTrees:
        names = ("feature", "threshold", "children", "missing_right", "split", "categories")
        arrays = {name: self._arrays[plain[name]] for name in (*names, "values", "roots")}
        refuses = frozenset(str(each) for each in plain["refuses"])
        return WalkedTrees(
            Nodes(**arrays, depth=int(plain["depth"])), self._total(plain["total"]), refuses
        )

    def _linear(self, plain: Mapping[str, Any]) -> Linear:
        coefficients = self._arrays[plain["coefficients"]]
        return Linear(coefficients, self._arrays[plain["intercept"]], str(plain["link"]))

    def _preparation(self, plain: Mapping[str, Any]) -> Preparation:
        array = self._arrays
        tables = [
            Table(int(t["source"]), array[t["out"]], array[t["values"]], array[t["bad"]])
            for t in plain["tables"]
        ]
        scalars = [
            Scalar(array[s["sources"]], array[s["out"]], self._operations(s["operations"]))
            for s in plain["scalars"]
        ]
        steps = [
            Piece(
                int(p["source"]),
                array[p["out"]],
                self._operations(p["operations"]),
                array[p["keys"]],
                str(p["mode"]),
                array[p["values"]],
                array[p["bad"]],
            )
            for p in plain["steps"]
        ]
        width = int(plain["width"])
        return Preparation(self._names, width, tuple(tables), tuple(scalars), tuple(steps))

    def _operations(self, plain: Sequence[Any]) -> "tuple[tuple[str, tuple[Floats, ...]], ...]":
        return tuple(
            (str(name), tuple(self._arrays[each] for each in parameters))
            for name, parameters in plain
        )


class _Prepared:
    """An estimator behind the transformers."""

    def __init__(self, preparation: Preparation, row: RowPreparation, head: Head) -> None:
        self._preparation = preparation
        self._row = row
        self._head = head

    def batch(self, columns: "Sequence[NDArray[Any]]") -> "Floats":
        return self._head.batch(self._preparation.matrix(columns))

    def row(self, values: Sequence[Any]) -> "Floats":
        return self._head.batch(self._row.matrix(values))
