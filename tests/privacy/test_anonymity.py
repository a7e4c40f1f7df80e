"""k-anonymity and l-diversity, against the definitions counted by hand."""

import math

import pyarrow as pa

from playbill.privacy.anonymity import anonymity

TABLE = pa.table({
    "age": ["[20, 30)", "[20, 30)", "[20, 30)", "[30, 40)", "[30, 40)", None],
    "town": ["1", "1", "1", "1", "1", "2"],
    "illness": ["flu", "flu", "cold", "flu", "flu", "cold"],
})  # fmt: skip


def test_k_is_the_smallest_group_of_equal_quasi_identifiers() -> None:
    report = anonymity(TABLE, ["age", "town"])
    assert report["groups"] == 3
    assert report["k"] == 1
    assert report["rows_in_groups_below"] == {"2": 1, "3": 3, "5": 6, "10": 6, "20": 6}
    assert anonymity(TABLE.slice(0, 5), ["town"])["k"] == 5


def test_l_is_one_where_a_group_gives_its_value_away() -> None:
    known = anonymity(TABLE.slice(0, 5), ["age"], ["illness"])["l"]["illness"]
    assert known == {"distinct": 1, "entropy": 1.0}
    mixed = anonymity(TABLE.slice(0, 3), ["age"], ["illness"])["l"]["illness"]
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert mixed == {"distinct": 2, "entropy": round(math.exp(entropy), 6)}


def test_the_report_holds_no_value_of_the_table() -> None:
    text = str(anonymity(TABLE, ["age", "town"], ["illness"]))
    assert "flu" not in text
    assert "[20" not in text
