"""A contract that was inferred is kept by its data, and says what is seen and what is guessed."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pydantic import TypeAdapter

from playbill.config.schema import Contract
from playbill.contract.inference import as_yaml, infer
from playbill.contract.validation import failures
from playbill.errors import DataError, UsageError
from tests.joining import join

ROWS = 200


@pytest.fixture
def frame() -> pd.DataFrame:
    number = range(ROWS)
    return pd.DataFrame(
        {
            "visit": [f"v{i:04}" for i in number],
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="h"),
            "plan": ["free", "pro", "it's"] * 66 + ["free", "pro"],
            "age": [20 + i % 50 for i in number],
            "spent": [None if i % 10 == 0 else i * 1.5 for i in number],
            "contact": [f"ann{i}@example.org" for i in number],
            "first_name": [f"Ann {i}" for i in number],
            "on leave": [i % 3 == 0 for i in number],
            "churned": [float(i % 2) for i in number],
        }
    )


@pytest.fixture
def file(frame: pd.DataFrame, tmp_path: Path) -> Path:
    frame.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def read(file: Path, **more: str) -> tuple[str, dict[str, Any]]:
    text = as_yaml(infer(file, **more))
    return text, yaml.safe_load(text)


def test_the_data_keep_the_contract_that_was_inferred_from_them(
    file: Path, frame: pd.DataFrame
) -> None:
    import pyarrow as pa

    _, plain = read(file, target="churned")
    contract: Contract = TypeAdapter(Contract).validate_python(plain)
    table = join("SELECT * FROM t ORDER BY visit", {"t": pa.Table.from_pandas(frame)})
    assert failures(table, contract.schema_, name="rows") == []
    assert (contract.key, contract.role("time"), contract.target) == ("visit", "at", "churned")


def test_what_is_seen_is_written_down(file: Path) -> None:
    text, plain = read(file)
    columns = plain["schema"]["columns"]
    assert columns["visit"] == {"dtype": "str", "nullable": False, "unique": True}
    assert columns["plan"]["isin"] == ["free", "it's", "pro"]
    assert columns["age"]["in_range"] == {"min_value": 20, "max_value": 69}
    assert columns["spent"]["nullable"] is True
    assert "seen: 10.00% missing" in text
    assert columns["churned"]["isin"] == [0, 1]
    assert columns["on leave"]["dtype"] == "bool"


def test_personal_data_are_guessed_and_marked_as_guesses(file: Path) -> None:
    text, plain = read(file)
    personal = [name for name, spec in plain["columns"].items() if spec.get("personal")]
    assert personal == ["contact", "first_name"]
    assert "personal: true  # guess: 100% of the values look like e-mail addresses" in text
    assert "ann1@example.org" not in text


def test_what_cannot_be_guessed_is_asked_for(file: Path, tmp_path: Path) -> None:
    assert "one needs `role: target`" in read(file)[0]
    (tmp_path / "rows.csv").write_text("x\n1\n1\n")
    assert "one needs `role: key`" in read(tmp_path / "rows.csv")[0]


def test_a_csv_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,n\na,1\nb,\nc,3\n")
    columns = read(tmp_path / "rows.csv")[1]["schema"]["columns"]
    assert columns["n"]["dtype"] == "float64"


def test_a_role_of_no_column_is_named(file: Path) -> None:
    with pytest.raises(UsageError, match="no column `churn`") as caught:
        infer(file, target="churn")
    assert "`churned`" in caught.value.expected


@pytest.mark.parametrize("content", [b"", b"PAR1 no", b"id\n"])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, content: bytes) -> None:
    name = "rows.parquet" if content.startswith(b"PAR") else "rows.csv"
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="rows"):
        infer(tmp_path / name)
