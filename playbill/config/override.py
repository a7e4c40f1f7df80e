"""Values in the grammar of Hydra's overrides."""

import re
from collections.abc import Mapping
from typing import Any

# Words that Hydra reads as something other than text when they stand without quotes.
_BARE = re.compile(r"^(?!(?:true|false|null|nan|inf)$)[A-Za-z_][\w./-]*$", re.IGNORECASE)


def override(key: str, value: Any) -> str:
    """Return `key=value` in Hydra's grammar."""
    return f"{key}={_hydra(value)}"


def _hydra(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_hydra, value)) + "]"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return text if _BARE.match(text) else "'" + text.replace("'", r"\'") + "'"
