import pytest
from sklearn.metrics import cohen_kappa_score

from playbill.annotation.agreement import agreement, settle
from playbill.annotation.labelstudio import Label
from playbill.config.labelling import Annotation, Rule


def said(table: dict[str, list[str | float | None]]) -> list[Label]:
    """Return labels of a table: a row a prediction, a column an annotator."""
    return [
        Label(name, value, f"annotator {who}", f"2026-01-0{who + 1}")
        for name, values in table.items()
        for who, value in enumerate(values)
        if value is not None
    ]


TABLE: dict[str, list[str | float | None]] = {
    "a": ["yes", "yes", "no"],
    "b": ["yes", "no", None],
    "c": ["no", "no", "no"],
    "d": [None, "yes", None],
}


@pytest.mark.parametrize(
    ("rule", "truths", "disputed"),
    [
        ("majority", {"a": "yes", "c": "no", "d": "yes"}, ("b",)),
        ("unanimous", {"c": "no", "d": "yes"}, ("a", "b")),
        ("latest", {"a": "no", "b": "no", "c": "no", "d": "yes"}, ()),
    ],
)
def test_the_declared_rule_settles(
    rule: Rule, truths: dict[str, str], disputed: tuple[str, ...]
) -> None:
    found = settle(said(TABLE), Annotation(rule=rule))
    assert found.truths == truths
    assert found.disputed == disputed
    assert found.few == ()


def test_rows_with_too_few_annotators_wait() -> None:
    found = settle(said(TABLE), Annotation(minimum=3))
    assert found.truths == {"a": "yes", "c": "no"}
    assert found.few == ("b", "d")


def test_an_annotators_newest_label_of_a_row_counts() -> None:
    early, late = Label("a", "no", "x", "2026-01-01"), Label("a", "yes", "x", "2026-01-02")
    for order in ([early, late], [late, early]):
        assert settle(order, Annotation(rule="unanimous")).truths == {"a": "yes"}


def test_the_majority_of_numbers_is_their_median() -> None:
    found = settle(said({"a": [1.0, 9.0, 2.0]}), Annotation())
    assert found.truths == {"a": 2.0}
    measured = agreement(said({"a": [1.0, 9.0, 2.0], "b": [4.0, None, None]}))
    assert measured.kappa is None
    assert measured.difference == pytest.approx(16 / 3)


def test_two_annotators_get_cohens_kappa() -> None:
    pairs = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no"), ("yes", "yes")]
    found = agreement(said({str(n): list(pair) for n, pair in enumerate(pairs)}))
    assert (found.method, found.rows) == ("cohen", 5)
    assert found.kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_several_annotators_get_fleiss_kappa_of_his_own_example() -> None:
    """14 raters, 10 subjects, 5 categories: kappa is 0.210 (the worked example of the method)."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    table: dict[str, list[str | float | None]] = {
        str(n): [f"c{i}" for i, count in enumerate(row) for _ in range(count)]
        for n, row in enumerate(counts)
    }
    found = agreement(said(table))
    assert found.method == "fleiss"
    assert found.kappa == pytest.approx(0.210, abs=5e-4)


def test_agreement_that_nobody_could_miss_is_not_defined() -> None:
    assert agreement(said({"a": ["yes", "yes"], "b": ["yes", "yes"]})).kappa is None
    assert agreement(said({"a": ["yes", None], "b": [None, "no"]})).method == "none"
