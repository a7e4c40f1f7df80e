import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from playbill.bundle import requirements
from playbill.bundle.runtime.base import open_runtime
from playbill.errors import BundleError
from tests.serving import CODE, NAME, made, texts


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
    assert "playbill/bundle/runtime/numpy.py" in carried
    for away in ("cli", "pipeline", "drift", "lineage", "source", "evaluation"):
        assert not any(name.startswith(f"playbill/{away}/") for name in carried)
    for away in ("assembly", "parity", "batch", "requirements", "code", "runtime/skops"):
        assert f"playbill/bundle/{away}.py" not in carried
    files = made("skops").files
    assert "server/playbill/bundle/runtime/skops.py" in files
    assert "server/playbill/contract/frame.py" in files


def test_requirements_pin_what_the_server_needs_with_all_that_those_need() -> None:
    pins = dict(line.split("==") for line in requirements.requirements_text("skops").split())
    assert {"fastapi", "starlette", "uvicorn", "numpy", "pandas", "skops", "scipy"} <= set(pins)
    assert pins["fastapi"] == version("fastapi")
    assert not {"dvc", "hydra-core", "pandera", "typer", "rich", "pyarrow"} & set(pins)


def test_the_environment_of_a_compiled_model_is_at_most_20_packages() -> None:
    pins = dict(line.split("==") for line in requirements.requirements_text("numpy").split())
    assert len(pins) <= 20
    assert not {"pandas", "scikit-learn", "scipy", "skops", "joblib"} & set(pins)


def test_what_is_installed_otherwise_is_said() -> None:
    found = requirements.differences(f"numpy=={version('numpy')}\nfastapi==0.1\nno-such-thing==1\n")
    assert found == [
        f"fastapi is {version('fastapi')}, pinned 0.1",
        "no-such-thing is not installed, pinned 1",
    ]


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(BundleError, match="`abacus` is not known"):
        open_runtime("abacus", {})


def test_no_row_of_the_data_is_in_the_bundle() -> None:
    examples = json.loads(made().files["model/examples.json"])
    assert len(examples) == 1
    assert examples[0]["age"] == 41


def test_the_pins_of_an_earlier_bundle_are_read_off_its_requirements() -> None:
    text = "numpy==1.0\nfastapi==0.1\nscikit-learn==1.9.0\npandas==3.0.0\n"
    pins = {"numpy": "1.0", "scikit-learn": "1.9.0", "pandas": "3.0.0"}
    assert requirements.earlier_pins("skops", text) == pins
    assert requirements.earlier_pins("numpy", text) == {}


def test_a_layer_of_before_runtime_json_gets_a_server_and_keeps_its_digest() -> None:
    from playbill.bundle import manifest
    from playbill.bundle.assembly import assemble

    layer = {k.removeprefix("model/"): v for k, v in made().files.items() if k.startswith("model/")}
    del layer["runtime.json"]
    described = {"runtime": "numpy", "code": [], "pins": {}}
    files = assemble(NAME, layer, texts(), code=CODE, described=described)
    assert {k for k in files if k.startswith("model/")} == {f"model/{k}" for k in layer}
    assert json.loads(files[manifest.NAME])["runtime"] == "numpy"
