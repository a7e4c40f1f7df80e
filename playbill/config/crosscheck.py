"""What one group says of another."""

from playbill.config.schema import Params


def crosscheck(params: Params) -> list[tuple[str, str, str]]:
    """Return key, problem and expectation for each disagreement between groups."""
    del params
    return []
