"""The base of every typed group of conf/."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """Base of all groups: unknown keys refused, nothing converted, instances frozen."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        protected_namespaces=(),
        defer_build=True,  # only Params is ever validated as a whole: one build, not thirty
    )
