"""The request and the answer as a team declares them for FastAPI by hand."""

from pydantic import BaseModel


class Row(BaseModel):
    """One flight."""

    carrier: str
    origin: str
    dest: str
    distance: float
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_speed: float | None
    pressure: float | None
    visib: float | None
    plane_year: float | None
    manufacturer: str


class Rows(BaseModel):
    """Many flights."""

    rows: list[Row]


class Answer(BaseModel):
    """A probability for each."""

    probabilities: list[float]
