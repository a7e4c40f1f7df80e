"""The file of a compiled model: named arrays and a description, in the safetensors format.

The format (8 bytes of length, a JSON header, the arrays' bytes) holds no code, so reading it runs
none; any safetensors library can open it. Written and read here because that takes less code than
the dependency, and the server starts with NumPy alone.
"""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "I32": "<i4",
    "I64": "<i8",
    "F64": "<f8",
}
NAMES = {np.dtype(code): name for name, code in TYPES.items()}
ABOUT = "playbill"  # key of the description; the format allows texts only, so it is JSON in a text
_HEADER = 8


def dump_tensors(arrays: Mapping[str, "NDArray[Any]"], about: Mapping[str, Any]) -> bytes:
    """Return the file of `arrays` and the JSON description `about`; equal input, equal bytes."""
    entries: dict[str, Any] = {"__metadata__": {ABOUT: _json(about)}}
    parts: list[bytes] = []
    at = 0
    for name in sorted(arrays):
        array = arrays[name]
        kind = NAMES[array.dtype.newbyteorder("<")]
        content = np.ascontiguousarray(array, dtype=TYPES[kind]).tobytes()
        padding = -len(content) % _HEADER  # keeps every array aligned
        end = at + len(content)
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, end]}
        parts += [content, b"\0" * padding]
        at = end + padding
    header = _json(entries).encode()
    header += b" " * (-len(header) % _HEADER)
    return b"".join([len(header).to_bytes(_HEADER, "little"), header, *parts])


def load_tensors(content: bytes) -> tuple[dict[str, "NDArray[Any]"], dict[str, Any]]:
    """Return the arrays, read-only views of `content`, and the description.

    Raises:
        BundleError: The bytes are not such a file.
    """
    try:
        start = _HEADER + int.from_bytes(content[:_HEADER], "little")
        entries = json.loads(content[_HEADER:start])
        about = json.loads(entries.pop("__metadata__")[ABOUT])
        return {name: _array(content, start, entry) for name, entry in entries.items()}, about
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"the compiled model cannot be read: {type(error).__name__}",
            expected="a safetensors file as the stage `package` writes it",
            run="dvc repro",
        ) from error


def _array(content: bytes, start: int, entry: Mapping[str, Any]) -> "NDArray[Any]":
    dtype = np.dtype(TYPES[entry["dtype"]])
    begin, end = (start + int(each) for each in entry["data_offsets"])
    shape = [int(each) for each in entry["shape"]]
    count = math.prod(shape)
    if begin < start or count * dtype.itemsize != end - begin:
        raise ValueError("the array is not where the header says")
    return np.frombuffer(content, dtype, count, begin).reshape(shape)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
