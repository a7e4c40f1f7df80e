"""Single values of conf/ that have a form of their own, and how a whole group is refused."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

from playbill.config.span import PATTERN

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Share = Annotated[float, Field(gt=0, lt=1)]
# A day as YAML gives it: text, or a date where the reader knows dates.
Day = Annotated[date, Strict(strict=False)]
# A span of time, see config/span.py.
Span = Annotated[str, Field(pattern=PATTERN)]
Sign = Literal["drift", "estimated_loss", "realised_loss", "schedule"]
# A prefix that ends with a dot, or a full name.
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\.?$")]

_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def _item(value: object) -> object:
    """Refuse what cannot stand in a stage's name; YAML turns an unquoted NO into false."""
    if isinstance(value, bool) or not (
        isinstance(value, int | str) and _ITEM.fullmatch(str(value))
    ):
        raise ValueError(
            f"the item {value!r} is no text of letters, digits, _ and -, and no whole number"
            + (" (in YAML, quote words like NO and YES)" if isinstance(value, bool) else "")
        )
    return value


Item = Annotated[str | int, BeforeValidator(_item)]


def placed(what: str, *at: str) -> PydanticCustomError:
    """Return the error of a whole group, placed at one key of it; config/complaint.py reads it."""
    return PydanticCustomError("placed", "{what}", {"what": what, "at": list(at)})
