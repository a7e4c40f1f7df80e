"""Every combination of the choices, the last dimension turning fastest."""

import itertools

from playbill.errors import ConfigError
from playbill.tuning.base import Asked, Trial, try_all

MOST = 100_000
_BETWEEN = 16  # combinations between two looks at the clock


def search(asked: Asked) -> list[Trial]:
    """Try every combination.

    Raises:
        ConfigError: There are more than anybody means.
    """
    choices = [dimension.choices or () for dimension in asked.dimensions]
    paths = [dimension.path for dimension in asked.dimensions]
    size = 1
    for each in choices:
        size *= len(each)
    if size > MOST:
        raise ConfigError(
            f"the grid has {size:,} combinations",
            where="tuning.space",
            expected=f"at most {MOST:,}, or `tuning: random` or `optuna` with a budget",
        )
    wanted = [dict(zip(paths, row, strict=True)) for row in itertools.product(*choices)]
    return try_all(asked, wanted, size=_BETWEEN)
