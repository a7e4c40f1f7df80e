"""The model card: what the model is for, how good it is where, and where it must not be trusted.

In the form of the Hugging Face Hub: YAML front matter with the results as `model-index`, which the
Hub and `huggingface_hub` read, and Markdown for people (Mitchell et al. 2019). Nothing in it is
typed twice: the words come from conf/evaluation, the figures from report.json.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from playbill.config.metric import LEADING, TITLES

if TYPE_CHECKING:
    from playbill.config.schema import Card
    from playbill.contract.column import Column

PIPELINE_TAGS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
WORST = 3  # values of a sliced column that the card names
FOUND = 5  # found slices that the card names
SMALL = 1000  # rows; with fewer an AUC is uncertain in its second decimal


@dataclass(frozen=True)
class Rows:
    """What is told of a set of rows.

    Attributes:
        count: How many there are.
        start: First time in them, ISO 8601; None without a time column.
        end: Last time in them.
        digest: Digest of their content, `sha256:` and hexadecimal.
    """

    count: int
    start: str | None = None
    end: str | None = None
    digest: str = ""

    def __str__(self) -> str:
        """Render the rows for the card."""
        span = f", {self.start} to {self.end}" if self.start and self.end else ""
        digest = f", `{self.digest[:23]}`" if self.digest else ""
        return f"{self.count:,} rows{span}{digest}"


@dataclass(frozen=True)
class Facts:
    """What a card is written from.

    Attributes:
        name: The model.
        target: The column that it predicts.
        inputs: The columns that it is asked with.
        rows: What it learned from (`train`) and was measured on (`test`).
        window: First day of the data, and the first that is no longer part of them.
        estimator: Dotted name of the estimator.
        threshold: Probability from which on the label is true; None if the task has none.
        report: What was measured on the hold-out.
        said: What conf/evaluation says of the model.
        proof: That what ships is equal to the Pipeline.
    """

    name: str
    target: "Column"
    inputs: "Sequence[Column]"
    rows: Mapping[str, Rows]
    window: tuple[str, str]
    estimator: str
    threshold: float | None
    report: Mapping[str, Any]
    said: "Card"
    proof: Mapping[str, Any]


def write_card(facts: Facts) -> str:
    """Return the card of a model: front matter and Markdown."""
    sections = [
        (f"Model card for {facts.name}", _summary(facts)),
        ("Uses", _uses(facts.said)),
        ("Training data", _data(facts)),
        ("Evaluation", _evaluation(facts)),
        ("Where it is better and worse", _slices(facts.report)),
        ("Slices that were searched for", _search(facts.report)),
        ("Fairness", _fairness(facts.report)),
        ("Calibration", _calibration(facts.report)),
        ("What the model looks at", _importance(facts.report)),
        ("Proof", _proof(facts.proof)),
        ("Inputs", _inputs(facts.inputs)),
        ("Bias, risks and limitations", _limits(facts)),
        ("How to get started", _start(facts.name)),
        ("Contact", facts.said.contact),
    ]
    text = [f"{'#' if index == 0 else '##'} {title}\n\n{body}" for index, (title, body)
            in enumerate(sections) if body]  # fmt: skip
    return f"---\n{_front_matter(facts)}---\n\n" + "\n\n".join(text) + "\n"


def _front_matter(facts: Facts) -> str:
    said, task = facts.said, str(facts.report["task"])
    tag = PIPELINE_TAGS[task]
    dataset = said.dataset or facts.name
    results = {
        "task": {"type": tag, "name": f"{facts.target.name} ({task})"},
        "dataset": {
            "name": dataset,
            "type": re.sub(r"[^\w.-]+", "-", dataset).strip("-") or "data",
            "split": "test",
            "revision": facts.rows["test"].digest,
        },
        "metrics": list(_results(facts.report)),
    }
    head: dict[str, Any] = {"license": said.license} if said.license else {}
    head |= {
        "library_name": "scikit-learn",
        "pipeline_tag": tag,
        "tags": list(dict.fromkeys([tag, "playbill", *said.tags])),
        "model-index": [{"name": facts.name, "results": [results]}],
    }
    return yaml.dump(head, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1000)


def _results(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a `model-index` entry for each metric: the interval stands under its arguments."""
    for name, title in TITLES.items():
        found = report["metrics"].get(name)
        if found and found["value"] is not None:
            entry = {"type": name, "name": title, "value": found["value"]}
            if found["low"] is not None:
                level = report["interval"]["level"]
                entry["args"] = {"low": found["low"], "high": found["high"], "level": level}
            yield entry


def _summary(facts: Facts) -> str:
    what = f"Predicts `{facts.target.name}`. {facts.target.description}".rstrip()
    kind = f"A {facts.report['task']} task, learned by `{facts.estimator}` in a scikit-learn"
    return f"{what}\n\n{kind} Pipeline. Written by Playbill from what the pipeline recorded."


def _uses(said: "Card") -> str:
    parts = [said.intended_use or "Nobody has said yet what this model is for."]
    if said.out_of_scope:
        parts.append(f"**Not for:** {said.out_of_scope}")
    return "\n\n".join(parts)


def _data(facts: Facts) -> str:
    dataset = facts.said.dataset or facts.name
    start, end = facts.window
    return (
        f"`{dataset}`, {start} to {end} (end excluded).\n\n"
        f"- learned from: {facts.rows['train']}\n"
        f"- measured on: {facts.rows['test']}, never learned from"
    )


