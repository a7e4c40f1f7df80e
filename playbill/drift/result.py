"""What a drift check found: plain values, from which JSON, Markdown and the page are written."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from playbill.drift.pairs import PairDrift
from playbill.drift.performance import Estimate
from playbill.drift.realised import Realised

Verdict = Literal["drift", "no drift", "inconclusive"]
Basis = Literal["rows", "windows", "design effect", "same periods"]
REPORT_VERSION = 2


@dataclass(frozen=True)
class Bin:
    """One bin of a column: its readable name and its rows on both sides."""

    label: str
    reference: int
    current: int


@dataclass(frozen=True)
class ColumnDrift:
    """What the check found in one column."""

    name: str
    kind: str
    drifted: bool
    effect: float
    """Total variation distance beyond what sampling alone gives, from 0 to 1."""
    distance: float
    """Total variation distance as observed."""
    statistic: float
    """Pearson's chi-square of the counts."""
    p_value: float
    adjusted_p_value: float
    """After the correction for all tests of the report."""
    importance: float | None
    """How much the model loses when the column is shuffled; None if it is not known."""
    missing_before: float
    missing_after: float
    unknown: tuple[tuple[str, int], ...]
    """Values that the reference does not know, and their rows; the commonest few."""
    unknown_values: int
    unknown_rows: int
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class DriftReport:
    """The verdict and the columns behind it, those whose drift matters most to the model first."""

    verdict: Verdict
    reason: str
    rows: int
    reference_rows: int
    alpha: float
    checks: int
    """How many checks share alpha; every adjusted p-value counts them."""
    minimum_effect: float
    minimum_rows: int
    basis: Basis
    """What is usual: chance draws of rows; the reference's windows; where the new rows span too
    many periods for that, how much its periods differ; or the reference rows of their periods."""
    windows: int
    """How many windows of the reference the new rows were compared with."""
    periods: int
    """How many periods the new rows span; 0 where single rows are drawn."""
    detectable: float | None
    """With `rows`: the effect that these rows show with 80 % power, in any one column."""
    columns: tuple[ColumnDrift, ...]
    measure: str
    """The measure whose estimated loss says whether it matters."""
    minimum_loss: float
    estimates: tuple[Estimate, ...]
    """What the model's measures are expected to be on the new rows; empty if unknown."""
    realised: Realised | None
    """What the truth of the new rows says; None if it is not known."""
    pairs: tuple[PairDrift, ...]
    """Columns counted two by two, the farthest drifted first; empty unless rows are drawn."""

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(column for column in self.columns if column.drifted)

    @property
    def estimate(self) -> Estimate | None:
        """The estimate of the measure that decides whether it matters, if there is one."""
        return next((one for one in self.estimates if one.measure == self.measure), None)

    @property
    def loss(self) -> Estimate | None:
        """The measure that decides whether it matters: realised if known, else estimated."""
        known = self.realised.measures if self.realised else ()
        return next((one for one in known if one.measure == self.measure), self.estimate)

    @property
    def matters(self) -> bool | None:
        """Whether the whole interval of the loss lies above the smallest that matters."""
        found = self.loss
        return None if found is None else found.loss_low > self.minimum_loss

    @property
    def drifted_pairs(self) -> tuple[PairDrift, ...]:
        """The pairs that drifted though neither of their columns did."""
        return tuple(pair for pair in self.pairs if pair.drifted)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, keys in a fixed order."""
        return {"format_version": REPORT_VERSION, **asdict(self), "matters": self.matters}
