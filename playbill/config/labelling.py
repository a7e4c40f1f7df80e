"""Group `annotation`: which rows people are asked to label, and whom of them to believe."""

from typing import Annotated, Literal

from pydantic import Field

from playbill.config.group import Group
from playbill.config.scalar import Share

Rule = Literal["majority", "unanimous", "latest"]


class Annotation(Group):
    """Rows worth a label, and how labels that disagree are settled."""

    rows: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Rows of a round; fewer if the log has fewer."""
    random: Share = 0.2
    """Share drawn by chance alone: only these tell how good the model is without bias."""
    drifted: Share = 0.3
    """Share of rows that are commoner now than in the reference; the others are uncertain ones."""
    rule: Rule = "majority"
    """majority: most annotators (of a number their median), a tie is left open; unanimous: all must
    agree; latest: the newest annotation counts."""
    minimum: Annotated[int, Field(ge=1, le=100)] = 1
    """Annotators that a row needs."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the draw."""
