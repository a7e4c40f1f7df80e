"""API keys: made here, kept as a hash, found by their public half, compared in constant time.

A key is `pbk_<identifier>_<secret>`. The secret has 256 bits of chance, so a plain SHA-256 cannot
be reversed by trying, and no slow hash is needed on each request.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playbill.errors import UsageError

SCOPES = ("predict", "metrics", "admin", "feedback")
_FORM = re.compile(r"pbk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class Key(BaseModel):
    """One line of a key file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: list[str]
    requests_per_second: Annotated[float, Field(gt=0)] | None = None


_UNKNOWN: tuple[str, Key | None] = (_NOBODY, None)


class Keyring:
    """The keys that are taken."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        # Apart, because an attribute of a pydantic model costs as much as the comparison.
        self._keys = {key.id: (key.sha256, key) for key in self.keys}

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, presented: str) -> Key | None:
        """Return the key that was presented, or None, as slowly for an unknown as a wrong one."""
        found = _FORM.fullmatch(presented)
        wanted, key = self._keys.get(found.group(1), _UNKNOWN) if found else _UNKNOWN
        digest = hashlib.sha256(presented.encode()).hexdigest()
        same = hmac.compare_digest(digest, wanted)
        return key if same else None


def new_key(name: str, scopes: Iterable[str]) -> tuple[str, str]:
    """Return a new key, to be shown once, and the line that a key file has of it.

    Raises:
        UsageError: A scope is not known, or the name has other characters.
    """
    wanted = list(dict.fromkeys(scopes))
    if strange := [scope for scope in wanted if scope not in SCOPES]:
        raise UsageError(
            f"the scope {strange[0][:40]!r} is not known",
            where="--scopes",
            expected=", ".join(SCOPES),
        )
    identifier = secrets.token_hex(6)
    key = f"pbk_{identifier}_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    try:
        line = Key(id=identifier, name=name, sha256=digest, scopes=wanted)
    except ValidationError as error:
        expected = "1 to 60 letters, digits, dots, _ and -"
        raise UsageError(
            "the name of the key is wrong", where="--new-key", expected=expected
        ) from error
    return key, line.model_dump_json(exclude_none=True)


def add_line(path: Path, line: str) -> None:
    """Append a line to a key file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(line + "\n")


def read_keys(path: Path | None, variable: str | None) -> list[Key]:
    """Return the keys of a file and of an environment variable.

    Raises:
        UsageError: They cannot be read, or there is none; no line is shown.
    """
    texts: list[tuple[str, str]] = []
    if path is not None:
        try:
            texts.append((str(path), path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise UsageError("the key file cannot be read", where=str(path)) from error
    if variable is not None:
        texts.append((variable, os.environ.get(variable, "")))
    keys = [_key(text, where, number) for where, whole in texts for number, text in _lines(whole)]
    if texts and not keys:
        raise UsageError(
            "authentication is on and there is no key",
            where=", ".join(where for where, _ in texts),
            expected="lines as --new-key prints them",
            run="playbill serve --new-key NAME --keys FILE",
        )
    return keys


def _lines(whole: str) -> Iterable[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(whole.splitlines(), 1) if line.strip())


def _key(text: str, where: str, number: int) -> Key:
    try:
        key = Key.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise UsageError(
            "a line is not a hashed key",
            where=f"{where}:{number}",
            expected="a line as --new-key prints it",
        ) from error
    if strange := sorted(set(key.scopes) - set(SCOPES)):
        raise UsageError(f"the scope {strange[0][:40]!r} is not known", where=f"{where}:{number}")
    return key
