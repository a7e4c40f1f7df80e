"""The base of every typed group of conf/, and what many of them share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(gt=0, lt=1)]


class Group(BaseModel):
    """Base of all groups: unknown keys refused, nothing converted, instances frozen."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        protected_namespaces=(),
        defer_build=True,  # only Params is ever validated as a whole: one build, not thirty
    )


def placed(what: str, *at: str) -> PydanticCustomError:
    """Return the error of a whole group, placed at one key of it; config/validation.py reads it."""
    return PydanticCustomError("placed", "{what}", {"what": what, "at": list(at)})
