import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from playbill.bundle import parity, requirements
from playbill.bundle.runtime.base import open_runtime
from playbill.errors import BundleError
from tests.serving import ASKED, CODE, NAME, made, texts


def test_the_same_parts_give_the_same_bytes() -> None:
    from playbill.bundle.assembly import assemble

    model = {k.removeprefix("model/"): v for k, v in made().files.items() if k.startswith("model/")}
    assert assemble(NAME, model, texts(), code=CODE) == made().files


def test_nothing_in_a_bundle_names_this_machine() -> None:
    folders = {str(Path.cwd()), str(Path.home()), str(Path(sys.prefix).resolve())} - {"/"}
    for name, content in made().files.items():
        for told in folders:
            assert f"{told}/".encode() not in content, name


def test_the_bundle_carries_the_code_that_its_server_reaches_and_no_more() -> None:
    carried = {n.removeprefix("server/") for n in made().files if n.startswith("server/playbill/")}
    assert "playbill/server/application.py" in carried
    assert "playbill/server/pages/index.html" in carried
    assert "playbill/bundle/runtime/skops.py" in carried
    assert "playbill/contract/frame.py" in carried
    for away in ("cli", "pipeline", "drift", "lineage", "source", "evaluation"):
        assert not any(name.startswith(f"playbill/{away}/") for name in carried)
    for away in ("assembly", "parity", "batch", "requirements", "code"):
        assert f"playbill/bundle/{away}.py" not in carried


def test_requirements_pin_what_the_server_needs_with_all_that_those_need() -> None:
    pins = dict(line.split("==") for line in requirements.requirements_text("skops").split())
    assert {"fastapi", "starlette", "uvicorn", "numpy", "pandas", "skops", "scipy"} <= set(pins)
    assert pins["fastapi"] == version("fastapi")
    assert not {"dvc", "hydra-core", "pandera", "typer", "rich", "pyarrow"} & set(pins)


def test_what_is_installed_otherwise_is_said() -> None:
    found = requirements.differences(f"numpy=={version('numpy')}\nfastapi==0.1\nno-such-thing==1\n")
    assert found == [
        f"fastapi is {version('fastapi')}, pinned 0.1",
        "no-such-thing is not installed, pinned 1",
    ]


def test_the_proof_says_that_every_row_was_equal() -> None:
    proof = json.loads(made().files["model/proof.json"])
    assert proof == {"rows": 200, "largest_difference": 0.0, "labels_changed": 0}


def test_a_single_differing_row_refuses_the_bundle() -> None:
    layer = {k.removeprefix("model/"): v for k, v in made().files.items()}
    expected = made().expected.copy()
    expected[17] = np.nextafter(expected[17], 1)
    with pytest.raises(BundleError, match="on 1 of 200 rows") as caught:
        parity.prove(open_runtime("skops", layer), made().test, ASKED, expected, threshold=0.4)
    assert caught.value.where == "row 18 of the hold-out"


def test_a_hold_out_of_other_length_refuses_the_bundle() -> None:
    layer = {k.removeprefix("model/"): v for k, v in made().files.items()}
    with pytest.raises(BundleError, match="200 rows and its predictions 199"):
        parity.prove(
            open_runtime("skops", layer), made().test, ASKED, made().expected[:-1], threshold=0.4
        )


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(BundleError, match="`abacus` is not known"):
        open_runtime("abacus", {})


def test_no_row_of_the_data_is_in_the_bundle() -> None:
    examples = json.loads(made().files["model/examples.json"])
    assert len(examples) == 1
    assert examples[0]["age"] == 41
