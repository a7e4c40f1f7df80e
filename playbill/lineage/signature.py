"""Signatures with SSH keys, as Git makes them: `ssh-keygen -Y` signs and verifies, nothing else.

The private key is the place's `signing_key` (conf/env), else the one that Git signs with. Who is
trusted stands in conf/env/allowed_signers, in the form of ssh-keygen(1) and of Git's
`gpg.ssh.allowedSignersFile`; it is read from the workspace, never from the revision in question,
which could name its own author.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playbill.config import place
from playbill.errors import LineageError
from playbill.lineage import git, gittag

ALLOWED = place.FOLDER / "allowed_signers"
ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
GIT = "git"  # the namespace of Git's own signatures
Trust = Literal["trusted", "unknown", "unsigned", "bad"]
_GOOD = re.compile(r'^Good "(?P<space>[^"]*)" signature .*?with (?P<key>\S+ key \S+)', re.MULTILINE)


@dataclass(frozen=True)
class Checked:
    """What is known of a signature.

    Attributes:
        trust: trusted: by a signer of conf/env/allowed_signers; unknown: sound, by somebody else;
            unsigned: there is none; bad: it does not fit the content.
        signer: The signer's name in allowed_signers; for an unknown one its key's fingerprint.
    """

    trust: Trust
    signer: str = ""


def key(root: Path) -> str | None:
    """Return the file of the key to sign with; None if neither conf nor Git names one."""
    named = place.current(root).signing_key
    if named is None and git.setting(root, "gpg.format") == "ssh":
        named = git.setting(root, "user.signingKey") or None
    if named is None or named.startswith(("ssh-", "key::")):
        return named
    return str((root / Path(named).expanduser()).absolute())


def sign(root: Path, content: bytes, namespace: str) -> str | None:
    """Return an SSH signature of `content` in its armour; None if no key is named.

    Args:
        root: The project.
        content: What is signed.
        namespace: What the signature is for; one made for something else does not verify.

    Raises:
        LineageError: The key is missing, or ssh-keygen refused.
    """
    named = key(root)
    if named is None:
        return None
    with tempfile.TemporaryDirectory(prefix="playbill-") as scratch:
        if named.startswith(("ssh-", "key::")):  # public, as Git takes it: an agent signs
            public = Path(scratch, "key.pub")
            public.write_text(named.removeprefix("key::") + "\n", encoding="utf-8")
            named = str(public)
        elif not Path(named).is_file():
            raise LineageError(
                f"the key to sign with is not there: {named}",
                where=f"{(place.FOLDER / place.chosen()).as_posix()}.yaml signing_key",
                expected="the file of an SSH key",
                run="ssh-keygen -t ed25519 -f FILE, or take signing_key out",
            )
        done = _call(["-Y", "sign", "-q", "-f", named, "-n", namespace], content)
    if done.returncode:
        raise LineageError(
            f"ssh-keygen cannot sign: {_words(done)}",
            where=named,
            expected="a private key that can be read, or whose agent runs",
            run=f"ssh-add {named}",
        )
    return done.stdout.decode()


def check(
    root: Path,
    content: bytes,
    signature: str | None,
    namespace: str,
    *,
    allowed: Path | None = None,
) -> Checked:
    """Return whose signature of `content` this is, and whether the project trusts the signer.

    Args:
        root: The project.
        content: What is said to be signed.
        signature: In its armour; None or empty: there is none.
        namespace: What the signature must be for.
        allowed: Who is trusted; None: conf/env/allowed_signers.
    """
    if not signature:
        return Checked("unsigned")
    with tempfile.TemporaryDirectory(prefix="playbill-") as scratch:
        file = Path(scratch, "signature")
        file.write_text(signature, encoding="utf-8")
        sound = _call(["-Y", "check-novalidate", "-n", namespace, "-s", str(file)], content)
        match = _GOOD.search(sound.stdout.decode(errors="replace"))
        if sound.returncode or not match:
            return Checked("bad")
        allowed = allowed or root / ALLOWED
        if allowed.is_file():
            found = _call(["-Y", "find-principals", "-s", str(file), "-f", str(allowed)])
            for name in found.stdout.decode(errors="replace").split("\n"):
                who = ["-I", name, "-n", namespace, "-s", str(file)]
                if (
                    name
                    and not _call(["-Y", "verify", "-f", str(allowed), *who], content).returncode
                ):
                    return Checked("trusted", name)
        return Checked("unknown", match["key"])


def is_demanded(root: Path) -> bool:
    """Say whether the project names who may sign, so that what is unsigned is refused."""
    return (root / ALLOWED).is_file()


def named_since(root: Path) -> str:
    """Return the commit that first named who may sign; empty if none did, or the clone is cut."""
    words = ["log", "--reverse", "--diff-filter=A", "--format=%H", "--", ALLOWED.as_posix()]
    return next(iter(git.call(root, words).stdout.decode().split()), "")


def check_tag(root: Path, name: str) -> Checked:
    """Return whose signature an annotated tag bears, as `git verify-tag` would."""
    content = gittag.tag_object(root, name) or b""
    payload, mark, rest = content.partition(ARMOUR)
    return check(root, payload, (mark + rest).decode(errors="replace") if mark else None, GIT)


def sign_tag(root: Path, name: str) -> bool:
    """Sign an annotated tag in place, as `git tag --sign` does; False if no key is named.

    Raises:
        LineageError: The key is missing, or ssh-keygen refused; the tag is as it was.
    """
    content = gittag.tag_object(root, name) or b""
    armour = sign(root, content, GIT)
    if armour is None:
        return False
    gittag.replace_tag(root, name, content + armour.encode())
    return True


def _call(words: Sequence[str], content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise LineageError(
            "ssh-keygen is not installed, or not on the PATH",
            expected="OpenSSH 8.1 or later, which signs and verifies",
            run="install OpenSSH",
        )
    return subprocess.run(  # noqa: S603 - the arguments are built here, no shell reads them
        [program, *words],
        input=content,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"
