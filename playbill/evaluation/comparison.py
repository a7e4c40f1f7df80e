"""Compares evaluated models: metrics, slices, parameters, and predictions on the same rows.

Pure: mappings and frames in, a `Comparison` out. Where they come from (a commit, the workspace) is
not known here. The first side is what the others are measured against.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CONFIDENCE = 0.95
DRAWS = 1000
SEED = 20_130_101
LOWER_IS_BETTER = ("brier", "log_loss", "calibration_error")
SLICES_SHOWN = 10
_ABSENT = "-"


@dataclass(frozen=True)
class Predictions:
    """A frame of predictions and which of its columns are what."""

    frame: "pd.DataFrame"
    key: str
    target: str
    probability: str


@dataclass(frozen=True)
class Side:
    """One evaluated model."""

    name: str
    metrics: Mapping[str, Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    slices: Any = None
    predictions: Predictions | None = None
    note: str = ""
    """Why there are no predictions, if there are none."""


@dataclass(frozen=True)
class Row:
    """One metric, or one parameter, of every side; None where a side does not have it."""

    name: str
    values: tuple[Any, ...]
    differences: tuple[float | None, ...] = ()
    """To the first side, from the second side on; empty for parameters."""


@dataclass(frozen=True)
class Paired:
    """A metric of two sides on the rows that both predicted, with the interval of the difference."""

    side: str
    metric: str
    rows: int
    first: float
    other: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Return better, worse, or `no clear difference` if the interval holds zero."""
        if self.low <= 0 <= self.high:
            return "no clear difference"
        return "better" if (self.difference < 0) == (self.metric in LOWER_IS_BETTER) else "worse"


