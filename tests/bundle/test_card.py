"""The card is one that the Hugging Face Hub's own library reads, and says what was measured."""

from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData

from playbill.bundle.card import Rows, write_card
from playbill.config.schema import Card
from tests.serving import NAME, facts

SAID = Card(
    intended_use="Planning beds.",
    out_of_scope="Choosing a therapy.",
    limitations=["One hospital."],
    dataset="visits of 2026/north",
    license="apache-2.0",
    contact="ward@example.org",
    tags=["health", "playbill"],
)


def _read(text: str) -> tuple[dict[str, Any], ModelCardData]:
    """Return the front matter as the Hub's library reads it; it fails on a broken one."""
    data = ModelCard(text, ignore_metadata_errors=False).data
    assert isinstance(data, ModelCardData)
    plain: dict[str, Any] = vars(data)
    return plain, data


def _report(**changes: Any) -> dict[str, Any]:
    return {**facts().report, **changes}


def test_the_hub_reads_the_front_matter_and_its_results() -> None:
    data, card = _read(write_card(facts(said=SAID)))
    assert data["license"] == "apache-2.0"
    assert data["library_name"] == "scikit-learn"
    assert data["pipeline_tag"] == "tabular-classification"
    assert data["tags"] == ["tabular-classification", "playbill", "health"]
    (result,) = card.eval_results or []
    assert (result.metric_type, result.metric_value) == ("roc_auc", 0.7)
    assert result.metric_args == {"low": 0.6, "high": 0.8, "level": 0.95}
    assert result.dataset_type == "visits-of-2026-north"
    assert result.dataset_name == "visits of 2026/north"
    assert result.dataset_split == "test"
    assert card.model_name == NAME


def test_a_regression_is_of_the_hub_s_other_kind() -> None:
    report = _report(
        task="regression", slices={}, metrics={"rmse": {"value": 2.5, "low": None, "high": None}}
    )
    text = write_card(facts(report=report, threshold=None))
    data, card = _read(text)
    assert data["pipeline_tag"] == "tabular-regression"
    (result,) = card.eval_results or []
    assert (result.metric_type, result.metric_value, result.metric_args) == ("rmse", 2.5, None)
    assert "label is true" not in text


def test_what_conf_says_stands_in_the_card_and_silence_is_told() -> None:
    text = write_card(facts(said=SAID))
    for words in ("Planning beds.", "**Not for:** Choosing a therapy.", "- One hospital.", "ward@"):
        assert words in text
    assert "Nobody has said yet what this model is for." in write_card(facts())


def test_figures_come_with_their_interval_and_slices_worst_first() -> None:
    text = write_card(facts())
    assert "| Area under the ROC curve | 0.7 | 0.6 to 0.8 |" in text
    assert "- by `ward`: worst north 0.6 (0.6 to 0.8); south 0.8 (0.6 to 0.8)" in text
    assert "percentile bootstrap, 1,000 draws, rows drawn one by one" in text
    assert "2026-01-01 to 2026-02-01 (end excluded)" in text
    assert "The hold-out is small" in text


def test_what_was_searched_is_stated_even_if_nothing_was_found() -> None:
    search = {
        "searched": 1234, "columns": ["age", "ward"], "minimum_rows": 50, "significant": 0,
        "loss": "log_loss", "rate": 0.05, "slices": [],
    }  # fmt: skip
    text = write_card(facts(report=_report(search=search)))
    assert "1,234 one- and two-way slices over 2 columns had at least 50 rows; 0 have" in text


@pytest.mark.parametrize(("value", "words"), [(0.09, "more than chance"), (0.02, "no more than")])
def test_the_calibration_error_is_told_beside_what_chance_would_give(
    value: float, words: str
) -> None:
    metrics = {"calibration_error": {"value": value, "low": 0.01, "high": 0.1}}
    calibration = {"bins": [], "error_by_chance": {"mean": 0.02, "high": 0.03}}
    report = _report(metrics=metrics, calibration=calibration, slices={})
    assert words in write_card(facts(report=report))


def test_digests_name_the_rows() -> None:
    rows = {"train": Rows(5000, digest="sha256:" + "ab" * 32), "test": Rows(2000)}
    text = write_card(facts(rows=rows))
    assert "5,000 rows, `sha256:abababababababab`" in text
    assert "hold-out is small" not in text
