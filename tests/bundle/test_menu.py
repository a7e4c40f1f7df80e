import warnings

import pytest

from tests.bundle.menu import ROUNDED, shown, table


@pytest.mark.slow
def test_the_page_says_which_runtime_takes_what_and_how_exactly() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, said = table(), shown()
    # Which last bits differ may depend on the processor; the menu may not.
    assert found.replace(ROUNDED, "") == said.replace(ROUNDED, ""), "python -m tests.bundle.menu"
