"""Files of a stage to Python objects and back, by the ending of their name.

.parquet: pandas.DataFrame; .json: plain values; .skops: a fitted scikit-learn Pipeline; a folder:
read as its Path, written from a mapping of relative names to such objects, text, bytes, or Paths of
files to copy. Any file may be written from the Path of a finished one.
"""

import importlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playbill.config.codec import CODECS
from playbill.config.scratch import is_scratch
from playbill.errors import StageError


def read(path: Path, allow: Sequence[str] = (), *, as_path: bool = False) -> Any:
    """Return what a stage's function gets for the input `path`.

    Args:
        path: File or folder.
        allow: Prefixes of the types that a .skops file may hold beyond the reviewed ones.
        as_path: The function reads the file itself, so that it need not fit into memory.

    Raises:
        StageError: It does not exist.
    """
    if not path.exists():
        raise StageError(
            f"the input {path.as_posix()} does not exist",
            where=path.as_posix(),
            run="dvc repro (or `dvc checkout`, if it was made before)",
        )
    if as_path or path.is_dir():
        return path
    if path.suffix == ".parquet":
        import pandas as pd

        return pd.read_parquet(path)
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))
    if path.suffix in CODECS:
        return importlib.import_module(CODECS[path.suffix]).load(path, trusted=allow)
    return path


def write(path: Path, value: Any) -> None:
    """Write one output; a folder is replaced whole.

    Raises:
        StageError: The value does not fit the ending.
    """
    if isinstance(value, Mapping) and not path.suffix:
        _write_folder(path, value)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        if isinstance(value, Path):
            place(value, beside)
        else:
            beside.write_bytes(encode(path, value))
        os.replace(beside, path)  # noqa: PTH105 - replaces an existing file on Windows too


def place(file: Path, target: Path) -> None:
    """Put a finished file at `target`: one from the scratch folder is moved, another copied."""
    if is_scratch(file):
        shutil.move(file, target)
    else:
        shutil.copyfile(file, target)


def _write_folder(path: Path, values: Mapping[str, Any]) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    for name in sorted(values):
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(values[name], Path):
            shutil.copyfile(values[name], target)
        else:
            target.write_bytes(encode(target, values[name]))


def encode(path: Path, value: Any) -> bytes:
    """Return the bytes of `value` in the format that `path`'s ending names.

    Raises:
        StageError: The value does not fit the ending.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if path.suffix == ".parquet":
        return _parquet(path, value)
    if path.suffix == ".json":
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode()
    if path.suffix == ".csv" and hasattr(value, "to_csv"):
        text = value.to_csv(index=False, lineterminator="\n")
        return str(text).encode()
    if path.suffix in CODECS:
        return bytes(importlib.import_module(CODECS[path.suffix]).dump(value))
    raise StageError(
        f"a stage returned {type(value).__name__} for {path.as_posix()}",
        where=path.as_posix(),
        expected="a DataFrame for .parquet and .csv, plain values for .json, else text or bytes",
    )


def _parquet(path: Path, value: Any) -> bytes:
    import io

    if not hasattr(value, "to_parquet"):
        raise StageError(
            f"a stage returned {type(value).__name__} for {path.as_posix()}",
            where=path.as_posix(),
            expected="a pandas.DataFrame",
        )
    buffer = io.BytesIO()
    value.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
