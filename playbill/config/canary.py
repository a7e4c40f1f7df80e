"""What conf/server says of a canary: which callers it answers, and how it is judged."""

from typing import Annotated

from pydantic import Field

from playbill.config.group import Group


class Canary(Group):
    """Which callers `playbill serve --watch` lets a second model answer, and how it is judged."""

    stage: Annotated[str, Field(pattern=r"^[a-zA-Z0-9](?:[\w/-]*[a-zA-Z0-9])?$")] = "canary"
    """Stage of the registry whose model it is."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Of the callers that it answers; 0: none."""
    header: Annotated[str, Field(pattern=r"^[a-z0-9-]*$", max_length=64)] = ""
    """Header that names the caller, in lower case; empty: the name of the API key."""
    error: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance that `playbill canary` ever promotes or rolls back wrongly, however often it looks."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Mean loss by which the canary may be worse and still be promoted; 0: it must be better."""
