"""What a stage's tag names now: fetched, resolved, its evidence and its bundle verified."""

from dataclasses import dataclass
from pathlib import Path

from playbill.bundle import manifest
from playbill.errors import LineageError, UsageError
from playbill.lineage import bundle, registry, revision, upstream


@dataclass(frozen=True)
class Followed:
    """What shall be served.

    Attributes:
        main: The stage's bundle.
        canary: The canary stage's bundle, if there is one and it is another.
        unreached: Why the remote could not be asked; empty if it was, or there is none.
    """

    main: bundle.Located
    canary: bundle.Located | None
    unreached: str


def stage_of(root: Path, ref: str | None) -> str:
    """Return the stage that is followed, as `flights#prod`.

    Raises:
        UsageError: It is no stage, or one tag of it: what does not move cannot be followed.
    """
    stage = ref or f"{revision.model_name(root)}#{registry.PRODUCTION}"
    if stage.count("#") != 1 or "@" in stage:
        raise UsageError(
            f"{stage} cannot be followed",
            where="--watch",
            expected=f"a stage, such as {revision.model_name(root)}#{registry.PRODUCTION}",
        )
    return stage


def look(root: Path, stage: str, canary: str | None = None) -> Followed:
    """Return what a stage names now.

    Args:
        root: The project.
        stage: As `flights#prod`.
        canary: The stage of the canary, as `flights#canary`; an empty one is none.

    Raises:
        LineageError: The tag is not believed, or its bundle cannot be had.
        BundleError: The bundle is not what its manifest says.
    """
    unreached = ""
    if upstream.has_remote(root):
        try:
            upstream.fetch_tags(root)
        except LineageError as error:
            unreached = str(error)
    main = _verified(root, stage)
    other = _verified(root, canary) if canary and _is_filled(root, canary) else None
    if other is not None and other.path == main.path:
        other = None
    return Followed(main, other, unreached)


def _verified(root: Path, stage: str) -> bundle.Located:
    found = bundle.find(root, stage)
    manifest.verify(found.path)
    return found


def _is_filled(root: Path, stage: str) -> bool:
    name, _, place = stage.partition("#")
    found = registry.current(root, registry.artifact(root, name), place)
    return found is not None and found.active
