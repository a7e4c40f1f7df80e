"""Personal data that nobody tagged is found, inside of sentences too; its values are not told."""

from pathlib import Path

import pandas as pd
import pytest

from playbill.errors import DataError
from playbill.privacy.scan import Found, scan

ROWS = pd.DataFrame({
    "reply_to": ["ann@example.org", "bob@example.org"],
    "remark": ["please call +44 20 7946 0958 before noon", "the parcel never came to my house"],
    "account": ["DE89370400440532013000", "GB82WEST12345698765432"],
    "paid_with": ["4111 1111 1111 1111", "cash"],
    "host": ["192.168.12.7", "10.0.0.1"],
    "carrier": ["UA", "AA"],
    "distance": [1400, 2475],
})  # fmt: skip


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Found]:
    file = tmp_path / "rows.parquet"
    ROWS.to_parquet(file)
    return {one.column: one for one in scan(file, personal=["host"])}


def test_each_kind_is_found_and_plain_columns_are_not(found: dict[str, Found]) -> None:
    assert dict(found["reply_to"].kinds) == {"e-mail addresses": 1.0}
    assert dict(found["remark"].kinds) == {"telephone numbers": 0.5}
    assert dict(found["account"].kinds) == {"IBANs": 1.0}
    assert dict(found["paid_with"].kinds) == {"payment cards": 0.5}
    assert dict(found["host"].kinds) == {"network addresses": 1.0}
    assert not found["carrier"].kinds
    assert "distance" not in found


def test_free_text_is_told_and_what_is_tagged_is_not_missed(found: dict[str, Found]) -> None:
    assert found["remark"].is_free_text
    missed = {name for name, one in found.items() if one.is_missed}
    assert missed == {"reply_to", "remark", "account", "paid_with"}


def test_no_value_is_in_what_is_told(found: dict[str, Found]) -> None:
    said = str([one.as_dict() for one in found.values()])
    for value in ("ann@", "7946", "DE89", "4111", "192.168"):
        assert value not in said


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not there"):
        scan(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        scan(tmp_path / "bad.parquet")
