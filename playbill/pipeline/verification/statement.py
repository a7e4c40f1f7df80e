"""What is attested: an in-toto Statement v1 with SLSA provenance v1, by content digests.

Subjects are the files that came out, dependencies the commit, the pins and the files that were
brought in. Unlike a stage's output it holds a clock: when the verification ran is part of it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playbill.config.environment import CONSTRAINTS
from playbill.errors import LineageError
from playbill.lineage import attestation, git, locked, openlineage, registry, revision, store
from playbill.pipeline.verification.room import Room
from playbill.pipeline.verification.verdict import Verdict

BUILD_TYPE = "urn:playbill:verify:1"
BUILDER = "urn:playbill:verify"


def build(root: Path, room: Room, found: Verdict, started: datetime) -> dict[str, Any]:
    """Return the statement about a verification that succeeded."""
    stages = locked.stages(root, room.commit)
    inputs, products = _split(stages)
    lock = git.read(root, room.commit, revision.LOCK)
    return {
        "_type": attestation.STATEMENT,
        "subject": _subjects(room, found, products),
        "predicateType": attestation.PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "revision": room.commit,
                    "artifact": registry.artifact(root, found.model),
                    "fromSource": not room.snapshots,
                },
                "internalParameters": {
                    "environment": found.environment,
                    "platform": dict(found.platform),
                    "recordedPlatform": dict(found.recorded_platform),
                    "snapshots": dict(found.snapshots),
                },
                "resolvedDependencies": [
                    {"uri": openlineage.origin_of(root), "digest": {"gitCommit": room.commit}},
                    *_pins(room.root),
                    *(_resource(name, digest) for name, digest in _files(room.root, inputs)),
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER},
                "metadata": {
                    "startedOn": _stamp(started),
                    "finishedOn": _stamp(datetime.now(UTC)),
                    "playbill_verdict": found.word,
                    **_closeness(found),
                },
                "byproducts": [_resource(revision.LOCK, hashlib.sha256(lock).hexdigest())],
            },
        },
    }


def _subjects(room: Room, found: Verdict, products: list[str]) -> list[dict[str, Any]]:
    """Return what is attested: each file that came out the same, and by dvc.lock what is near."""
    changed = {each.path: each.recorded for one in found.outcomes for each in one.changed}
    same = [path for path in products if path not in changed]
    files = [_resource(name, digest) for name, digest in _files(room.root, same)]
    near = [
        {"name": path, "digest": {"dvcDir" if md5.endswith(store.FOLDER) else "md5": md5}}
        for path, md5 in changed.items()
        if path in products
    ]
    return [*files, *near]


def _closeness(found: Verdict) -> dict[str, Any]:
    near = found.closeness
    if found.word != "equivalent" or near is None:
        return {}
    told = {"rows": near.rows, "largestDifference": near.largest, "tolerance": near.tolerance}
    return {"playbill_predictions": told}


def _split(stages: Mapping[str, locked.Locked]) -> tuple[list[str], list[str]]:
    inputs, products = list[str](), list[str]()
    for stage in stages.values():
        (inputs if locked.brings_in(stage, stages) else products).extend(stage.outs)
    return inputs, products


def _pins(root: Path) -> Iterator[dict[str, Any]]:
    file = root / CONSTRAINTS
    if file.is_file():
        yield _resource(CONSTRAINTS, hashlib.sha256(file.read_bytes()).hexdigest())


def _files(root: Path, paths: list[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        place = root / path
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(root).as_posix(), sha256(file)


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at_hand(root: Path, commit: str, name: str) -> Path | None:
    """Return where a file that a statement names can be read; None if nobody here has it."""
    content = git.read_if_any(root, commit, name)
    if content is not None:
        place = (
            store.dvc_folder(root) / store.SCRATCH / "text" / hashlib.sha256(content).hexdigest()
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place
    try:
        return store.obtain(root, name, commit)
    except LineageError:
        return None
