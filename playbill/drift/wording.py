"""How the figures of a drift report read, the same on the console, in Markdown and in HTML."""

from typing import TYPE_CHECKING

from playbill.config.metric import LOWER_IS_BETTER

if TYPE_CHECKING:
    from playbill.drift.pairs import PairDrift
    from playbill.drift.performance import Estimate
    from playbill.drift.result import Bin, ColumnDrift, DriftReport

HEADLINE = {"drift": "Drift", "no drift": "No drift", "inconclusive": "No verdict"}
SMALLEST_P = 0.001
PAIR_LINES = 10  # pairs that a report lists; JSON has them all
SMALL_SHARE = 0.0995  # below, a share is shown with one more digit


def headline(report: "DriftReport") -> str:
    """Return the answer in one line."""
    return f"{HEADLINE[report.verdict]}: {report.reason}"


def basis(report: "DriftReport") -> str:
    """Return what the answer rests on, in one sentence."""
    told = (
        f"{report.rows:,} new rows against {report.reference_rows:,} reference rows; "
        f"chance of any false alarm {level(report)}, smallest effect that counts "
        f"{report.minimum_effect:.4g}."
    )
    return f"{told} {power(report)}".rstrip()


def level(report: "DriftReport") -> str:
    """Return the level, and of how many checks it is the level."""
    of = f" in {report.checks:,} checks together" if report.checks > 1 else ""
    return f"{report.alpha:.4g}{of}"


def estimated(report: "DriftReport") -> str:
    """Return what the estimates rest on."""
    if report.estimates and report.estimates[0].measure == "roc_auc":
        return (
            "Estimated from its probabilities alone, as reliable as they were on the hold-out. It "
            "sees what moved inputs do, not that their meaning changed. Intervals hold 95 %."
        )
    return (
        "Estimated by a second model, which learned on the hold-out where the first one errs. It "
        "sees that rows moved to such places, not that the meaning of inputs changed, and calls a "
        "place that the hold-out lacks an average one. Intervals hold 95 % within these limits."
    )


def power(report: "DriftReport") -> str:
    """Return what a check of these sizes could have seen, in one sentence; empty if unknown."""
    span = count(report.periods, "period")
    if report.basis == "same periods":
        return f"The new rows are of {span} of the reference and were compared with its rows there."
    if report.basis == "design effect":
        return (
            f"The new rows span {span}, too many for windows of the reference that are as long; "
            "rows of a period count for less than their number."
        )
    if report.basis == "windows":
        return (
            f"The new rows span {span} and were compared with the "
            f"{count(report.windows, 'window')} of the reference that are as long."
        )
    if report.detectable is not None:
        return (
            f"With these rows a shift of {report.detectable:.2g} of the rows in any one column "
            "would have been seen with 80 % chance."
        )
    return "" if not report.rows else "With these rows no shift would be seen with 80 % chance."


def matter(report: "DriftReport") -> str:
    """Return whether it matters to the model, in one sentence; empty if that is unknown."""
    found = report.loss
    if found is None:
        return ""
    known = report.realised is not None and found in report.realised.measures
    how, rows = "realised" if known else "estimated", ""
    if known and report.realised:
        rows = f", on {report.realised.rows:,} labelled rows"
    span = f"{found.loss_low:+.3f} to {found.loss_high:+.3f}"
    told = f"from {found.reference:.3f} on the hold-out to {found.value:.3f} (loss {span}){rows}"
    name = measure(found)
    if report.matters:
        goes = "rises" if found.measure in LOWER_IS_BETTER else "falls"
        return f"It matters: {how} {name} {goes} {told}."
    if found.loss_high < 0:
        does = "does" if known else "is expected to do"
        return f"The model {does} better: {name} goes {told}."
    return f"No sure loss: {how} {name} goes {told}."


def truth(report: "DriftReport") -> str:
    """Return what the labelled rows say besides, in one or two sentences; empty without any."""
    known = report.realised
    if known is None:
        return ""
    concept, bet = known.concept, known.watched
    shown = (
        "The same scores no longer mean the same"
        if concept.drifted
        else ("That the same scores mean something else is not shown")
    )
    what = "labels" if report.basis == "rows" else "periods"
    grown = (
        f"a bet on a larger loss was won after {bet.alarm:,} of {bet.losses:,} {what}"
        if bet.alarm is not None
        else f"no bet on a larger loss was won in {bet.losses:,} {what}"
    )
    return (
        f"{shown}: share of positives moved by {concept.effect:.3f} "
        f"(p {p_value(concept.adjusted_p_value)}). Watched one by one, {grown} "
        f"(mean {bet.mean:.4f}, allowed {bet.bound:.4f})."
    )


def measure(found: "Estimate") -> str:
    """Return the name of a measure as people write it."""
    return {
        "roc_auc": "ROC AUC", "brier": "Brier score", "f1": "F1", "log_loss": "log loss",
        "mae": "mean absolute error", "rmse": "root mean squared error",
    }.get(found.measure, found.measure)  # fmt: skip


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def pair(found: "PairDrift") -> str:
    """Return the two columns of a pair."""
    return " × ".join(found.columns)  # noqa: RUF001 - the sign of a product of columns


def flag(report: "DriftReport", column: "ColumnDrift") -> str:
    """Return whether the column drifted; too few rows leave it open."""
    if report.verdict == "inconclusive":
        return "open"
    return "yes" if column.drifted else "no"


def p_value(value: float) -> str:
    """Return a p-value with three decimals."""
    return f"< {SMALLEST_P}" if value < SMALLEST_P else f"{value:.3f}"


def share(value: float) -> str:
    """Return a share of rows in percent."""
    if value < SMALLEST_P:
        return "< 0.1 %" if value else "0 %"
    return f"{100 * value:.1f} %" if value < SMALL_SHARE else f"{100 * value:.0f} %"


def change(before: float, after: float) -> str:
    """Return a share before and after; one figure when both read alike."""
    old, new = share(before), share(after)
    return old if old == new else f"{old.removesuffix(' %')} → {new}"


def missing(column: "ColumnDrift") -> str:
    """Return the share of missing values before and after, or `none`."""
    if not column.missing_before and not column.missing_after:
        return "none"
    return change(column.missing_before, column.missing_after)


def unknown(column: "ColumnDrift", limit: int = 3) -> str:
    """Return the values that the reference does not know, or `none`."""
    if not column.unknown_values:
        return "none"
    names = [name for name, _ in column.unknown[:limit]]
    more = column.unknown_values - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def importance(report: "DriftReport", column: "ColumnDrift") -> str:
    """Return what a column means to the model, as a share of the most important one's."""
    most = max((each.importance or 0.0 for each in report.columns), default=0.0)
    if column.importance is None or most <= 0:
        return "unknown"
    return share(max(column.importance, 0.0) / most)


def largest_change(column: "ColumnDrift") -> tuple[str, str]:
    """Return the bin whose share moved the most, and its shares."""
    before, after = totals(column)
    moved = max(column.bins, key=lambda b: abs(b.current / after - b.reference / before))
    return moved.label, change(moved.reference / before, moved.current / after)


def totals(column: "ColumnDrift") -> tuple[int, int]:
    """Return the rows on both sides, at least 1 to divide by."""
    return (
        max(sum(one.reference for one in column.bins), 1),
        max(sum(one.current for one in column.bins), 1),
    )


def cut(text: str, limit: int) -> str:
    """Return `text` on one line, shortened to `limit` characters."""
    line = " ".join(text.split()) or repr(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shares(one: "Bin", before: int, after: int) -> tuple[float, float]:
    """Return the shares of one bin."""
    return one.reference / before, one.current / after
