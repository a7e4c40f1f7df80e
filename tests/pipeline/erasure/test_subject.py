"""What speaks of a person is found in tables, texts and archives; files are written without it."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from playbill.model.seen import seen
from playbill.pipeline.erasure.subject import Subject, count, keys_in
from playbill.pipeline.erasure.window import rewrite_file

ANN = Subject(frozenset({"ann@example.org"}), frozenset({"who"}), "order_id")
SEVEN = Subject(frozenset({"7"}), frozenset({"who"}), "order_id")
ROWS = pd.DataFrame({
    "order_id": ["a", "b", "c"],
    "who": ["ann@example.org", "bob@example.org", "ann@example.org"],
    "note": ["", "asked by ann@example.org", ""],
    "n": [7, 8, 9],
})  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "rows.parquet"
    ROWS.to_parquet(file)
    return file


def test_a_row_that_mentions_the_person_anywhere_counts(table: Path) -> None:
    assert count(table, ANN) == 3
    assert keys_in(table, ANN) == {"a", "b", "c"}


def test_a_short_value_is_looked_for_in_the_columns_that_name_people_alone(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    ROWS.assign(who=[7, 70, 7]).to_parquet(file)
    assert count(file, SEVEN) == 2
    text = tmp_path / "metrics.json"
    text.write_text('{"rows": 7}')
    assert count(text, SEVEN) == 0


def test_a_table_that_names_nobody_is_known_by_the_keys_of_the_rows(tmp_path: Path) -> None:
    predictions, learned = tmp_path / "predictions.parquet", tmp_path / "seen.parquet"
    pd.DataFrame({"order_id": ["a", "z"], "score": [0.1, 0.2]}).to_parquet(predictions)
    seen(["a", "z"]).to_parquet(learned)
    known = ANN.with_keys({"a"})
    assert (count(predictions, ANN), count(predictions, known)) == (0, 1)
    assert (count(learned, ANN), count(learned, known)) == (0, 1)


def test_texts_and_archives_are_read_as_json_writes_them_too(tmp_path: Path) -> None:
    anne = Subject(frozenset({"anné@example.org"}), frozenset({"who"}), "order_id")
    text = tmp_path / "log.jsonl"
    text.write_text('{"who": "ann\\u00e9@example.org"}\n')
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", '["anné@example.org"]')
    assert count(text, anne) == 1
    assert count(tmp_path / "model.skops", anne) == 1


def test_a_csv_file_keeps_every_other_byte(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(
        b'order_id;who;note\r\na;bob;"two\r\nlines; of it"\r\nb;ann@example.org;"two\r\nlines"\r\n'
        b"c;ann@example.org.au;x\r\nd;eve;1.50"
    )
    subject = Subject(frozenset({"ann@example.org"}), frozenset({"who"}), "order_id")
    told = rewrite_file(file, "rows.csv", subject)
    kept = (
        b'order_id;who;note\r\na;bob;"two\r\nlines; of it"\r\nc;ann@example.org.au;x\r\nd;eve;1.50'
    )
    assert told is not None
    assert told["before"] != told["after"]
    assert file.read_bytes() == kept


def test_what_is_no_table_is_left_and_said_so(tmp_path: Path) -> None:
    book = tmp_path / "rows.xlsx"
    book.write_bytes(b"PK")
    assert rewrite_file(book, "rows.xlsx", ANN) is None


def test_a_longer_name_is_another_person(tmp_path: Path) -> None:
    table, text = tmp_path / "rows.parquet", tmp_path / "log.jsonl"
    others = ["ann@example.org.au", "joann@example.org", "ann@example.orgs"]
    pd.DataFrame({"note": [*others, "ann@example.org.", "(ann@example.org)"]}).to_parquet(table)
    text.write_text("\n".join(others))
    assert count(table, ANN) == 2
    assert count(text, ANN) == 0
