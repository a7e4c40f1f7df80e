"""The pages as a browser shows them; a picture of each is left for a person to look at."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import Running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=8000", "--window-size=1200,1400"),
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def shown(url: str, folder: Path) -> str:
    """Return the page's markup after its scripts ran, and take its picture."""
    assert CHROMIUM is not None
    picture = folder / "page.png"
    for number, what in enumerate((f"--screenshot={picture}", "--dump-dom")):
        words = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / str(number)}", what, url]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert picture.stat().st_size > 10_000
    return done.stdout


def test_the_try_it_page_predicts_its_example(server: Running, tmp_path: Path) -> None:
    page = shown(f"{server.url}/?predict", tmp_path)
    assert "Visits &quot;again&quot;" in page or 'Visits "again"' in page
    assert "at night?" in page
    assert 'class="figure"' in page
    assert "threshold 0.4" in page


def test_the_documentation_page_shows_every_operation(server: Running, tmp_path: Path) -> None:
    page = shown(f"{server.url}/docs", tmp_path)
    for operation in ("predict", "predict_batch", "healthz", "readyz", "model"):
        assert f'id="{operation}"' in page
    assert "0 to 120" in page.replace("\u00a0", " ").replace("&nbsp;", " ")
