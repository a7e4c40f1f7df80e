"""The bill of materials: valid CycloneDX, complete, and the same for the same bundle."""

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from playbill.bundle import sbom
from tests.serving import made

BOM, *OTHERS = ("bom-1.6", "spdx", "jsf-0.82")


def schema(name: str) -> Any:
    """Return a schema of the format, as its library ships it."""
    folder = files("cyclonedx.schema._res")
    return json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))


def errors(bill: Any) -> list[str]:
    """Return what the format's own schema says against a bill."""
    registry: Registry[Any] = Registry()
    for name in OTHERS:
        other = schema(name)
        registry = registry.with_resource(other["$id"], DRAFT7.create_resource(other))
    found = Draft7Validator(schema(BOM), registry=registry).iter_errors(bill)
    return [each.message for each in found]


def test_the_bill_is_valid_cyclonedx() -> None:
    bill = json.loads(made().files[sbom.NAME])
    assert errors(bill) == []
    bill["components"][0]["type"] = "a model"
    bill["components"][1]["colour"] = "red"
    assert len(errors(bill)) == 2


def test_the_model_its_data_and_every_pinned_package_are_components() -> None:
    bill = json.loads(made().files[sbom.NAME])
    pins = made().files["requirements.txt"].decode().split()
    kinds: dict[str, list[str]] = {}
    for each in bill["components"]:
        kinds.setdefault(each["type"], []).append(each["name"])
    assert kinds["machine-learning-model"] == ["visits"]
    assert kinds["data"] == ["train"]
    assert kinds["library"] == [pin.split("==")[0] for pin in pins]
    references = {each["bom-ref"] for each in bill["components"]}
    (first, model, *_) = bill["dependencies"]
    assert set(first["dependsOn"]) <= references
    assert model == {"ref": "model:visits", "dependsOn": ["data:train"]}
    (card,) = [each["modelCard"] for each in bill["components"] if "modelCard" in each]
    measured = {each["type"] for each in card["quantitativeAnalysis"]["performanceMetrics"]}
    assert "roc_auc" in measured


def test_the_same_bundle_has_the_same_bill_and_no_clock_is_in_it() -> None:
    files = made().files
    layer = {n.removeprefix("model/"): c for n, c in files.items() if n.startswith("model/")}
    again = sbom.bill("visits", "numpy", layer, files["requirements.txt"].decode())
    assert again == files[sbom.NAME]
    assert b"timestamp" not in again
    assert b"serialNumber" not in again
