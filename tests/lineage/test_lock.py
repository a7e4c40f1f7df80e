"""dvc.lock of two branches: a union that DVC reads, whatever the sides are."""

import pytest
import yaml

from playbill.lineage import lock


def text(**stages: str) -> str:
    head = "schema: '2.0'\nstages:\n"
    return head + "".join(
        f"  {name}:\n    cmd: python -m stages.{name}\n    params:\n      params.yaml:\n"
        f"        seed: {seed}\n        query: |\n          SELECT 1\n\n          FROM rows\n"
        for name, seed in stages.items()
    )


def seeds(merged: str | None) -> dict[str, str]:
    assert merged is not None
    assert lock.is_valid(merged)
    stages = yaml.safe_load(merged)["stages"]
    return {name: str(stage["params"]["params.yaml"]["seed"]) for name, stage in stages.items()}


def test_a_stage_that_one_side_changed_is_that_sides() -> None:
    merged = lock.merge(text(a="1", b="1"), text(a="2", b="1"), text(a="1", b="3"))
    assert merged == text(a="2", b="3")


def test_a_stage_that_both_sides_changed_is_ours() -> None:
    assert seeds(lock.merge(text(a="1"), text(a="2"), text(a="3"))) == {"a": "2"}


def test_stages_that_were_added_or_removed_stay_so() -> None:
    merged = lock.merge(text(a="1", b="1"), text(a="1", c="1"), text(a="1", b="1", d="1"))
    assert seeds(merged) == {"a": "1", "c": "1", "d": "1"}


def test_two_first_runs_without_an_ancestor_meet() -> None:
    assert seeds(lock.merge("", text(a="1"), text(a="2", b="2"))) == {"a": "1", "b": "2"}


def test_other_sections_stay_as_ours_has_them() -> None:
    ours = text(a="2") + "datasets:\n- name: rows\n"
    merged = lock.merge(text(a="1"), ours, text(a="1", b="1"))
    assert seeds(merged) == {"a": "2", "b": "1"}
    assert str(merged).endswith("datasets:\n- name: rows\n")


@pytest.mark.parametrize(
    "broken", ["", "<<<<<<< ours\n", "stages: 3\n", "schema: '2.0'\nstages: []"]
)
def test_a_broken_side_gives_way_to_the_other_one(broken: str) -> None:
    assert lock.merge(text(a="1"), broken, text(a="3")) == text(a="3")
    assert lock.merge(text(a="1"), text(a="2"), broken) == text(a="2")
    assert lock.merge(text(a="1"), broken, broken) is None
