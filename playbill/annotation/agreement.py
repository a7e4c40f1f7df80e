"""How far annotators agree, and what is taken where they do not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playbill.annotation.labelstudio import Label
    from playbill.config.labelling import Annotation

PAIR = 2


@dataclass(frozen=True)
class Settled:
    """Labels by row, and what became of the others.

    Attributes:
        truths: The label of each row on which the rule decides, by prediction.
        disputed: Rows on which it does not.
        few: Rows with fewer annotators than asked.
    """

    truths: dict[str, str | float]
    disputed: tuple[str, ...]
    few: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """Chance-corrected agreement.

    Attributes:
        method: cohen (two annotators), fleiss (several); none if nobody labelled a row of another.
        kappa: 1 is perfect, 0 what chance would give; None if it is not defined.
        rows: Rows that it was computed from.
        annotators: How many annotators there are.
        difference: Of numbers: the mean absolute difference of two labels of a row.
    """

    method: str
    kappa: float | None
    rows: int
    annotators: int
    difference: float | None = None


def settle(labels: "Sequence[Label]", policy: "Annotation") -> Settled:
    """Return one label a row by the declared rule; an annotator's newest label of a row counts."""
    truths: dict[str, str | float] = {}
    disputed, few = [], []
    for name, said in _by_row(labels).items():
        if len(said) < policy.minimum:
            few.append(name)
        elif (value := _decide(list(said.values()), policy)) is None:
            disputed.append(name)
        else:
            truths[name] = value
    return Settled(truths, tuple(disputed), tuple(few))


def agreement(labels: "Sequence[Label]") -> Agreement:
    """Return how far annotators agree on rows that more than one of them labelled.

    Two annotators: Cohen's kappa (J. Cohen, *Educational and Psychological Measurement* 20, 1960).
    Several: Fleiss' kappa (J. L. Fleiss, *Psychological Bulletin* 76, 1971), of the rows with the
    number of labels that most rows have. Numbers have no kappa but a mean absolute difference.
    """
    rows = {
        name: {who: label.value for who, label in said.items()}
        for name, said in _by_row(labels).items()
    }
    annotators = sorted({who for said in rows.values() for who in said})
    shared = [said for said in rows.values() if len(said) >= PAIR]
    if not shared:
        return Agreement("none", None, 0, len(annotators))
    if all(isinstance(value, float) for said in shared for value in said.values()):
        return Agreement("none", None, len(shared), len(annotators), _difference(shared))
    if len(annotators) == PAIR:
        one, other = annotators
        return Agreement("cohen", _cohen([(s[one], s[other]) for s in shared]), len(shared), PAIR)
    usual = Counter(len(said) for said in shared).most_common(1)[0][0]
    same = [list(said.values()) for said in shared if len(said) == usual]
    return Agreement("fleiss", _fleiss(same), len(same), len(annotators))


def _by_row(labels: "Sequence[Label]") -> "dict[str, dict[str, Label]]":
    """Return the newest label of each annotator of each row, rows by name."""
    found: dict[str, dict[str, Label]] = {}
    for label in sorted(labels, key=lambda one: (one.prediction_id, one.when)):
        found.setdefault(label.prediction_id, {})[label.annotator] = label
    return found


def _decide(said: "Sequence[Label]", policy: "Annotation") -> str | float | None:
    values = [label.value for label in said]
    if policy.rule == "latest":
        return max(said, key=lambda one: one.when).value
    if policy.rule == "unanimous":
        return values[0] if len(set(values)) == 1 else None
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) == len(values):
        from statistics import median

        return median(numbers)
    ranked = Counter(values).most_common(2)
    tie = len(ranked) > 1 and ranked[0][1] == ranked[1][1]
    return None if tie else ranked[0][0]


def _difference(rows: "Sequence[Mapping[str, str | float]]") -> float:
    from itertools import combinations

    gaps = [abs(float(a) - float(b)) for said in rows for a, b in combinations(said.values(), PAIR)]
    return sum(gaps) / len(gaps)


def _cohen(pairs: Sequence[tuple[str | float, str | float]]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    one, other = [str(a) for a, _ in pairs], [str(b) for _, b in pairs]
    if len({*one, *other}) == 1:
        return None  # whatever they say, chance would have it so
    return float(cohen_kappa_score(one, other))


def _fleiss(rows: Sequence[Sequence[str | float]]) -> float | None:
    raters, count = len(rows[0]), len(rows)
    tallies = [Counter(row) for row in rows]
    observed = sum(
        sum(n * (n - 1) for n in tally.values()) / (raters * (raters - 1)) for tally in tallies
    )
    totals = sum(tallies, Counter())
    expected = sum((n / (raters * count)) ** 2 for n in totals.values())
    return None if expected == 1 else (observed / count - expected) / (1 - expected)
