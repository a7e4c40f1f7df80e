"""`playbill verify`: run a revision again from nothing and compare every byte."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from playbill.cli.option import AsJson, Markdown, Push

if TYPE_CHECKING:
    from playbill.lineage.attestation import Attestation
    from playbill.pipeline.verification.check import Checked
    from playbill.pipeline.verification.verify import Done, Wish


def verify(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="REF", help="A branch, tag, commit, experiment, flights@v1.2.0 or flights#prod."
        ),
    ] = "HEAD",
    *,
    here: Annotated[
        bool, typer.Option("--here", help="Run in this environment, or not at all.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Build the pinned environment even if this one fits.")
    ] = False,
    from_source: Annotated[
        bool, typer.Option("--from-source", help="Ingest again instead of fetching the raw data.")
    ] = False,
    elsewhere: Annotated[
        bool,
        typer.Option(
            "--elsewhere", help="The run was made on another platform: predictions may differ."
        ),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Largest difference of a prediction from elsewhere.")
    ] = 1e-6,
    attest: Annotated[
        bool, typer.Option("--attest/--no-attest", help="Attest a success, in a Git tag.")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the attestation to this file too.", show_default=False),
    ] = None,
    push: Push = False,
    attested: Annotated[
        str | None,
        typer.Option(
            "--attestation",
            metavar="FILE|REF",
            help="Run nothing: check an attestation, its signature and every digest.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    markdown: Markdown = None,
) -> None:
    """Run a revision again from nothing, and say whether every byte comes out the same.

    A clean clone, the environment that the revision pins, its raw data from the DVC remote, no run
    cache. Exits 0 if it is identical (or, from another platform, equivalent) and attests that in
    the tag attestation/MODEL/..., signed with the SSH key that conf/env or Git names. Exits 1 if it
    is different: names the first stage that differs and, by experiments, the likely cause.

    \b
    Examples:
      playbill verify
      playbill verify flights#prod --push
      playbill verify flights@v1.2.0 --here --json
      playbill verify --attestation flights#prod
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config.location import find_project
    from playbill.errors import UsageError
    from playbill.lineage import promotion, upstream
    from playbill.pipeline.verification import verify as verification

    root = find_project()
    if attested is not None:
        from playbill.pipeline.verification.check import check

        _check(check(root, attested), as_json=as_json)
        return
    if here and fresh:
        raise UsageError("--here and --fresh were both given", expected="one of them")
    wish = verification.Wish(
        environment="here" if here else "fresh" if fresh else "auto",
        from_source=from_source,
        elsewhere=elsewhere,
        tolerance=tolerance,
        attest=attest,
    )
    if push:
        upstream.remote(root)  # said before minutes have passed
    done = _with_progress(root, ref, wish)
    if out is not None and done.envelope:
        out.write_text(done.envelope + "\n", encoding="utf-8", newline="\n")
    if push and done.tag:
        promotion.push(root, done.tag)
    _print(root, done, pushed=push, as_json=as_json, markdown=markdown)
    if done.verdict.word == "different":
        raise typer.Exit(1)


def _with_progress(root: Path, ref: str, wish: "Wish") -> "Done":
    from rich.console import Console

    from playbill.pipeline.verification import verify as verification

    console = Console(stderr=True)
    if not console.is_terminal:
        return verification.verify(
            root, ref, wish, lambda text: typer.echo(f"verify: {text}", err=True)
        )
    with console.status("starting") as status:
        return verification.verify(root, ref, wish, status.update)


def _print(root: Path, done: "Done", *, pushed: bool, as_json: bool, markdown: Path | None) -> None:
    from playbill.cli.output import print_json, write_markdown
    from playbill.lineage import attestation
    from playbill.pipeline.verification import verdict

    found = done.verdict
    told = attestation.parse(root, done.envelope) if done.envelope else None
    printed = write_markdown(verdict.as_markdown(found), markdown)
    if as_json:
        print_json(
            {**found.as_dict(), "attestation": told and _told(told, done.tag, pushed=pushed)}
        )
        return
    if printed:
        return
    typer.echo(verdict.as_text(found), nl=False)
    if told is None:
        return
    signed = {
        "trusted": f"signed by {told.signature.signer}",
        "unknown": f"signed with {told.signature.signer}, which conf/env/allowed_signers lacks",
    }
    no_key = "NOT signed: conf/env names no signing_key, and Git no SSH key"
    typer.echo(f"attested in {done.tag}, {signed.get(told.signature.trust, no_key)}")
    if not pushed:
        typer.echo(f"Others see it after: git push {git_remote(root)} {done.tag}")


def _told(one: "Attestation", tag: str, *, pushed: bool) -> dict[str, object]:
    signature = one.signature
    return {
        "tag": tag,
        "digest": one.digest,
        "pushed": pushed,
        "trust": signature.trust,
        "signer": signature.signer,
    }


def git_remote(root: Path) -> str:
    """Return the remote to name in a line to paste."""
    from playbill.lineage import promotion

    return promotion.push_target(root)


def _check(found: "Checked", *, as_json: bool) -> None:
    from playbill.cli.output import print_json

    one = found.attestation
    if as_json:
        print_json(
            {
                "format_version": 1,
                "holds": found.holds,
                "commit": one.commit,
                "tag": one.tag,
                "digest": one.digest,
                "verdict": one.verdict,
                "platform": one.platform,
                "trust": one.signature.trust,
                "signer": one.signature.signer,
                "lock": found.lock,
                "right": len(found.right),
                "wrong": list(found.wrong),
                "absent": list(found.absent),
            }
        )
    else:
        typer.echo("\n".join(_words(found)))
    if not found.holds:
        raise typer.Exit(1)


def _words(found: "Checked") -> list[str]:
    one = found.attestation
    signed = {
        "trusted": f"signed by {one.signature.signer}, whom the project trusts",
        "unknown": f"signed with {one.signature.signer}, which conf/env/allowed_signers lacks",
        "unsigned": "not signed: anybody could have written it",
        "bad": "the signature does not fit: the attestation was altered",
    }
    lines = [
        f"{'holds' if found.holds else 'does NOT hold'}: {one.commit[:12]} is {one.verdict}",
        f"  {signed[one.signature.trust]}",
        f"  dvc.lock is {'the one' if found.lock else 'NOT the one'} that was verified",
        f"  {len(found.right)} files are as attested",
    ]
    lines += [f"  ALTERED: {name}" for name in found.wrong]
    if found.absent:
        lines.append(f"  {len(found.absent)} files are not at hand, as {found.absent[0]}")
    return lines
