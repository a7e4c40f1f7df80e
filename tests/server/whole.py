"""A schemathesis hook: whole numbers are written as JSON integers, within 64 bits.

To JSON Schema 4.0 is an integer, and a maximum of 2**63 - 1 is compared as a double. The contract
is stricter in both, and JSON Schema has no word for either.
"""

from typing import Any

import schemathesis

LARGEST = 2**63 - 1


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Return a body whose integral numbers are integers."""
    return whole(body)


def whole(value: Any) -> Any:
    """Return a JSON value with integral numbers as integers of 64 bits."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-LARGEST - 1, min(LARGEST, value))
    return value
