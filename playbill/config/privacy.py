"""Group `privacy`: what becomes of personal columns before a table is written.

The treatment is part of the stage `ingest`, behind the query: the contract, the model and the
server know a column in its treated form alone, and a client is asked for no more than that.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from playbill.config.group import Group
from playbill.config.nearest import nearest
from playbill.config.scalar import placed

if TYPE_CHECKING:
    from playbill.config.schema import Params

SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Drop(Group):
    """The column goes no further than the snapshots of its source."""

    kind: Literal["drop"]
    """Says that this column is left out of the table."""


class Pseudonymise(Group):
    """A keyed digest stands for each value: equal values stay equal, none can be read."""

    kind: Literal["pseudonymise"]
    """Says that a keyed HMAC-SHA-256 stands for each value."""
    secret: SecretName
    """Name of the environment variable with the key; conf/env lists it as a secret."""


class Generalise(Group):
    """A coarser value stands for each value: a year for a day, a band for a number."""

    kind: Literal["generalise"]
    """Says that a coarser value stands for each value; one of the four says how."""
    date: Literal["year", "quarter", "month"] | None = None
    """Of a date: year is a whole number, a quarter is text as 1980-Q2, a month as 1980-05."""
    prefix: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of text: its first characters, as of a postcode."""
    width: Annotated[float, Field(gt=0)] | None = None
    """Of a number: text such as `[30, 40)`, bands of this width that begin at multiples of it."""
    edges: Annotated[list[float], Field(min_length=1, max_length=1000)] | None = None
    """Of a number: the bounds of its bands, rising; beyond them `< 18` and `>= 65`."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("date", "prefix", "width", "edges") if getattr(self, name)]
        if len(ways) != 1:
            what = f"generalised by {' and '.join(ways) or 'nothing'}"
            raise placed(f"{what}; one of date, prefix, width, edges says how", *ways[1:2])
        if self.edges and any(high <= low for low, high in pairwise(self.edges)):
            raise placed("the edges do not rise", "edges")
        return self


class Keep(Group):
    """The column stays as it is, and somebody says why it may."""

    kind: Literal["keep"]
    """Says that the values stay as they are."""
    basis: Annotated[str, Field(min_length=3)]
    """Lawful basis, in words; it stands on the model card."""


Treatment = Annotated[Drop | Pseudonymise | Generalise | Keep, Field(discriminator="kind")]


class Privacy(Group):
    """What becomes of personal columns, and how few people a row may single out."""

    columns: dict[str, Treatment] = {}
    """By column of the query: drop, pseudonymise, generalise or keep."""
    quasi_identifiers: list[str] = []
    """Columns of the table that together may single out a person; their groups are counted."""
    sensitive: list[str] = []
    """Columns of the table whose values such a group must not give away."""
    subjects: dict[str, str] = {}
    """By source, the column that names the person: what `playbill erase --subject` looks for."""
    erased: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []
    """Keyed digests of the erased: their rows enter no snapshot again. `playbill erase` adds."""
    erased_secret: SecretName | None = None
    """Name of the environment variable with the key of these digests."""


def privacy_problems(params: "Params") -> Iterator[tuple[str, str, str]]:
    """Return key, problem and expectation for each disagreement with contract and sources."""
    privacy, contract = params.privacy, params.contract
    known = list(contract.schema_["columns"])
    for name, treatment in privacy.columns.items():
        key = f"privacy.columns.{name}"
        if treatment.kind == "drop" and name in known:
            what = f"`{name}` is dropped, and the contract asks for it"
            yield key, what, "no such column in contract.schema, or another treatment"
        elif treatment.kind != "drop" and name not in known:
            what = f"`{name}` is no column of the contract"
            yield key, what, nearest(name, known) or "a column of contract.schema, or `kind: drop`"
        elif treatment.kind == "pseudonymise" and name in contract.inputs:
            what = f"`{name}` is pseudonymised, and an input of the model"
            yield key, what, "a role in contract.columns: key, group or subject"
    for name, column in contract.columns.items() if privacy.columns else ():
        if column.personal and name not in privacy.columns:
            what = f"`{name}` is personal, and nothing says what becomes of it"
            expected = "drop, pseudonymise, generalise, or keep with its basis, in privacy.columns"
            yield f"contract.columns.{name}.personal", what, expected
    for key, names in (
        ("quasi_identifiers", privacy.quasi_identifiers),
        ("sensitive", privacy.sensitive),
    ):
        for name in names:
            if name not in known:
                what = f"`{name}` is no column of the contract"
                yield f"privacy.{key}", what, nearest(name, known)
    yield from _subjects(params)


def _subjects(params: "Params") -> Iterator[tuple[str, str, str]]:
    privacy, sources = params.privacy, list(params.source.sources)
    for name in privacy.subjects:
        if name not in sources:
            yield f"privacy.subjects.{name}", f"there is no source `{name}`", nearest(name, sources)
    if privacy.erased and privacy.erased_secret is None:
        what = "nothing says which key the digests of the erased have"
        yield "privacy.erased", what, "`erased_secret: NAME` beside it"
