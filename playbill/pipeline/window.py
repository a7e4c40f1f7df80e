"""The validated rows of another window of the source, in memory; and windows moved in time."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config.params import read_params
from playbill.config.source import Window
from playbill.config.span import is_span, later
from playbill.errors import UsageError
from playbill.pipeline.runner import find, load_function, on_frames

if TYPE_CHECKING:
    import pandas as pd


def read_window(root: Path, start: date, end: date) -> "pd.DataFrame":
    """Fetch, join and validate the rows of a window; nothing is written.

    Args:
        root: The project.
        start: First day.
        end: First day that is no longer part of the window.

    Returns:
        What the stages ingest and validate make of that window.
    """
    params = read_params(root)
    window = make_window(str(start), str(end))
    source = params.source.model_copy(update={"window": window})
    params = params.model_copy(update={"source": source})
    ingest, validate = (
        on_frames(root, load_function(root, find(params, name).stage))
        for name in ("ingest", "validate")
    )
    table: pd.DataFrame = validate(params, table=ingest(params)["table"])["valid"]
    return table


def make_window(start: str, end: str) -> Window:
    """Return the window from `start` to `end`, both as 2013-01-31.

    Raises:
        UsageError: One is no date, or the end is not after the start.
    """
    from pydantic import ValidationError

    try:
        return Window(start=date.fromisoformat(start), end=date.fromisoformat(end))
    except (ValueError, ValidationError) as error:
        raise UsageError(
            f"`{start}:{end}` is no window",
            expected="START:END as 2013-04-01:2013-07-01, the end after the start and excluded",
        ) from error


def parse_window(text: str) -> Window:
    """Return the window that `START:END` names.

    Raises:
        UsageError: It is not of that form.
    """
    start, _, end = text.partition(":")
    return make_window(start.strip(), end.strip())


def shift(window: Window, by: str) -> Window:
    """Return the window moved later in time by `by`: 1m (calendar months), 2w or 30d.

    Raises:
        UsageError: `by` is not of that form.
    """
    if not is_span(by):
        raise UsageError(f"`{by}` is no span of time", expected="a number and d, w or m, as 1m")
    return Window(start=later(window.start, by), end=later(window.end, by))


def beyond(window: Window, by: str) -> Window:
    """Return the days that moving the window by `by` would add: what a retraining would learn.

    Raises:
        UsageError: `by` is not of the form that `shift` takes.
    """
    return Window(start=window.end, end=shift(window, by).end)
