import os
from pathlib import Path

import pytest

from playbill.bundle import manifest
from playbill.errors import BundleError
from tests.serving import made, write


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(made().files, tmp_path / "bundle")


def test_an_untouched_bundle_is_verified_and_gives_the_model_layer(bundle: Path) -> None:
    listed, model = manifest.load(bundle)
    assert listed.name == "visits"
    assert listed == manifest.verify(bundle)
    assert set(model) == {
        *(
            "card.md",
            "contract.json",
            "examples.json",
            "expected.json",
            "lineage.json",
            "metrics.json",
        ),
        *("profile.json", "proof.json", "runtime.json", "scorer.safetensors"),
    }


@pytest.mark.parametrize("name", ["model/scorer.safetensors", "server/app.py", "requirements.txt"])
def test_one_changed_byte_is_refused_and_named(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"`{name}` was changed"):
        manifest.verify(bundle)


def test_a_changed_byte_of_the_manifest_itself_is_refused(bundle: Path) -> None:
    path = bundle / manifest.NAME
    text = path.read_bytes()
    for changed in (text.replace(b'"visits"', b'"visitz"'), text + b"\n", text[:-2], b"[]", b"{"):
        path.write_bytes(changed)
        with pytest.raises(BundleError, match=r"manifest\.json"):
            manifest.verify(bundle)


def test_a_manifest_of_another_format_version_is_refused(bundle: Path) -> None:
    path = bundle / manifest.NAME
    changed = path.read_bytes().replace(b'"format_version": 1', b'"format_version": 9')
    path.write_bytes(changed)
    with pytest.raises(BundleError, match="format version 9, not 1"):
        manifest.verify(bundle)


def test_a_missing_and_an_added_file_are_refused_and_named(bundle: Path) -> None:
    (bundle / "extra.txt").write_text("")
    with pytest.raises(BundleError, match=r"`extra\.txt`"):
        manifest.verify(bundle)
    (bundle / "extra.txt").unlink()
    (bundle / "model" / "card.md").unlink()
    with pytest.raises(BundleError, match=r"missing, the first is `model/card\.md`"):
        manifest.verify(bundle)


def test_byte_code_beside_the_code_is_refused_for_it_would_run(bundle: Path) -> None:
    stray = bundle / "server" / "playbill" / "__pycache__"
    stray.mkdir()
    (stray / "errors.cpython-311.pyc").write_bytes(b"")
    with pytest.raises(BundleError, match="__pycache__"):
        manifest.verify(bundle)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_symbolic_link_is_refused_even_to_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    path = bundle / "model" / "card.md"
    path.rename(tmp_path / "card.md")
    path.symlink_to(tmp_path / "card.md")
    with pytest.raises(BundleError, match="symbolic link"):
        manifest.verify(bundle)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no manifest"):
        manifest.verify(tmp_path)


def test_the_layers_have_digests_of_their_own() -> None:
    files = {k: v for k, v in made().files.items() if k != manifest.NAME}
    before = manifest.describe("visits", "numpy", files)
    server = manifest.describe("visits", "numpy", {**files, "server/app.py": b""})
    model = manifest.describe("visits", "numpy", {**files, "model/card.md": b""})
    assert server.model_digest == before.model_digest
    assert server.server_digest != before.server_digest
    assert model.server_digest == before.server_digest
    assert model.model_digest != before.model_digest
