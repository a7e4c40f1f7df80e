"""`playbill serve --watch`: the parent of the workers, which follows a stage's tag."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from playbill.errors import UsageError

if TYPE_CHECKING:
    from playbill.lineage.bundle import Located
    from playbill.server.settings import Settings


def server_words(folder: Path, host: str, port: int) -> list[str]:
    """Return the words that start a bundle's own server."""
    # -B: byte code would be a file that the manifest does not know.
    command = [sys.executable, "-B", str(folder / "server"), "--bundle", str(folder)]
    return [*command, "--host", host, "--port", str(port)]


def refuse_unwatched(
    bundle: Path | None,
    signers: Path | None,
    memory: Path | None,
    *,
    try_it: bool,
    version: str | None,
) -> None:
    """Refuse what cannot go with `--watch`.

    Raises:
        UsageError: It was given.
    """
    given = {
        "--bundle": bundle,
        "--signers": signers,
        "--memory": memory,
        "--try": try_it,
        "model_version": version,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise UsageError(
            f"{wrong[0]} does not go with --watch",
            where=wrong[0],
            expected="a stage of the registry, whose tags say version, evidence and signer",
        )


def follow(
    ref: str | None,
    seconds: float,
    address: tuple[str, int],
    flags: Sequence[str],
    settings: "Settings",
) -> None:
    """Serve what a stage's tag names, until Ctrl-C.

    Raises:
        UsageError: The reference is no stage, or this is no POSIX system.
        LineageError: The tag is not believed, or its bundle cannot be had.
        BundleError: The bundle is refused.
    """
    from playbill.config.canary import Canary
    from playbill.config.location import find_project
    from playbill.lineage import revision
    from playbill.pipeline.following import Followed, look, stage_of
    from playbill.server.command import THREADS
    from playbill.server.listener import address as url_of
    from playbill.server.listener import listen
    from playbill.server.rollover import Found, Rollover
    from playbill.server.switch import Order, Part, Share

    root = find_project()
    served = revision.params(root).get("server") or {}
    policy = Canary.model_validate(served.get("canary") or {})
    stage = stage_of(root, ref)
    name = stage.partition("#")[0]
    beside = f"{name}#{policy.stage}" if policy.share else None
    share = Share(policy.share, policy.header, name)

    def part(one: "Located") -> Part:
        return Part(str(one.path.resolve()), one.version)

    def order(seen: Followed) -> Order:
        if seen.canary is None:
            return Order(part(seen.main))
        return Order(part(seen.main), part(seen.canary), share)

    def again() -> Found:
        seen = look(root, stage, beside)
        return Found(order(seen), stage, seen.unreached)

    def command(one: Part) -> list[str]:
        version = ["--model-version", one.version] if one.version else []
        return [*server_words(Path(one.bundle), *address), *flags, *version]

    for each in THREADS:
        os.environ.setdefault(each, "1")
    first = look(root, stage, beside)
    typer.echo(f"{stage} is {first.main.version}; looked at every {seconds:g} s", err=True)
    with listen(*address) as listener:
        secure = "--tls-certificate" in flags
        supervisor = Rollover(
            command,
            again,
            part(first.main),
            seconds=seconds,
            listener=listener,
            workers=settings.workers,
            drain_seconds=settings.limits.drain_seconds,
        )
        supervisor.run(f"serving {name} on {url_of(listener, tls=secure)}")
