import json

import numpy as np
import pytest

from playbill.bundle import parity
from playbill.bundle.edge import edges_of
from playbill.contract.column import Column
from playbill.errors import BundleError
from tests.serving import made


def test_the_proof_says_what_was_tried_and_that_all_of_it_was_equal() -> None:
    proof = json.loads(made().files["model/proof.json"])
    assert proof["runtime"] == "numpy"
    assert proof["refused"] == []
    assert proof["hold_out"]["rows"] == 200
    assert proof["edges"]["rows"] == proof["edges"]["possible"] > 100
    assert set(proof["edges"]["kinds"]) == {"missing", "category", "extreme", "threshold"}
    for trial in (proof["hold_out"], proof["edges"]):
        assert trial["largest_difference"] == 0.0
        assert trial["labels_changed"] == 0
        assert trial["rows_digest"].startswith("sha256:")


def test_the_card_tells_the_proof() -> None:
    card = made().files["model/card.md"].decode()
    assert "- runtime: `numpy`, proven against the fitted Pipeline" in card
    assert "labels changed: 0" in card


@pytest.mark.parametrize("runtime", ["numpy", "skops"])
def test_a_single_row_that_differs_by_more_than_a_billionth_refuses_a_runtime(runtime: str) -> None:
    expected = made().expected.copy()
    expected[17] += 2e-9
    with pytest.raises(BundleError, match="on 1 of 200 rows of the hold-out") as caught:
        parity.choose([runtime], made().model, made().test, expected)
    assert caught.value.where == "conf/bundle runtimes"
    expected[17] = made().expected[17] + 5e-10
    assert parity.choose([runtime], made().model, made().test, expected).runtime == runtime


def test_a_changed_label_refuses_however_small_the_difference() -> None:
    model = made().model
    expected = made().expected.copy()
    expected[3] = np.nextafter(expected[3], 0)
    at = parity.Model(model.pipeline, model.inputs, model.asked, made().expected[3], model.layer)
    with pytest.raises(BundleError, match="1 labels"):
        parity.choose(["numpy"], at, made().test, expected)


def test_a_hold_out_of_other_length_refuses_the_bundle() -> None:
    with pytest.raises(BundleError, match="200 rows and its predictions 199"):
        parity.choose(["numpy"], made().model, made().test, made().expected[:-1])


def test_thresholds_are_tried_with_both_neighbours_and_sampled_beyond_the_limit() -> None:
    column = Column("x", "number", nullable=True, minimum=0, maximum=9)
    edges = edges_of({"x": [1.0, None]}, [column], {"x": np.array([2.5, 3.0])}, [])
    tried = [x for x, kind in zip(edges.columns["x"], edges.kinds, strict=True)
             if kind == "threshold"]  # fmt: skip
    assert tried == [np.nextafter(2.5, 0), 2.5, np.nextafter(2.5, 9), np.nextafter(3, 0), 3.0,
                     np.nextafter(3, 9)]  # fmt: skip
    assert {None, 0.0, 9.0, 1.0} <= set(edges.columns["x"])
    many = np.linspace(0, 9, 1000)
    sampled = edges_of({"x": [1.0]}, [column], {"x": many}, [], limit=100)
    assert len(sampled.kinds) == 100
    assert sampled.possible > 3000
