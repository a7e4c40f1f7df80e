"""New rows counted into the bins of a reference profile, batch after batch.

Counts add up, so a stream of any length takes as much memory as one batch of it: the verdict needs
nothing else of the rows.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.drift import bins, pairs, strata
from playbill.drift.columnar import Rows
from playbill.drift.periods import period_index
from playbill.drift.profile import SCORE
from playbill.drift.realised import Labelled
from playbill.errors import BundleError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

NAMES_LIMIT = 100_000  # unknown values of a column that are told apart


class Tally:
    """What a verdict needs of the new rows.

    Attributes:
        rows: Rows so far.
        sections: The sections of the profile by column, the score's last where scores are given.
        counts: Rows in each bin by column, `missing` last, int64 of shape (bins,).
        pairs: Rows in each cell of the profile's pairs, int64 of shape (pairs, cells).
        unknown: Values that the reference does not know, with their rows, by column; at most
            `NAMES_LIMIT` of each.
        periods: The same by period; None unless the policy goes by periods.

    Args:
        profile: A reference profile that was read.
        policy: Whether rows or periods are compared, and whether pairs are.

    Raises:
        BundleError: The policy goes by periods and the profile has none.
    """

    def __init__(self, profile: Mapping[str, Any], policy: "Drift") -> None:
        by_period = policy.unit == "period"
        self.profile = profile
        self.rows = 0
        self.sections: dict[str, Mapping[str, Any]] = dict(profile["columns"])
        self.counts = {
            name: np.zeros(bins.size(section), dtype=np.int64)
            for name, section in self.sections.items()
        }
        known = profile.get("pairs", []) if policy.joint and not by_period else []
        self._paired = [(pair["columns"][0], pair["columns"][1]) for pair in known]
        self.pairs = np.zeros((len(self._paired), pairs.SIZE**2), dtype=np.int64)
        self.unknown: dict[str, dict[str, int]] = {name: {} for name in self.sections}
        self.periods = PeriodTally(profile) if by_period else None
        self._scores: list[NDArray[np.float64]] = []
        self._truths: list[tuple[NDArray[np.float64], NDArray[np.int64] | None]] = []

    @property
    def scores(self) -> "NDArray[np.float64] | None":
        """What the model said of the rows, float64 of shape (rows,); None if it was not asked."""
        return np.concatenate(self._scores) if self._scores else None

    @property
    def labelled(self) -> Labelled | None:
        """The rows whose truth is known, in the order of their periods; None without any."""
        if not self._truths or not self._scores:
            return None
        truth = np.concatenate([each for each, _ in self._truths])
        moments = [each for _, each in self._truths if each is not None]
        period = np.concatenate(moments) if len(moments) == len(self._truths) else None
        known = np.flatnonzero(~np.isnan(truth))
        if period is not None:
            known = known[np.argsort(period[known], kind="stable")]
        scores = np.concatenate(self._scores)[known]
        return Labelled(scores, truth[known] == 1, None if period is None else period[known])

    def add(
        self,
        frame: Rows,
        scores: "Sequence[float] | NDArray[np.float64] | None" = None,
        truth: "NDArray[np.float64] | None" = None,
    ) -> None:
        """Count a batch of rows.

        Args:
            frame: The rows; other columns than the profiled ones are not looked at.
            scores: What the model says of them; given for every batch or for none.
            truth: 1 for the positive class, 0 for the other, NaN where it is not known; given for
                every batch or for none, and only with scores.

        Raises:
            DataError: A profiled column is missing or holds values of another kind.
        """
        try:
            self._add(frame, None if scores is None else np.asarray(scores, dtype=np.float64))
            if truth is not None:
                self._truths.append((truth, self.periods.last if self.periods else None))
        except DataError as error:
            if not self.rows:
                raise
            where = f"{error.where}, after row {self.rows:,}"
            raise DataError(
                error.what, where=where, expected=error.expected, run=error.run
            ) from error

    def _add(self, frame: Rows, scores: "NDArray[np.float64] | None") -> None:
        groups, stratum = {}, self.periods.begin(frame) if self.periods else None
        grouped = {name for pair in self._paired for name in pair}
        for name, section in self.profile["columns"].items():
            # A column at a time, for the rows may be read as they are asked for.
            series = column_of(frame, name)
            placed = bins.place(series, section)
            self._count(name, placed)
            self._name_unknown(name, series, section)
            if name in grouped:
                groups[name] = pairs.coded(placed, section)
            if self.periods is not None:
                self.periods.count(name, stratum, placed)
        if self._paired:
            self.pairs += pairs.tables(groups, self._paired)
        if scores is not None:
            self._scores.append(scores)
            if section := self.profile.get("score"):
                self._watch_score(section)
                self._count(SCORE, bins.place(pd.Series(scores, name=SCORE), section))
        self.rows += len(frame)

    def _watch_score(self, section: Mapping[str, Any]) -> None:
        if SCORE not in self.sections:
            self.sections[SCORE] = section
            self.counts[SCORE] = np.zeros(bins.size(section), dtype=np.int64)
            self.unknown[SCORE] = {}

    def _count(self, name: str, where: "NDArray[np.int64]") -> None:
        self.counts[name] += np.bincount(where, minlength=len(self.counts[name]))

    def _name_unknown(
        self, name: str, series: "pd.Series[Any]", section: Mapping[str, Any]
    ) -> None:
        # An incomplete profile cannot tell a rare value from an unknown one.
        if not section.get("complete", False):
            return
        found, _ = bins.tally(series, section["kind"])
        known = {*section["categories"], *section["known"]}
        names = self.unknown[name]
        for value, count in found.items():
            if value not in known and (value in names or len(names) < NAMES_LIMIT):
                names[value] = names.get(value, 0) + count


class PeriodTally:
    """New rows by period.

    Attributes:
        section: The profile's periods.
        length: How many periods the rows span; None where they have no time.
        last: The period of each row of the last batch, int64 of shape (rows,); None without a time.
        within: Rows in each bin of the reference's own periods by column, int64 of shape
            (periods, bins); None once a row lies outside of them, or where rows have no time.

    Args:
        profile: A reference profile that was read.

    Raises:
        BundleError: It has no periods.
    """

    def __init__(self, profile: Mapping[str, Any]) -> None:
        section = profile.get("periods")
        if section is None:
            raise BundleError(
                "the drift policy goes by periods and the bundle's profile has none",
                where="model/profile.json",
                expected="a profile that was built under `unit: period`",
                run="dvc repro (to package again), or `unit: row` in conf/drift",
            )
        self.section = section
        self.within: dict[str, NDArray[np.int64]] | None = {
            name: np.zeros(np.shape(counts), dtype=np.int64)
            for name, counts in section["counts"].items()
        }
        self.last: NDArray[np.int64] | None = None
        self._present: set[int] = set()
        self._timed = True

    @property
    def present(self) -> int | None:
        """How many periods the rows are of; None where they have no time."""
        return len(self._present) if self._timed else None

    def begin(self, frame: Rows) -> "NDArray[np.int64] | None":
        """Take up the periods of a batch; return the reference's period of each row, if any."""
        name = self.section["column"]
        if name not in frame.columns:
            self._timed, self.within = False, None
            return None
        index = period_index(frame[name], self.section["period"])
        self.last = index
        if not len(frame):
            return None
        self._present.update(np.unique(index).tolist())
        stratum = strata.strata(self.section, index)
        if stratum is None:
            self.within = None
        return stratum

    def count(
        self, column: str, stratum: "NDArray[np.int64] | None", placed: "NDArray[np.int64]"
    ) -> None:
        """Count a column of a batch, whose bins are known, by the reference's periods."""
        if stratum is None or self.within is None or column not in self.within:
            return
        shape = self.within[column].shape
        flat = np.bincount(stratum * shape[1] + placed, minlength=shape[0] * shape[1])
        self.within[column] += flat.reshape(shape)


def column_of(frame: Rows, name: str) -> "pd.Series[Any]":
    """Return a column of the rows.

    Raises:
        DataError: It is not there, or there twice.
    """
    if name in frame.columns:
        found: pd.Series[Any] = frame[name]
        if isinstance(found, pd.DataFrame):
            raise DataError(f"column {name!r} occurs {found.shape[1]} times in the rows")
        return found
    near = difflib.get_close_matches(name, [str(column) for column in frame.columns], n=1)
    raise DataError(
        f"column {name!r} of the reference profile is not in the rows",
        where=f"columns {', '.join(map(str, list(frame.columns)[:20]))}",
        expected=f"{name} (the nearest here is {near[0]})" if near else name,
    )
