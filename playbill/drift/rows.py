"""New rows from a file, read as the reference profile needs them."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from playbill.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EMPTY = ["", "NA", "NaN", "nan", "null", "None", "N/A"]


def read_rows(path: "Path", profile: "Mapping[str, Any]", *, name: str = "") -> pd.DataFrame:
    """Return the rows of a CSV or Parquet file.

    Text columns of a CSV file stay text: `007` keeps its zeros, and a category that is called NA is
    not a missing value; only an empty field is.

    Args:
        path: The file.
        profile: The reference, which says what is text.
        name: The file's name, whose ending says of what kind it is, where the path has another.

    Raises:
        DataError: The file is missing, of another kind, or cannot be read.
    """
    if not path.is_file():
        raise DataError(
            f"there is no file {path}",
            where=str(path),
            expected="a CSV or Parquet file with the rows",
            run="name another file, or take the source's own rows: playbill drift --by 1m",
        )
    name = (name or path.name).lower()
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith((".csv", ".csv.gz")):
            return _read_csv(path, profile)
    except (ValueError, OSError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read: {reason[:200]}", where=str(path)) from error
    raise DataError(
        f"{path} is of no known kind",
        where=str(path),
        expected=".csv, .csv.gz or .parquet",
        run="write the rows as one of these",
    )


def _read_csv(path: "Path", profile: "Mapping[str, Any]") -> pd.DataFrame:
    text = [name for name, section in profile["columns"].items() if section["kind"] == "text"]
    header = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(
        path,
        dtype={name: str for name in text if name in header},
        keep_default_na=False,
        na_values={name: [""] if name in text else EMPTY for name in header},
        low_memory=False,
    )
