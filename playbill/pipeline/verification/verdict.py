"""What a verification found, and its words: for the terminal, for a pull request, for a machine."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from playbill.lineage.contradiction import Contradiction
from playbill.pipeline.verification.cause import Cause
from playbill.pipeline.verification.rerun import Outcome

FORMAT_VERSION = 1
Word = Literal["identical", "equivalent", "different"]
_MARK = {
    "same": "same bytes",
    "differs": "DIFFERS",
    "failed": "FAILED",
    "brought in": "fetched, digests checked",
    "not run": "not run",
}


@dataclass(frozen=True)
class Closeness:
    """How near the predictions are to those recorded.

    Attributes:
        rows: Rows that both have.
        largest: The largest difference of a number.
        changed: Rows whose label is another one.
        tolerance: What was allowed.
    """

    rows: int
    largest: float
    changed: int
    tolerance: float

    @property
    def holds(self) -> bool:
        """Say whether the difference is within the tolerance and no label changed."""
        return self.largest <= self.tolerance and self.changed == 0


@dataclass(frozen=True)
class Verdict:
    """The result of a verification.

    Attributes:
        word: identical: every byte; equivalent: on another platform, predictions within the
            tolerance; different: neither.
        model: The model.
        ref: The revision as the user named it.
        commit: The commit.
        outcomes: What became of each stage, in the order of the flow.
        contradictions: What dvc.lock says that the commit contradicts.
        causes: Likely causes of the first difference, the surest first.
        environment: How the environment was had.
        platform: System, processor, Python and BLAS of this run.
        recorded_platform: The same of an earlier attestation; empty if there is none.
        snapshots: Where the brought-in outputs came from, by path.
        closeness: How near the predictions are; None if that was not asked or not possible.
        notes: What a reader should know.
        seconds: How long it took.
    """

    word: Word
    model: str
    ref: str
    commit: str
    outcomes: tuple[Outcome, ...]
    contradictions: tuple[Contradiction, ...]
    causes: tuple[Cause, ...]
    environment: str
    platform: Mapping[str, str]
    recorded_platform: Mapping[str, str]
    snapshots: Mapping[str, str]
    closeness: Closeness | None
    notes: tuple[str, ...]
    seconds: float

    @property
    def first(self) -> Outcome | None:
        """The first stage that differs or failed."""
        return next((one for one in self.outcomes if one.state in ("differs", "failed")), None)

    @property
    def outputs(self) -> int:
        """How many outputs were compared."""
        compared = ("same", "differs")
        return sum(one.outputs for one in self.outcomes if one.state in compared)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {"format_version": FORMAT_VERSION, "verdict": self.word, **asdict(self)}
        del plain["word"]
        plain["stages"] = plain.pop("outcomes")
        plain["first_difference"] = self.first.stage if self.first else None
        return plain


def as_text(found: Verdict) -> str:
    """Return the verdict as lines for a terminal."""
    width = max((len(one.stage) for one in found.outcomes), default=0)
    lines = [headline(found), ""]
    for one in found.outcomes:
        lines.append(f"  {one.stage:<{width}}  {_mark(found, one)}")
        if one == found.first:
            lines += [f"  {'':<{width}}    {text}" for text in _changes(one)]
    lines += ["", *_sentences(found)]
    return "\n".join(lines).rstrip() + "\n"


def as_markdown(found: Verdict) -> str:
    """Return the verdict as Markdown; what comes from files stands in code spans."""
    lines = [f"### {headline(found)}", "", "| stage | result |", "|---|---|"]
    lines += [f"| `{one.stage}` | {_mark(found, one)} |" for one in found.outcomes]
    lines.append("")
    for number, cause in enumerate(found.causes):
        word = "also possible" if number else "likely cause"
        lines.append(f"- {word}: **{cause.kind}** in `{cause.stage}`: {_code(cause.what)}")
        lines += [f"  - {_code(place)}" for place in cause.evidence]
        lines += [f"  - mend: {_code(cause.mend)}"] if cause.mend else []
    lines += [f"- {_code(text)}" for text in _facts(found)]
    return "\n".join(lines) + "\n"


def headline(found: Verdict) -> str:
    """Return the answer in one sentence."""
    at = f"{found.model} at {found.commit[:12]}"
    if found.word == "identical":
        return f"{at} is identical: {found.outputs} outputs, every byte"
    if found.word == "equivalent" and found.closeness:
        near = found.closeness
        return (
            f"{at} is equivalent: {near.rows:,} predictions differ by at most {near.largest:.3g} "
            f"(allowed {near.tolerance:.3g}), no label"
        )
    if found.first is None:
        return f"{at} is different: dvc.lock is not what ran{_because(found)}"
    return f"{at} is different: stage {found.first.stage} first{_because(found)}"


def _because(found: Verdict) -> str:
    return f", likely cause: {found.causes[0].kind}" if found.causes else ""


def _mark(found: Verdict, one: Outcome) -> str:
    """Return what became of a stage; one behind the first that differs is no second fault."""
    if one.state == "differs" and found.first is not None and one != found.first:
        return f"differs behind {found.first.stage}"
    return _MARK[one.state]


def _changes(one: Outcome) -> Iterator[str]:
    for each in one.changed:
        now = each.now[:12] or "nothing"
        yield f"{each.path}: recorded {each.recorded[:12]}, now {now}"
    if one.state == "failed" and one.said:
        yield from one.said.splitlines()[-4:]


def _sentences(found: Verdict) -> Iterator[str]:
    for number, cause in enumerate(found.causes):
        yield f"{'also possible' if number else 'likely cause'}: {cause.kind}: {cause.what}"
        yield from (f"    {place}" for place in cause.evidence)
        if cause.mend:
            yield f"    mend: {cause.mend}"
    yield from _facts(found)


def _facts(found: Verdict) -> Iterator[str]:
    for each in found.contradictions:
        yield f"dvc.lock, stage {each.stage}: {each.what}"
    came = sorted(set(found.snapshots.values()))
    if came:
        places = {"remote": "the DVC remote", "cache": "this clone's DVC cache"}
        yield f"raw data from {' and '.join(places[each] for each in came)}"
    yield f"run in {found.environment}, {_platform(found.platform)}, {found.seconds:.0f} s"
    if found.word == "different" and found.closeness:
        near = found.closeness
        yield (
            f"{near.rows:,} predictions differ by at most {near.largest:.3g}, "
            f"{near.changed:,} labels changed"
        )
    yield from (f"note: {note}" for note in found.notes)


def _platform(facts: Mapping[str, str]) -> str:
    return f"{facts.get('system', '')} {facts.get('machine', '')} Python {facts.get('python', '')}"


def _code(text: str) -> str:
    """Return text as a code span: it comes from files and is never markup."""
    plain = text.replace("`", "'").replace("\n", " ")
    return f"`{plain}`"
