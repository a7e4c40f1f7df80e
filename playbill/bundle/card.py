"""The model card: what the model is for, how good it is where, and where it must not be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playbill.contract.column import Column

MEASURES = {
    "roc_auc": "Area under the ROC curve",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "positive_share": "Share of positives",
    "rows": "Rows",
}
WORST = 3  # values of a sliced column that the card names


@dataclass(frozen=True)
class Rows:
    """What is told of a set of rows.

    Attributes:
        count: How many there are.
        start: First time in them, ISO 8601; None without a time column.
        end: Last time in them.
    """

    count: int
    start: str | None = None
    end: str | None = None

    def __str__(self) -> str:
        """Render the rows for the card."""
        span = f", {self.start} to {self.end}" if self.start and self.end else ""
        return f"{self.count:,} rows{span}"


def write_card(  # noqa: PLR0913 - the sections of a card
    *,
    name: str,
    target: "Column",
    inputs: "Sequence[Column]",
    rows: Mapping[str, Rows],
    metrics: Mapping[str, Any],
    slices: Mapping[str, Mapping[str, Mapping[str, Any]]],
    proof: Mapping[str, Any],
) -> str:
    """Return the card of a model, Markdown.

    Args:
        name: The model.
        target: The column that it predicts.
        inputs: The columns that it is asked with.
        rows: What it learned from (`train`) and was measured on (`test`).
        metrics: Measures on the hold-out.
        slices: The same by column and value.
        proof: That what ships is equal to the Pipeline.
    """
    parts = [
        f"# Model card: {name}",
        f"Predicts `{target.name}`. {target.description}".rstrip(),
        "## Data",
        f"- learned from: {rows['train']}\n- measured on: {rows['test']}, never learned from",
        "## Measures on the hold-out",
        _measures(metrics),
        *_slices(slices),
        "## Proof",
        _proof(proof),
        "## Inputs",
        _inputs(inputs),
        "## Limits",
        _limits(rows, metrics),
    ]
    return "\n\n".join(parts) + "\n"


def _measures(metrics: Mapping[str, Any]) -> str:
    lines = ["| measure | value |", "|---|---|"]
    lines += [f"| {title} | {_figure(metrics[key])} |" for key, title in MEASURES.items()
              if key in metrics]  # fmt: skip
    return "\n".join(lines)


def _slices(slices: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    lines = []
    for column, values in slices.items():
        measured = [
            (v["roc_auc"], name) for name, v in values.items() if v.get("roc_auc") is not None
        ]
        if len(measured) > 1:
            worst = [f"{_cell(name)} {auc:.3f}" for auc, name in sorted(measured)[:WORST]]
            best_auc, best = max(measured)
            lines.append(
                f"- by `{column}` ({len(measured)} of {len(values)} values have enough rows): "
                f"lowest AUC {', '.join(worst)}; highest {_cell(best)} {best_auc:.3f}"
            )
    return ["## Where it is better and worse", "\n".join(lines)] if lines else []


def _proof(proof: Mapping[str, Any]) -> str:
    rows, edges = proof["hold_out"], proof["edges"]
    largest = max(rows["largest_difference"], edges["largest_difference"])
    changed = rows["labels_changed"] + edges["labels_changed"]
    sampled = f" of {edges['possible']:,} possible" if edges["rows"] < edges["possible"] else ""
    lines = [
        f"- runtime: `{proof['runtime']}`, proven against the fitted Pipeline",
        (
            f"- rows tried: {rows['rows']:,} of the hold-out, {edges['rows']:,}{sampled} at the "
            f"edges ({edges['thresholds']:,} thresholds; missing, unknown, extreme values)"
        ),
        f"- largest difference: {largest:.3g}; labels changed: {changed}",
    ]
    lines += [f"- not taken: `{e['runtime']}`, {_cell(e['reason'])}" for e in proof["refused"]]
    return "\n".join(lines)


def _inputs(inputs: "Sequence[Column]") -> str:
    lines = ["| column | kind | allowed | meaning |", "|---|---|---|---|"]
    for column in inputs:
        kind = column.kind + (" or missing" if column.nullable else "")
        lines.append(
            f"| `{column.name}` | {kind} | {_allowed(column)} | {_cell(column.description)} |"
        )
    return "\n".join(lines)


def _allowed(column: "Column") -> str:
    if column.categories:
        return _cell(", ".join(column.categories))
    low, high = column.minimum, column.maximum
    bounds = [] if low is None else [f"{'>' if column.exclusive_minimum else '>='} {low:g}"]
    bounds += [] if high is None else [f"{'<' if column.exclusive_maximum else '<='} {high:g}"]
    return " and ".join(bounds)


def _limits(rows: Mapping[str, Rows], metrics: Mapping[str, Any]) -> str:
    threshold = _figure(metrics.get("threshold", 0.5))
    lines = [
        (
            "- It knows what was in the rows above. Other places, times and ways of measuring were "
            "not tried; `playbill drift` says when new rows stop looking like them."
        ),
        (
            f"- Its label is true from a probability of {threshold} on: "
            "another cost of errors wants another threshold."
        ),
        "- Associations, not causes: changing an input does not change the outcome.",
    ]
    if rows["test"].count < 1000:  # noqa: PLR2004 - AUC is then uncertain in its second decimal
        lines.append("- The hold-out is small: every figure above is uncertain.")
    return "\n".join(lines)


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if value is not None else "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
