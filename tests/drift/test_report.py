import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift import report, wording
from playbill.drift.decision import check
from playbill.drift.picture import CATEGORY_LIMIT, pictures
from playbill.drift.profile import build_profile, sample_size
from playbill.drift.result import DriftReport
from tests.conftest import REPOSITORY
from tests.drift.conftest import Rows

VOID = {"meta", "link", "path", "br"}
ATTACK = "</title><script>alert(1)</script>`|@everyone\n# gone"


class Page(HTMLParser):
    """Collects the tags of a page and fails on one that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text.replace("/>", ">"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def drifted(rows: Rows, columns: list[Column], policy: Drift) -> DriftReport:
    current = rows(1500, 10)
    current["temp"] += 10
    current.loc[:200, "carrier"] = "ZZ"
    return check(build_profile(rows(2000, 1), columns, policy), current, policy)


@pytest.fixture
def steady(rows: Rows, columns: list[Column], policy: Drift) -> DriftReport:
    return check(build_profile(rows(2000, 1), columns, policy), rows(1500, 10), policy)


@pytest.fixture
def hostile(policy: Drift) -> DriftReport:
    frame = pd.DataFrame({ATTACK: ["a"] * 200, "x": ["b"] * 200})
    columns = [Column(ATTACK, "text"), Column("x", "text")]
    current = pd.DataFrame({ATTACK: [ATTACK] * 200, "x": [ATTACK] * 200})
    return check(build_profile(frame, columns, policy), current, policy)


def test_the_json_names_what_a_program_needs(drifted: DriftReport) -> None:
    plain = json.loads(report.as_json(drifted))
    assert plain["verdict"] == "drift"
    assert [c["name"] for c in plain["columns"] if c["drifted"]] == ["temp", "carrier"]
    assert set(plain) == {
        "format_version",
        "verdict",
        "reason",
        "rows",
        "reference_rows",
        "alpha",
        "checks",
        "minimum_effect",
        "minimum_rows",
        "basis",
        "windows",
        "periods",
        "detectable",
        "columns",
        "pairs",
        "measure",
        "minimum_loss",
        "estimates",
        "matters",
        "realised",
    }


@pytest.mark.parametrize("form", [report.as_json, report.as_markdown, report.as_html])
def test_the_same_rows_give_the_same_bytes(
    form: "report.Form", drifted: DriftReport, rows: Rows, columns: list[Column], policy: Drift
) -> None:
    current = rows(1500, 10)
    current["temp"] += 10
    current.loc[:200, "carrier"] = "ZZ"
    profile = json.loads(json.dumps(build_profile(rows(2000, 1), columns, policy)))
    again = check(profile, current.sample(frac=1, random_state=3), policy)
    assert form(again).encode() == form(drifted).encode()


def test_markdown_answers_first_and_folds_what_did_not_drift(drifted: DriftReport) -> None:
    text = report.as_markdown(drifted)
    lines = text.splitlines()
    assert lines[0] == "### Drift"
    assert lines[2] == "**2 of 6 columns drifted:** `temp`, `carrier`"
    assert text.index("`temp` |") < text.index("<details>") < text.index("`hour` |")
    assert "`ZZ`" in text


def test_markdown_says_no_in_words(steady: DriftReport) -> None:
    text = report.as_markdown(steady)
    assert text.startswith("### No drift\n\nNone of 6 columns differs by more than chance allows.")
    assert "drifted:" not in text


def test_values_cannot_leave_their_cell_in_markdown(hostile: DriftReport) -> None:
    for line in report.as_markdown(hostile).splitlines():
        assert not line.startswith("#") or line == "### Drift"
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 8
            assert line.count("`") % 2 == 0
            outside = re.sub(r"`[^`]*`", "", line)
            assert "@" not in outside
            assert "<" not in outside


@pytest.mark.parametrize("name", ["drifted", "steady", "hostile"])
def test_the_page_is_well_formed_small_and_needs_no_net(
    name: str, request: pytest.FixtureRequest
) -> None:
    text = report.as_html(request.getfixturevalue(name))
    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert "url(" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert len(text.encode()) < 300_000


def test_the_page_gives_every_picture_a_title_and_every_table_cell_a_header(
    drifted: DriftReport,
) -> None:
    text = report.as_html(drifted)
    assert text.count("<svg") == text.count('role="img"><title>') == 6
    assert text.count('<th scope="row">') == 6
    assert text.count('<th scope="col"') == 8
    assert '<html lang="en">' in text
    assert "<h1>Drift</h1>" in text


def test_the_page_of_many_columns_stays_readable_and_says_what_it_left_out(
    drifted: DriftReport,
) -> None:
    many = tuple(replace(drifted.columns[0], name=f"column_{i}", drifted=i < 3) for i in range(300))
    text = report.as_html(replace(drifted, columns=many))
    assert "more columns are in the table alone" in text
    assert len(text.encode()) < 450_000


def test_the_page_of_no_rows_can_be_drawn(rows: Rows, columns: list[Column], policy: Drift) -> None:
    empty = check(build_profile(rows(200, 1), columns, policy), rows(0, 1), policy)
    assert "<h1>No verdict</h1>" in report.as_html(empty)
    assert "0 new rows are fewer" in report.as_markdown(empty)


def test_long_tails_are_folded_in_the_picture_and_no_row_is_lost(policy: Drift) -> None:
    names = [f"v{i:02}" for i in range(40)]
    frame = pd.DataFrame({"x": names * 100})
    profile = build_profile(frame, [Column("x", "text", categories=tuple(names))], policy)
    (one,) = pictures(check(profile, frame, policy).columns)
    assert len(one.rows) == CATEGORY_LIMIT + 1
    assert one.rows[-1].label == "other values"
    before, after = wording.totals(one.column)
    assert (before, after) == (4000 - sample_size(4000, policy), 4000)


def test_the_published_schema_takes_every_report_and_nothing_else(
    drifted: DriftReport, steady: DriftReport, hostile: DriftReport
) -> None:
    published = json.loads((REPOSITORY / "docs/reference/drift-report.schema.json").read_text())
    validator = Draft202012Validator(published)
    for each in (drifted, steady, hostile):
        validator.validate(json.loads(report.as_json(each)))
    broken = json.loads(report.as_json(drifted))
    broken["columns"][0]["effect"] = "large"
    assert not validator.is_valid(broken)
