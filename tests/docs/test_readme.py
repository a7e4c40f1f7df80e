"""The README's commands are the ones that everything else runs."""

import json
import re
from pathlib import Path

import yaml

from playbill.config.schema import Contract

ROOT = Path(__file__).parents[2]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
TEST = "pip install -c constraints.txt -e '.[dev]' && pytest && pytest -m slow"


def test_the_test_command_of_the_readme_is_the_one_that_ci_runs() -> None:
    assert f"\n{TEST}\n" in README
    assert TEST in ROOT.joinpath(".ci", "run").read_text(encoding="utf-8")
    assert TEST in ROOT.joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_command_of_the_readme_is_in_the_reference() -> None:
    reference = ROOT.joinpath("docs", "reference", "commands.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\$? *playbill ([a-z]+)", README, flags=re.MULTILINE))
    assert {name for name in named if f"## playbill {name}" not in reference} == set()


def test_every_option_of_a_command_in_the_readme_is_in_the_reference() -> None:
    reference = ROOT.joinpath("docs", "reference", "commands.md").read_text(encoding="utf-8")
    for name, rest in re.findall(r"^\$? *playbill ([a-z]+)(.*)$", README, flags=re.MULTILINE):
        sections = "".join(
            re.findall(rf"## playbill {name}\b.*?(?=\n## |\Z)", reference, re.DOTALL)
        )
        for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
            assert f"{option}" in sections, f"playbill {name} {option}"


def test_the_flight_that_curl_sends_has_the_inputs_of_the_contract() -> None:
    text = ROOT.joinpath("conf", "contract", "flights.yaml").read_text(encoding="utf-8")
    contract = Contract.model_validate(yaml.safe_load(text))
    flight = json.loads(ROOT.joinpath("docs", "tutorial", "flight.json").read_text("utf-8"))
    assert list(flight) == contract.inputs
