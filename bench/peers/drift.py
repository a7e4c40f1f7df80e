"""What other packages say of two tables; started by `bench/drift_peers.py`, each in its own venv.

python bench/peers/drift.py PEER JOBS.json

A job names a reference and a current Parquet file, and perhaps where to write an HTML page. One
line of JSON comes out for each: the flagged columns, the peer's own verdict, seconds, peak memory
in MB.
Defaults of each package, for that is what its users get.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Said = tuple[list[str], bool]
LEVEL = 0.05


def evidently(reference: pd.DataFrame, current: pd.DataFrame, page: str) -> Said:
    """Run the preset; the verdict is drift where half of the columns drifted."""
    package, presets = import_module("evidently"), import_module("evidently.presets")
    found = package.Report([presets.DataDriftPreset()]).run(current, reference)
    if page:
        found.save_html(page)
    flagged, verdict = [], False
    for metric in found.dict()["metrics"]:
        config, value = metric["config"], metric["value"]
        if "column" not in config:
            verdict = value["share"] >= config.get("drift_share", 0.5)
            continue
        # p-values drift below the threshold, distances above it.
        low = "p_value" in config["method"].replace("-", "_")
        if value < config["threshold"] if low else value >= config["threshold"]:
            flagged.append(config["column"])
    return flagged, verdict


def nannyml(reference: pd.DataFrame, current: pd.DataFrame, _page: str) -> Said:
    """Run the univariate calculator, ten chunks a side; a column with an alert is flagged."""
    package = import_module("nannyml")
    names = list(reference.columns)
    found = package.UnivariateDriftCalculator(column_names=names)
    told = found.fit(reference).calculate(current).filter(period="analysis").to_df()
    alerts = {key[0] for key in told if key[-1] == "alert" and bool(told[key].any())}
    return sorted(alerts & set(names)), bool(alerts & set(names))


def alibi(reference: pd.DataFrame, current: pd.DataFrame, _page: str) -> Said:
    """Run TabularDrift; it takes numbers without gaps, so gaps become the reference's median."""
    package = import_module("alibi_detect.cd")
    sides, named = [reference.copy(), current.copy()], {}
    for index, name in enumerate(reference.columns):
        if pd.api.types.is_numeric_dtype(reference[name].dtype) and reference[name].dtype != bool:
            middle = reference[name].median()
            for side in sides:
                side[name] = side[name].fillna(middle)
            continue
        known = pd.Index(pd.concat([side[name].astype(str) for side in sides]).unique())
        for side in sides:
            side[name] = known.get_indexer(side[name].astype(str))
        named[index] = None
    arrays = [side.to_numpy(dtype=np.float64) for side in sides]
    found = package.TabularDrift(arrays[0], p_val=LEVEL, categories_per_feature=named)
    told = found.predict(arrays[1])["data"]
    small = np.asarray(told["p_val"]) < told["threshold"]
    return [n for n, one in zip(reference.columns, small, strict=True) if one], bool(
        told["is_drift"]
    )


def scipy(reference: pd.DataFrame, current: pd.DataFrame, _page: str) -> Said:
    """Test each column at 0.05 by Kolmogorov-Smirnov or chi-square, as a script by hand would."""
    stats = import_module("scipy.stats")
    flagged = []
    for name in reference.columns:
        one, other = reference[name], current[name]
        if pd.api.types.is_numeric_dtype(one.dtype) and one.dtype != bool:
            p = stats.ks_2samp(one.dropna(), other.dropna()).pvalue
        else:
            sides = [side.astype(str).value_counts() for side in (one, other)]
            table = pd.concat(sides, axis=1).fillna(0).to_numpy()
            p = stats.chi2_contingency(table.T).pvalue if len(table) > 1 else 1.0
        if p < LEVEL:
            flagged.append(str(name))
    return flagged, bool(flagged)


def loan() -> dict[str, Any]:
    """Return NannyML's own estimate of AUC on its car-loan data, chunk by chunk."""
    package = import_module("nannyml")
    reference, analysis, _ = package.load_synthetic_car_loan_dataset()
    found = package.CBPE(
        y_pred_proba="y_pred_proba", y_pred="y_pred", y_true="repaid",
        metrics=["roc_auc"], chunk_size=5000, problem_type="classification_binary",
    )  # fmt: skip
    told = found.fit(reference).estimate(analysis).filter(period="analysis").to_df()
    return {
        "estimate": [float(one) for one in told["roc_auc", "value"]],
        "alert": [bool(one) for one in told["roc_auc", "alert"]],
    }


def peak() -> float:
    """Return this process' peak memory in MB; `ru_maxrss` would begin with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


PEERS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, str], Said]] = {
    "evidently": evidently, "nannyml": nannyml, "alibi-detect": alibi, "scipy": scipy,
}  # fmt: skip


def main() -> None:
    """Answer the jobs in their order."""
    warnings.simplefilter("ignore")
    peer = sys.argv[1]
    if peer == "loan":
        print(json.dumps(loan()))
        return
    for job in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        begun = time.perf_counter()
        tables = [pd.read_parquet(job[side]) for side in ("reference", "current")]
        flagged, verdict = PEERS[peer](*tables, job.get("page", ""))
        told = {
            "flagged": flagged,
            "verdict": verdict,
            "seconds": time.perf_counter() - begun,
            "megabytes": peak(),
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
