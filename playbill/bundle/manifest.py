"""The bundle's list of contents: writes it, and proves a folder against it before anything is read.

Standard library only: it is copied into the bundle and runs before any other code looks at a file.
What it proves is integrity (nothing changed since the manifest was written), not origin.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.errors import BundleError

FORMAT_VERSION = 1
NAME = "manifest.json"
SIGNATURE = "signature.json"  # names the manifest, so the manifest cannot name it
MODEL_LAYER = "model/"
REPAIR = "fetch or package the bundle again: `dvc checkout`, `dvc pull` or `dvc repro`"


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        format_version: Version of the manifest's form.
        name: Name of the model.
        runtime: Kind of the runtime that reads the model layer.
        model_digest: Identity of the model layer; what tags and predictions name.
        server_digest: Identity of everything else.
        files: SHA-256 of each file by its path, `/` between folders.
    """

    format_version: int
    name: str
    runtime: str
    model_digest: str
    server_digest: str
    files: dict[str, str]


def describe(name: str, runtime: str, contents: Mapping[str, bytes]) -> Manifest:
    """Return the manifest of a bundle with these files (the manifest itself left out)."""
    files = {path: hashlib.sha256(contents[path]).hexdigest() for path in sorted(contents)}
    return _manifest(name, runtime, files)


def render(manifest: Manifest) -> bytes:
    """Return the manifest's only valid bytes."""
    return (json.dumps(asdict(manifest), indent=2, sort_keys=True) + "\n").encode()


def verify(bundle: Path) -> Manifest:
    """Return the manifest of a bundle whose every file is what the manifest says.

    Raises:
        BundleError: A file is missing, added, changed or a symbolic link; the text names it.
    """
    return load(bundle)[0]


def load(bundle: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Verify a bundle and return its manifest with the verified bytes of the model layer.

    The model is then built from these bytes, not from a file that may have changed meanwhile.

    Raises:
        BundleError: See `verify`.
    """
    manifest, contents = load_all(bundle)
    return manifest, model_layer(contents)


def write(files: Mapping[str, bytes], folder: Path) -> Manifest:
    """Write a bundle to a folder, verify it there and return its manifest.

    Raises:
        BundleError: See `verify`.
    """
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return verify(folder)


def load_all(bundle: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Verify a bundle and return its manifest with the verified bytes of every file by its path.

    Raises:
        BundleError: See `verify`.
    """
    manifest = _read(bundle)
    found = _walk(bundle)
    _same_set(manifest, found)
    contents: dict[str, bytes] = {}
    for path, digest in manifest.files.items():
        content = contents[path] = found[path].read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise _refused(f"`{path}` was changed after the bundle was made", bundle)
    return manifest, contents


def model_layer(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the model layer by their name in it."""
    return {
        path.removeprefix(MODEL_LAYER): content
        for path, content in contents.items()
        if path.startswith(MODEL_LAYER)
    }


def _manifest(name: str, runtime: str, files: dict[str, str]) -> Manifest:
    model = {path: digest for path, digest in files.items() if path.startswith(MODEL_LAYER)}
    rest = {path: digest for path, digest in files.items() if path not in model}
    return Manifest(
        format_version=FORMAT_VERSION,
        name=name,
        runtime=runtime,
        model_digest=_digest({"name": name, "runtime": runtime, "files": model}),
        server_digest=_digest({"files": rest}),
        files=files,
    )


def _digest(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _read(bundle: Path) -> Manifest:
    path = bundle / NAME
    if path.is_symlink() or not path.is_file():
        raise _refused(f"there is no {NAME}", bundle)
    content = path.read_bytes()
    try:
        plain = json.loads(content)
        version = plain["format_version"]
        manifest = _manifest(str(plain["name"]), str(plain["runtime"]), dict(plain["files"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(f"{NAME} is not a manifest", bundle) from error
    if version != FORMAT_VERSION:
        raise _refused(
            f"{NAME} has the format version {str(version)[:20]}, not {FORMAT_VERSION}", bundle
        )
    # Digests are computed again and the bytes compared, so no claim of the file is left unproven.
    if render(manifest) != content:
        raise _refused(f"{NAME} was changed after the bundle was made", bundle)
    return manifest


def _walk(bundle: Path) -> dict[str, Path]:
    """Return the files under `bundle` by relative path, links and odd files refused."""
    found: dict[str, Path] = {}
    folders = [bundle]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            name = path.relative_to(bundle).as_posix()
            if path.is_symlink():
                raise _refused(f"`{name}` is a symbolic link", bundle)
            if path.is_dir():
                folders.append(path)
            elif path.is_file():
                found[name] = path
            else:
                raise _refused(f"`{name}` is neither a file nor a folder", bundle)
    found.pop(NAME, None)
    found.pop(SIGNATURE, None)
    return found


def _same_set(manifest: Manifest, found: Mapping[str, Path]) -> None:
    if missing := sorted(set(manifest.files) - set(found)):
        raise _refused(f"{len(missing)} files are missing, the first is `{missing[0]}`")
    if stray := sorted(set(found) - set(manifest.files)):
        raise _refused(f"{len(stray)} files do not belong to it, the first is `{stray[0]}`")


def _refused(what: str, bundle: Path | None = None) -> BundleError:
    where = (bundle / NAME).as_posix() if bundle else NAME
    return BundleError(
        f"the bundle is refused: {what}",
        where=where,
        expected="exactly the files that the manifest lists, each with its SHA-256",
        run=REPAIR,
    )
