"""The signature of a bundle that goes where there is no Git: who packed it, and how new it is.

A DSSE envelope around an in-toto Statement v1 with the release predicate v0.1 of the in-toto
project, signed like attestations with an SSH key. Its subject is the manifest, which names every
file by its digest; its release has a number, as the registry's tags count the promotions of a
stage, so that an older bundle is told from a newer one though both are signed.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.errors import BundleError, UsageError
from playbill.lineage import attestation, signature

FILE = "signature.json"
PREDICATE = "https://in-toto.io/attestation/release/v0.1"
NAMESPACE = "playbill-bundle"
LARGEST = 65_536  # bytes of an envelope that are read
_NUMBER = re.compile(r"#(\d{1,9})$")


@dataclass(frozen=True)
class Endorsement:
    """What a signature says of a bundle.

    Attributes:
        name: The model.
        release: What was packed, as `flights#prod#3`.
        number: Its place in the order of releases.
        signer: Who signed, as allowed_signers names them.
    """

    name: str
    release: str
    number: int
    signer: str


def number_of(release: str) -> int:
    """Return the number at the end of `flights#prod#3`, and 0 for a release without one."""
    found = _NUMBER.search(release)
    return int(found[1]) if found else 0


def endorse(root: Path, manifest: bytes, name: str, release: str) -> str | None:
    """Return the envelope for a bundle; None if neither conf nor Git names a key.

    Args:
        root: The project, whose key signs.
        manifest: The bytes of the bundle's manifest.
        name: The model.
        release: What is packed; the number at its end orders releases.

    Raises:
        LineageError: The key is missing, or ssh-keygen refused.
    """
    digest = hashlib.sha256(manifest).hexdigest()
    statement = {
        "_type": attestation.STATEMENT,
        "subject": [{"name": "manifest.json", "digest": {"sha256": digest}}],
        "predicateType": PREDICATE,
        "predicate": {"purl": f"pkg:generic/{name}", "releaseId": release},
    }
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    signed = signature.sign(root, attestation.encoding(payload), NAMESPACE)
    if signed is None:
        return None
    envelope = {
        "payloadType": attestation.PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"sig": base64.b64encode(signed.encode()).decode()}],
    }
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")) + "\n"


def verify(bundle: Path, signers: Path, memory: Path | None = None) -> Endorsement:
    """Return who endorsed a bundle; nothing of it is parsed before its signature holds.

    The manifest is proven here; whoever reads the bundle then proves the files against it.

    Args:
        bundle: The bundle's folder.
        signers: Who is trusted, in the form of ssh-keygen's allowed signers.
        memory: File that remembers the newest release of each model; an older one is refused.

    Raises:
        BundleError: It is not signed, not by one of them, altered, or older than one before.
        UsageError: There is no such file of signers.
    """
    if not signers.is_file():
        raise UsageError(f"there is no file {signers}", where="--signers")
    payload, armour = _opened(bundle)
    checked = signature.check(
        bundle, attestation.encoding(payload), armour, NAMESPACE, allowed=signers
    )
    if checked.trust != "trusted":
        who = f" ({checked.signer})" if checked.signer else ""
        what = {"unknown": "nobody who is trusted has signed it", "bad": "its signature is bad"}
        raise _refused(what.get(checked.trust, "it is not signed") + who, bundle)
    name, release, digest = _read(payload, bundle)
    manifest = bundle / "manifest.json"
    if manifest.is_symlink() or not manifest.is_file():
        raise _refused("there is no manifest.json", bundle)
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != digest:
        raise _refused("its signature is of another manifest", bundle)
    found = Endorsement(name, release, number_of(release), checked.signer)
    if memory is not None:
        _remember(found, memory, bundle)
    return found


def _opened(bundle: Path) -> tuple[bytes, str]:
    file = bundle / FILE
    if file.is_symlink() or not file.is_file():
        raise _refused("it is not signed", bundle)
    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    try:
        if len(content) > LARGEST:
            raise ValueError("too large")  # noqa: TRY301 - the same refusal as for what is no JSON
        outer = json.loads(content)
        if outer["payloadType"] != attestation.PAYLOAD:
            raise ValueError("another kind")  # noqa: TRY301 - see above
        payload = base64.b64decode(outer["payload"], validate=True)
        (only,) = outer["signatures"]
        return payload, base64.b64decode(only["sig"], validate=True).decode("ascii")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise _refused(f"{FILE} is no signature", bundle) from error


def _read(payload: bytes, bundle: Path) -> tuple[str, str, str]:
    """Return model, release and the manifest's digest from what was signed."""
    try:
        plain: dict[str, Any] = json.loads(payload)
        kinds = plain["_type"], plain["predicateType"]
        (subject,) = plain["subject"]
        release = str(plain["predicate"]["releaseId"])
        name = str(plain["predicate"]["purl"]).removeprefix("pkg:generic/")
        digest = str(subject["digest"]["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refused("what was signed is no release of a bundle", bundle) from error
    if kinds != (attestation.STATEMENT, PREDICATE):
        raise _refused("what was signed is no release of a bundle", bundle)
    return name, release, digest


def _remember(found: Endorsement, memory: Path, bundle: Path) -> None:
    known: dict[str, Any] = {}
    if memory.is_file():
        try:
            known = json.loads(memory.read_text("utf-8"))
            newest = int(known.get(found.name, 0))
        except (ValueError, AttributeError, TypeError) as error:
            raise UsageError(f"{memory} is no such memory", where="--memory") from error
        if found.number < newest:
            raise _refused(
                f"{found.release} is older than number {newest}, which was served before", bundle
            )
    newest = max(found.number, int(known.get(found.name, 0)))
    memory.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**known, found.name: newest}, sort_keys=True) + "\n"
    fresh = memory.with_name(f"{memory.name}.new")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(memory)


def _refused(what: str, bundle: Path) -> BundleError:
    return BundleError(
        f"the bundle is refused: {what}",
        where=bundle.as_posix(),
        expected="a bundle that a trusted key has signed, and none older than the last",
        run="playbill package --ref REF --out DIR, by who may sign",
    )
