"""Judges the canary by what turned out to be true: on the same rows (shadow) or between callers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playbill.config.canary import Canary
from playbill.drift.duel import Duel, decide, paired
from playbill.errors import DataError, UsageError
from playbill.lineage import manifest, registry, revision
from playbill.prediction import log as prediction_log
from playbill.prediction.feedback import truths
from playbill.prediction.lookup import locate

EVER = 1e12  # seconds; segments of any age are searched


@dataclass(frozen=True)
class Judged:
    """What the records say of the canary.

    Attributes:
        duel: The decision and both bets.
        champion: Digest of production's model.
        challenger: Digest of the canary's model.
        on_the_same_rows: Whether both answered each row (shadow), or each its own callers.
        truths: Truths that were known, of whatever model.
    """

    duel: Duel
    champion: str
    challenger: str
    on_the_same_rows: bool
    truths: int


def judge(
    root: Path, logs: Sequence[str], stores: Sequence[Path], shadow: str | None = None
) -> Judged:
    """Return what was decided of the canary.

    Args:
        root: The project.
        logs: Folders or URLs of prediction logs.
        stores: Files of feedback.
        shadow: Folder of the shadow's log; None: the canary's own answers are looked at.

    Raises:
        LineageError: A stage is empty, or its bundle cannot be had.
        DataError: A log or a file of feedback cannot be read, or no truth is of both models.
    """
    served = revision.params(root).get("server") or {}
    policy = Canary.model_validate(served.get("canary") or {})
    name = revision.model_name(root)
    champion = _digest(root, f"{name}#{registry.PRODUCTION}")
    challenger = _digest(root, f"{name}#{policy.stage}")
    known = sorted(truths(stores), key=lambda one: (one.received, one.prediction_id))
    said = {one.prediction_id: str(one.value) for one in known}
    found = locate(said, logs, segment_seconds=EVER)
    sides = (champion, challenger)
    if shadow is None:
        differences = paired(_of_callers(said, found, sides))
    else:
        differences = np.array(list(_of_rows(said, found, shadow, sides)), dtype=np.float64)
    if not len(differences):
        raise DataError(
            "no truth says anything of both models",
            where=", ".join(map(str, stores)),
            expected=f"feedback on predictions of {champion[:19]} and {challenger[:19]}",
            run="playbill feedback import, or wait for the truth",
        )
    duel = decide(differences, error=policy.error, margin=policy.margin)
    return Judged(duel, champion, challenger, shadow is not None, len(known))


def loss(record: Mapping[str, Any], truth: str) -> float:
    """Return the Brier score of an answer, from 0 to 1: G. W. Brier, 1950, halved.

    Raises:
        UsageError: The answer has no probabilities.
    """
    shares = record.get("probabilities")
    if not isinstance(shares, Mapping):
        raise UsageError(
            "a canary is judged by probabilities, and the answers have none",
            expected="a model of classes",
        )
    return float(sum((share - (name == truth)) ** 2 for name, share in shares.items())) / 2


def _digest(root: Path, stage: str) -> str:
    name = revision.model_name(root)
    tag = registry.find(root, stage, registry.artifact(root, name))
    digest = manifest.stated_digest(root, tag.commit) if tag is not None else None
    if digest is None:
        raise DataError(f"{stage} names no model with a digest", where=stage)
    return digest


def _of_callers(
    said: Mapping[str, str], found: Mapping[str, Mapping[str, Any]], sides: tuple[str, str]
) -> Iterator[tuple[bool, float]]:
    for identifier, truth in said.items():
        record = found.get(identifier, {})
        if record.get("model_digest") in sides:
            yield record["model_digest"] == sides[1], loss(record, truth)


def _of_rows(
    said: Mapping[str, str],
    found: Mapping[str, Mapping[str, Any]],
    shadow: str,
    sides: tuple[str, str],
) -> Iterator[float]:
    other = {
        str(one["prediction_id"]): one
        for one in prediction_log.records(shadow)
        if one.get("model_digest") == sides[1]
    }
    for identifier, truth in said.items():
        record, beside = found.get(identifier), other.get(identifier)
        if record is not None and beside is not None and record.get("model_digest") == sides[0]:
            yield loss(beside, truth) - loss(record, truth)
