"""Parts of a time as numbers: the hour, the weekday, the month and more."""

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

# Each part with its least value and how many there are, for the circle; no circle: a year.
PARTS: dict[str, tuple[int, int]] = {
    "minute": (0, 60),
    "hour": (0, 24),
    "weekday": (0, 7),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "week": (1, 53),
    "month": (1, 12),
    "quarter": (1, 4),
    "year": (0, 0),
}


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Makes numbers of columns that hold times as seconds since 1970, as the Pipeline sees them.

    Args:
        parts: Which of `PARTS`, in the order of the new columns; weekday 0 is Monday.
        cyclic: Two columns a part, its sine and cosine, so that 23 and 0 o'clock are neighbours;
            not of the year.
        zone: Time zone in which the parts are read, as Europe/Vienna; none: UTC.
    """

    def __init__(
        self,
        parts: "Sequence[str]" = ("hour", "weekday", "month"),
        *,
        cyclic: bool = False,
        zone: str | None = None,
    ) -> None:
        self.parts = parts
        self.cyclic = cyclic
        self.zone = zone

    def fit(self, rows: Any, target: Any = None) -> "DateParts":
        """Learn the columns' names; nothing of their values."""
        del target
        if unknown := [part for part in self.parts if part not in PARTS]:
            raise ValueError(f"no part of a time is called {unknown[0]}: one of {sorted(PARTS)}")
        names = getattr(rows, "columns", None)
        self.n_features_in_ = check_array(rows, ensure_all_finite="allow-nan").shape[1]
        given = names if names is not None else [f"x{i}" for i in range(self.n_features_in_)]
        self.names_ = [str(name) for name in given]
        return self

    def transform(self, rows: Any) -> "NDArray[np.float64]":
        """Return the parts, float64, shape (n, columns x parts); NaN where there is no time."""
        import numpy as np
        import pandas as pd

        check_is_fitted(self, "names_")
        values = check_array(rows, ensure_all_finite="allow-nan", dtype="float64")
        made = []
        for column in values.T:
            seconds = pd.Series(np.floor(column))  # fractions would end the calendar in 2262
            times = pd.to_datetime(seconds, unit="s", utc=True).dt.tz_convert(self.zone or "UTC")
            for part in self.parts:
                found = _part(times, part)
                made += _circle(found, part) if self._turns(part) else [found]
        return np.column_stack(made)

    def get_feature_names_out(self, input_features: Any = None) -> "NDArray[Any]":
        """Return the names of the new columns, as time_hour or time_hour_sin."""
        import numpy as np

        given = self.names_ if input_features is None else list(input_features)
        names = []
        for name in given:
            for part in self.parts:
                ends = ("_sin", "_cos") if self._turns(part) else ("",)
                names += [f"{name}_{part}{end}" for end in ends]
        return np.array(names, dtype=object)

    def _turns(self, part: str) -> bool:
        return self.cyclic and part != "year"


def _part(times: "pd.Series", part: str) -> "NDArray[np.float64]":
    name = "day_of_week" if part == "weekday" else part
    found = times.dt.isocalendar().week if part == "week" else getattr(times.dt, name)
    return found.to_numpy(dtype="float64", na_value=float("nan"))  # type: ignore[no-any-return]


def _circle(values: "NDArray[np.float64]", part: str) -> "list[NDArray[np.float64]]":
    import numpy as np

    first, count = PARTS[part]
    angle = 2 * np.pi * (values - first) / count
    return [np.sin(angle), np.cos(angle)]
