"""Charts hold what they are given, and text from data stays text."""

import re
import xml.etree.ElementTree as ET

import pytest

from playbill.page.chart import Dot, Series, curves, dots, key


def _curves(series: list[Series], **other: bool) -> str:
    drawn = curves(series, title="a & b", x_label="<x>", y_label="y", **other)
    return str(drawn)


def test_a_chart_is_well_formed_and_escapes_what_comes_from_data() -> None:
    text = _curves([Series("one", [0, 1], [0.5, 2], low=[0.4, 1], high=[0.6, 3], marks=True)])
    root = ET.fromstring(text)
    assert root.find("title") is not None
    assert "a &amp; b" in text
    assert "&lt;x&gt;" in text
    assert len(root.findall("circle")) == 2
    assert ET.fromstring(str(dots([Dot("<b>", 1.0, 0.5, 2.0)], title="t"))) is not None


def test_everything_drawn_lies_inside_of_the_picture() -> None:
    text = _curves([Series("one", [-1e6, 0, 5e6], [1e-9, 3e-9, 2e-9])], diagonal=False)
    _, _, width, height = map(float, re.findall(r'viewBox="([^"]+)"', text)[0].split())
    for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", text):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


@pytest.mark.parametrize("size", [1e-7, 0.1, 123.4, 98765.4])
def test_a_row_s_label_and_figures_have_room(size: float) -> None:
    rows = [Dot("a" * letters, size, -size * 1.2345, size * 1.2345) for letters in (3, 39, 60)]
    text = str(dots(rows, title="t", guide=0))
    width = float(re.findall(r'viewBox="0 0 ([\d.]+) ', text)[0])
    for x, side, said in re.findall(r'<text x="([\d.]+)"[^>]*anchor="(end|start)">([^<]*)<', text):
        room = float(x) if side == "end" else width - float(x)
        assert len(said) * 6.1 <= room, said  # Chromium with DejaVu Sans: 6.05 at most
    assert "e+" not in text


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7], [0.0, 0.0]])
def test_a_single_value_can_be_drawn(values: list[float]) -> None:
    ET.fromstring(_curves([Series("one", values, values)]))
    ET.fromstring(str(dots([Dot("a", value) for value in values], title="t", guide=0)))


def test_ticks_are_round_and_cover_the_values() -> None:
    text = _curves([Series("one", [3, 47], [0.012, 0.088])])
    said = re.findall(r">([-\d.,]+)</text>", text)
    assert {"0", "10", "50", "0.02", "0.1"} <= set(said)


def test_a_series_keeps_its_colour_when_another_is_empty() -> None:
    text = _curves([Series("empty", [], []), Series("two", [0, 1], [0, 1])])
    assert 'class="curve s1"' in text
    assert 'class="curve s0"' not in text
    assert 's1"' in str(key(1))


def test_nothing_to_draw_is_said() -> None:
    assert "Nothing to draw" in _curves([])
    assert "Nothing to draw" in str(dots([], title="t"))