@dataclass(frozen=True)
class Comparison:
    """Everything that is said about two or more sides."""

    sides: tuple[str, ...]
    metrics: tuple[Row, ...]
    slices: tuple[Row, ...]
    params: tuple[Row, ...]
    paired: tuple[Paired, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; numbers that JSON has no form for become None."""
        return {"format_version": 1, **_plain(asdict(self))}

    def as_json(self) -> str:
        """Return the comparison as JSON text."""
        return json.dumps(self.as_dict(), indent=2, sort_keys=True, default=str) + "\n"

    def as_text(self) -> str:
        """Return tables for a terminal."""
        parts = []
        for title, head, rows in self._tables():
            parts.append(f"{title}\n{_grid(head, rows)}")
        return "\n\n".join([*parts, *(f"note: {note}" for note in self.notes)]) + "\n"

    def as_markdown(self) -> str:
        """Return tables for a pull request."""
        parts = [f"### {self.sides[0]} against {', '.join(self.sides[1:])}"]
        for title, head, rows in self._tables():
            lines = [_pipes(head), _pipes(["---", *["---:"] * (len(head) - 1)])]
            parts.append("\n".join([f"**{title}**", "", *lines, *(_pipes(row) for row in rows)]))
        return "\n\n".join([*parts, *(f"_{note}_" for note in self.notes)]) + "\n"

    def _tables(self) -> Iterator[tuple[str, list[str], list[list[str]]]]:
        gaps = ["difference"] if len(self.sides) == 2 else [f"to {s}" for s in self.sides[1:]]  # noqa: PLR2004
        yield "Metrics", ["metric", *self.sides, *gaps], [_metric(row) for row in self.metrics]
        if self.paired:
            head = ["metric", "against", "rows", "first", "other", "difference", "95 %", "verdict"]
            yield "On the same rows", head, [_paired(one) for one in self.paired]
        if self.slices:
            shown = sorted(self.slices, key=_widest, reverse=True)[:SLICES_SHOWN]
            title = f"Slices that moved most ({len(shown)} of {len(self.slices)})"
            yield title, ["slice", *self.sides, *gaps], [_metric(row) for row in shown]
        if self.params:
            changed = [[row.name, *map(_shown, row.values)] for row in self.params]
            yield "What differs in params.yaml", ["key", *self.sides], changed
        else:
            yield "What differs in params.yaml", ["key", *self.sides], [["nothing"]]


def compare(sides: Sequence[Side]) -> Comparison:
    """Compare the first side with each of the others.

    Args:
        sides: Two or more evaluated models.

    Returns:
        Metrics with differences, changed parameters, slices by AUC, and where two sides predicted
        the same rows, AUC and Brier score on those rows with a bootstrap interval.
    """
    first, *others = sides
    paired: list[Paired] = []
    notes: list[str] = [f"{side.name}: {side.note}" for side in sides if side.note]
    for other in others:
        if first.predictions is not None and other.predictions is not None:
            found, note = pair(first.predictions, other.predictions, other.name)
            paired += found
            notes += [note] if note else []
    return Comparison(
        sides=tuple(side.name for side in sides),
        metrics=tuple(_rows([flatten(side.metrics) for side in sides])),
        slices=tuple(row for row in _rows([_slices(side.slices) for side in sides])),
        params=tuple(_changed([_params(side.params) for side in sides])),
        paired=tuple(paired),
        notes=tuple(notes),
    )


def pair(first: Predictions, other: Predictions, name: str) -> tuple[list[Paired], str]:
    """Compare two models on the rows that both predicted, matched by key.

    Returns:
        AUC and Brier score with intervals, or nothing; and a note on rows that were left out.
    """
    left, right = _indexed(first), _indexed(other)
    if left.index.has_duplicates or right.index.has_duplicates:
        return [], f"{name}: keys occur more than once, so rows cannot be matched"
    shared = left.index.intersection(right.index, sort=False)
    left, right = left.loc[shared], right.loc[shared]
    if (clash := int((left["label"] != right["label"]).sum())) > 0:
        return [], f"{name}: {clash} shared rows have another label, so the rows are not the same"
    labels = left["label"].to_numpy(dtype=float) > 0
    if labels.all() or not labels.any():
        return [], f"{name}: no two classes among the {len(shared)} rows that both predicted"
    most = max(len(first.frame), len(other.frame))
    note = f"{name}: {len(shared)} rows were predicted by both, of {most}"
    scores = (left["score"].to_numpy(dtype=float), right["score"].to_numpy(dtype=float))
    return _bootstrap(labels, scores, name), "" if len(shared) == most else note


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys; lists of mappings by their position."""
    if isinstance(values, Mapping):
        pairs = [(f"{prefix}.{key}" if prefix else str(key), v) for key, v in values.items()]
    elif isinstance(values, list) and any(isinstance(item, Mapping) for item in values):
        pairs = [(f"{prefix}[{position}]", item) for position, item in enumerate(values)]
    else:
        return {prefix: values} if prefix else {}
    return {name: leaf for key, value in pairs for name, leaf in flatten(value, key).items()}


def _indexed(predictions: Predictions) -> "pd.DataFrame":
    names = {predictions.target: "label", predictions.probability: "score"}
    frame = predictions.frame[[predictions.key, *names]].rename(columns=names)
    return frame.set_index(predictions.key)


def _bootstrap(
    labels: "NDArray[np.bool_]",
    scores: tuple["NDArray[np.float64]", "NDArray[np.float64]"],
    name: str,
) -> list[Paired]:
    import numpy as np

    rng = np.random.default_rng(SEED)
    areas = [_area(labels, score) for score in scores]
    losses = [(score - labels) ** 2 for score in scores]
    gap = losses[1] - losses[0]
    rows = len(labels)
    draws: dict[str, list[float]] = {"auc": [], "brier": []}
    for _ in range(DRAWS):
        weights = np.bincount(rng.integers(0, rows, rows), minlength=rows).astype(np.float64)
        draws["auc"].append(areas[1](weights) - areas[0](weights))
        draws["brier"].append(float(weights @ gap) / rows)
    whole = np.ones(rows)
    point = {
        "auc": [area(whole) for area in areas],
        "brier": [float(loss.mean()) for loss in losses],
    }
    tail = 50 * (1 - CONFIDENCE)
    found = []
    for metric, (before, after) in point.items():
        # A draw without two classes has no AUC; it says nothing about the difference.
        low, high = np.nanpercentile(draws[metric], [tail, 100 - tail])
        gained = after - before
        found.append(Paired(name, metric, rows, before, after, gained, float(low), float(high)))
    return found


class _area:  # noqa: N801 - a function that has sorted its scores beforehand
    """The area under the ROC curve of rows with weights; equal scores count half."""

    def __init__(self, labels: "NDArray[np.bool_]", scores: "NDArray[np.float64]") -> None:
        import numpy as np

        self.order = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.labels = labels[self.order]

    def __call__(self, weights: "NDArray[np.float64]") -> float:
        import numpy as np

        ordered = weights[self.order]
        positive = np.add.reduceat(ordered * self.labels, self.starts)
        negative = np.add.reduceat(ordered, self.starts) - positive
        total = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2
        return float(positive @ below / total) if total else math.nan


def _rows(sides: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for name in _names(sides):
        values = tuple(side.get(name) for side in sides)
        if any(_is_number(value) for value in values):
            yield Row(name, values, tuple(_minus(value, values[0]) for value in values[1:]))


def _changed(sides: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for name in _names(sides):
        values = tuple(side.get(name, _ABSENT) for side in sides)
        if any(value != values[0] for value in values[1:]):
            yield Row(name, values)


def _names(sides: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for side in sides for name in side))


def _params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat params; what `compose` notes of the environment once, not once a stage."""
    found = flatten({key: value for key, value in params.items() if key != "environment"})
    stages = params.get("environment")
    for stage, noted in stages.items() if isinstance(stages, Mapping) else ():
        for key, value in flatten(noted).items():
            kind, _, rest = key.partition(".")
            if kind == "packages":
                found[f"package {rest}"] = value
            else:
                found[f"code of {stage}" + (f": {rest}" if rest else "")] = str(value)[:12]
    return found


def _slices(slices: Any) -> dict[str, Any]:
    """Return the AUC of each slice by name, from nested mappings or from records."""
    if isinstance(slices, list):
        named = [one for one in slices if isinstance(one, Mapping)]
        return {f"{one.get('column')}={one.get('value')}": one.get("auc") for one in named}
    leaves = flatten(slices) if isinstance(slices, Mapping) else {}
    return {
        name.removesuffix(".auc"): leaf for name, leaf in leaves.items() if name.endswith(".auc")
    }


def _minus(value: Any, first: Any) -> float | None:
    return value - first if _is_number(value) and _is_number(first) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _widest(row: Row) -> float:
    return max((abs(gap) for gap in row.differences if gap is not None), default=-1.0)


def _metric(row: Row) -> list[str]:
    gaps = [_ABSENT if gap is None else _signed(gap) for gap in row.differences]
    return [row.name, *map(_shown, row.values), *gaps]


def _paired(one: Paired) -> list[str]:
    interval = f"{_signed(one.low)} to {_signed(one.high)}"
    numbers = [_shown(one.first), _shown(one.other), _signed(one.difference)]
    return [one.metric, one.side, str(one.rows), *numbers, interval, one.verdict]


def _signed(gap: float) -> str:
    return f"{gap:+d}" if isinstance(gap, int) else f"{gap:+.4f}"


def _shown(value: Any) -> str:
    if value is None:
        return _ABSENT
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    full = [[*row, *[""] * (len(head) - len(row))] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in full) for column in range(len(head))]
    lines = []
    for row in full:
        first, *rest = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
