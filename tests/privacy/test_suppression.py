"""Rows of the erased stay out, by keyed digests alone."""

import pyarrow as pa

from playbill.privacy.suppression import Suppression, digest

KEY = b"0123456789abcdef"
TABLE = pa.table({"who": ["ann", None, "bob", "ann"], "n": [1, 2, 3, 4]})


def test_rows_of_the_erased_are_left_out_and_missing_names_are_not() -> None:
    known = Suppression("who", {digest("ann", KEY)}, KEY)
    assert known.keep(TABLE)["n"].to_pylist() == [2, 3]


def test_numbers_are_known_by_their_text() -> None:
    known = Suppression("n", {digest("3", KEY)}, KEY)
    assert known.keep(TABLE)["n"].to_pylist() == [1, 2, 4]


def test_another_key_knows_nobody_and_a_table_without_the_column_stays() -> None:
    known = Suppression("who", {digest("ann", b"another key")}, KEY)
    assert known.keep(TABLE).num_rows == 4
    assert Suppression("else", {digest("ann", KEY)}, KEY).keep(TABLE).num_rows == 4
