"""The real flights: verified from nothing, attested, and traced back to their rows."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run


@pytest.mark.pipeline
def test_the_flights_are_verified_attested_and_traced_to_their_rows(
    mine: Path, run: Run, tmp_path: Path
) -> None:
    done = run("playbill", "verify", "HEAD", "--here", "--json", cwd=mine)
    found = json.loads(done.stdout)
    assert found["verdict"] == "identical"
    states = {one["stage"]: one["state"] for one in found["stages"]}
    assert states.pop("ingest") == "brought in"
    assert set(states.values()) == {"same"}
    page = tmp_path / "lineage.html"
    told = json.loads(
        run("playbill", "lineage", "HEAD", "--json", "--html", str(page), cwd=mine).stdout
    )
    assert told["attestation"]["digest"] == found["attestation"]["digest"]
    rows = {one["name"]: one["provenance"]["rows"] for one in told["data"]}
    assert rows["flights"] == 80_789
    assert page.read_text().count("<rect") == len(told["stages"]) + len(rows)
    stated = json.loads((mine / "models/flights/bundle/model/lineage.json").read_bytes())
    assert stated["params"].items() <= told["config"].items()
    # The fixture's two commits hold the same bundle: by its folder either may be named.
    folder = run("playbill", "lineage", "models/flights/bundle", "--json", cwd=mine)
    same = json.loads(folder.stdout)
    assert same["commit"]["id"] in run("git", "rev-list", "HEAD", cwd=mine).stdout.split()
    assert (same["config"], same["code"]) == (told["config"], told["code"])