def _evaluation(facts: Facts) -> str:
    report = facts.report
    lines = [f"| metric | value | {_level(report)} |", "|---|---:|---:|"]
    for name, title in TITLES.items():
        if found := report["metrics"].get(name):
            lines.append(f"| {title} | {_figure(found['value'])} | {_span(found)} |")
    return "\n".join([*lines, "", _basis(report["interval"])])


def _basis(interval: Mapping[str, Any]) -> str:
    drawn = (
        f"rows in {interval['blocks']:,} blocks of `{interval['block']}`, drawn as wholes"
        if interval["block"]
        else "rows drawn one by one"
    )
    few = " So few blocks make intervals somewhat too narrow." if interval["few_blocks"] else ""
    if instead := interval.get("instead"):
        few += f" For {instead} of them the draws do not carry bca: they are percentile intervals."
    return f"Intervals: {interval['method']} bootstrap, {interval['draws']:,} draws, {drawn}.{few}"


def _level(report: Mapping[str, Any]) -> str:
    return f"{100 * report['interval']['level']:g} % interval"


def _slices(report: Mapping[str, Any]) -> str:
    """Return each sliced column's worst values by the leading metric, and its best."""
    leading = LEADING[report["task"]]
    sign = -1 if leading == "rmse" else 1
    lines = []
    for column, values in report["slices"].items():
        measured = [
            (sign * found["value"], name, found)
            for name, each in values.items()
            if (found := each["metrics"][leading])["value"] is not None
        ]
        if len(measured) > 1:
            ordered = sorted(measured, key=lambda one: one[:2])
            said = [f"{_cell(name)} {_figure(f['value'])} ({_span(f)})" for _, name, f in ordered]
            lines.append(f"- by `{column}`: worst {'; '.join(said[:WORST])}; best {said[-1]}")
    title = f"{TITLES[leading]}, {_level(report)}, of the slices with enough rows:"
    return "\n".join([title, "", *lines]) if lines else ""


def _search(report: Mapping[str, Any]) -> str:
    found = report["search"]
    if found is None:
        return ""
    lines = [
        (
            f"{found['searched']:,} one- and two-way slices over {len(found['columns'])} columns "
            f"had at least {found['minimum_rows']:,} rows; {found['significant']:,} have a higher "
            f"{found['loss'].replace('_', ' ')} than the other rows, at a false discovery rate of "
            f"{found['rate']:g}. A slice may be harder without the model being wrong about it."
        )
    ]
    if found["slices"]:
        lines += ["", "| slice | rows | loss | more than elsewhere | interval |"]
        lines += ["|---|---:|---:|---:|---:|"]
    for one in found["slices"][:FOUND]:
        where = " and ".join(f"`{name}` {_cell(value)}" for name, value in one["where"].items())
        figures = f"{one['loss']:.4g} | {one['difference']:+.4g} | {_span(one)}"
        lines.append(f"| {where} | {one['rows']:,} | {figures} |")
    return "\n".join(lines)


def _fairness(report: Mapping[str, Any]) -> str:
    lines = []
    for column, found in report["fairness"].items():
        for name, each in found["differences"].items():
            title = name.replace("_", " ")
            lines.append(f"| `{column}` | {title} | {_figure(each['value'])} | {_span(each)} |")
    if not lines:
        return ""
    head = ["Highest less lowest group; zero is equal treatment.", ""]
    head += [f"| groups | difference in | value | {_level(report)} |", "|---|---|---:|---:|"]
    return "\n".join([*head, *lines])


def _calibration(report: Mapping[str, Any]) -> str:
    chance = report["calibration"].get("error_by_chance")
    if not chance:
        return ""
    value = report["metrics"]["calibration_error"]["value"]
    word = "more than" if value > chance["high"] else "no more than"
    return (
        f"The calibration error is {value:.4f}, {word} chance explains: a model whose "
        f"probabilities were exact would show {chance['mean']:.4f} on these rows, and seldom over "
        f"{chance['high']:.4f}."
    )


def _importance(report: Mapping[str, Any]) -> str:
    found = report["importance"]
    if found is None:
        return ""
    lines = [
        (
            f"Rise of the {found['loss_name'].replace('_', ' ')} ({found['loss']:.4g}) when one "
            f"input is shuffled, on {found['rows']:,} rows, {found['repeats']} times:"
        ),
        "",
    ]
    lines += [
        f"- `{one['column']}` {one['increase']:+.4f} (spread {one['spread']:.4f})"
        for one in found["columns"][:FOUND]
    ]
    return "\n".join(lines)


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


def _limits(facts: Facts) -> str:
    lines = [f"- {limit}" for limit in facts.said.limitations]
    lines.append(
        "- It knows what was in the rows above. Other places, times and ways of measuring were "
        "not tried; `playbill drift` says when new rows stop looking like them."
    )
    if facts.threshold is not None:
        lines.append(
            f"- Its label is true from a probability of {_figure(facts.threshold)} on: "
            "another cost of errors wants another threshold."
        )
    lines.append("- Associations, not causes: changing an input does not change the outcome.")
    if facts.rows["test"].count < SMALL:
        lines.append("- The hold-out is small: every figure above is uncertain.")
    return "\n".join(lines)


def _start(name: str) -> str:
    lines = [f"$ playbill serve {name}#prod", "$ playbill predict rows.csv predictions.csv"]
    return "\n".join(["```console", *lines, "```"])


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if value is not None else "-"


def _span(found: Mapping[str, Any]) -> str:
    if found.get("low") is None:
        return "-"
    return f"{_figure(found['low'])} to {_figure(found['high'])}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
