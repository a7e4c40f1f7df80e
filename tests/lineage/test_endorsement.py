"""A signed bundle: altered, swapped, unsigned, older ones are refused before they are parsed."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from playbill.bundle import manifest
from playbill.errors import BundleError, UsageError
from playbill.lineage import endorsement
from tests.conftest import Run
from tests.serving import made, running, write


def make_key(folder: Path, run: Run, name: str) -> Path:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name, cwd=folder)
    return folder / name


@pytest.fixture
def signers(tmp_path: Path, run: Run) -> Path:
    """Who may sign: the key that the project's place names."""
    key = make_key(tmp_path, run, "key")
    place = tmp_path / "project" / "conf" / "env"
    place.mkdir(parents=True)
    (place / "local.yaml").write_text(f"signing_key: {key}\n")
    file = tmp_path / "signers"
    public = key.with_suffix(".pub").read_text()
    file.write_text(f'ci@example.org namespaces="{endorsement.NAMESPACE}" {public}')
    return file


def shipped(tmp_path: Path, release: str, name: str = "bundle") -> Path:
    """Return a signed bundle on disk."""
    files = dict(made().files)
    signed = endorsement.endorse(tmp_path / "project", files[manifest.NAME], "visits", release)
    assert signed is not None
    return write(files | {endorsement.FILE: signed.encode()}, tmp_path / name)


def test_a_bundle_that_a_trusted_key_signed_is_taken(tmp_path: Path, signers: Path) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    found = endorsement.verify(bundle, signers)
    assert (found.name, found.release, found.number) == ("visits", "visits#prod#3", 3)
    assert found.signer == "ci@example.org"
    assert manifest.verify(bundle).name == "visits"


def test_what_is_unsigned_or_signed_by_a_stranger_is_refused(
    tmp_path: Path, signers: Path, run: Run
) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    (bundle / endorsement.FILE).unlink()
    with pytest.raises(BundleError, match="not signed"):
        endorsement.verify(bundle, signers)
    stranger = make_key(tmp_path, run, "stranger")
    (tmp_path / "project/conf/env/local.yaml").write_text(f"signing_key: {stranger}\n")
    other = shipped(tmp_path, "visits#prod#3", "other")
    with pytest.raises(BundleError, match="nobody who is trusted"):
        endorsement.verify(other, signers)
    with pytest.raises(UsageError):
        endorsement.verify(other, tmp_path / "nobody")


def test_an_altered_file_and_an_extra_file_are_refused(tmp_path: Path, signers: Path) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    card = bundle / "model" / "card.md"
    before = card.read_bytes()
    card.write_bytes(before + b" ")
    endorsement.verify(bundle, signers)  # the manifest is as it was signed, and tells
    with pytest.raises(BundleError, match=r"card\.md"):
        manifest.verify(bundle)
    # Who mends the manifest too has no key to sign it.
    names = json.loads((bundle / "manifest.json").read_bytes())["files"]
    files = {name: (bundle / name).read_bytes() for name in names}
    listed = manifest.describe("visits", "numpy", files)
    (bundle / "manifest.json").write_bytes(manifest.render(listed))
    manifest.verify(bundle)
    with pytest.raises(BundleError, match="another manifest"):
        endorsement.verify(bundle, signers)
    extra = shipped(tmp_path, "visits#prod#3", "extra")
    (extra / "server" / "sitecustomize.py").write_text("print('owned')")
    with pytest.raises(BundleError, match="sitecustomize"):
        manifest.verify(extra)


def test_the_signature_of_another_bundle_is_refused(tmp_path: Path, signers: Path) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    other = endorsement.endorse(tmp_path / "project", b"{}", "visits", "visits#prod#9")
    assert other is not None
    (bundle / endorsement.FILE).write_text(other)
    with pytest.raises(BundleError, match="another manifest"):
        endorsement.verify(bundle, signers)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"payloadType": "x"}', b"x" * 100_000, b"\xff",
     b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}',
     b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"eA=="}]}'],
)  # fmt: skip
def test_what_is_no_signature_is_refused(tmp_path: Path, signers: Path, content: bytes) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    (bundle / endorsement.FILE).write_bytes(content)
    with pytest.raises(BundleError):
        endorsement.verify(bundle, signers)


def test_a_signature_made_for_something_else_is_refused(tmp_path: Path, signers: Path) -> None:
    bundle = shipped(tmp_path, "visits#prod#3")
    text = signers.read_text().replace(endorsement.NAMESPACE, "git")
    signers.write_text(text)
    with pytest.raises(BundleError, match="nobody who is trusted"):
        endorsement.verify(bundle, signers)


def test_an_older_release_is_refused_and_a_rollback_is_a_newer_one(
    tmp_path: Path, signers: Path
) -> None:
    memory = tmp_path / "state" / "served.json"
    third = shipped(tmp_path, "visits#prod#3", "third")
    second = shipped(tmp_path, "visits#prod#2", "second")
    endorsement.verify(second, signers, memory)
    endorsement.verify(third, signers, memory)
    endorsement.verify(third, signers, memory)  # the same one again
    with pytest.raises(BundleError, match="older than number 3"):
        endorsement.verify(second, signers, memory)
    with pytest.raises(BundleError, match="older than number 3"):
        endorsement.verify(shipped(tmp_path, "HEAD", "unnumbered"), signers, memory)
    endorsement.verify(shipped(tmp_path, "visits#prod#4", "back"), signers, memory)
    assert json.loads(memory.read_text()) == {"visits": 4}
    memory.write_text("[")
    with pytest.raises(UsageError):
        endorsement.verify(third, signers, memory)


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    assert endorsement.endorse(tmp_path / "project", b"{}", "visits", "visits#prod#1") is None


def test_serve_says_who_signed_and_refuses_before_the_server_starts(
    tmp_path: Path, signers: Path, run: Run
) -> None:
    words = ["playbill", "serve", "--bundle", "bundle", "--signers", str(signers), "--port", "0"]
    shipped(tmp_path, "visits#prod#3")
    with running([sys.executable, "-m", *words], cwd=tmp_path) as server:
        assert server.client.get("/healthz").status_code == 200
        assert any("signed by ci@example.org as visits#prod#3" in line for line in server.errors)
    shutil.rmtree(tmp_path / "bundle")
    write(made().files, tmp_path / "bundle")
    done = run(*words, cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert "it is not signed" in done.stderr
    assert "serving" not in done.stdout
    done = run(
        "playbill", "serve", "--bundle", "bundle", "--memory", "m", cwd=tmp_path, check=False
    )
    assert done.returncode == 2


def test_a_project_that_says_who_may_sign_refuses_an_unsigned_folder(
    tmp_path: Path, signers: Path, run: Run
) -> None:
    project = tmp_path / "project"
    (project / "conf" / "config.yaml").write_text("name: visits\n")
    shutil.copy(signers, project / "conf" / "env" / "allowed_signers")
    bundle = write(made().files, tmp_path / "bundle")
    done = run("playbill", "serve", "--bundle", str(bundle), cwd=project, check=False)
    assert (done.returncode, "it is not signed" in done.stderr) == (3, True)


def packed(project: Path, run: Run) -> None:
    """Make a repository of `project` whose commit has the bundle as an output of DVC."""
    (project / "conf" / "config.yaml").write_text("name: visits\n")
    (project / "params.yaml").write_text("name: visits\n")
    (project / "dvc.yaml").write_text(
        "stages:\n  package:\n    cmd: 'true'\n    outs: [models/visits/bundle]\n"
    )
    write(made().files, project / "models" / "visits" / "bundle")
    run("git", "init", "-q", "-b", "main", cwd=project)
    run("dvc", "init", "-q", cwd=project)
    run("dvc", "commit", "-q", "-f", cwd=project)
    run("git", "add", ".", cwd=project)
    run("git", "commit", "-q", "-m", "bundle", cwd=project)


def test_a_packed_revision_is_served_and_whatever_was_changed_on_the_way_is_refused(
    tmp_path: Path, signers: Path, run: Run
) -> None:
    project = tmp_path / "project"
    packed(project, run)

    def pack(name: str, number: int) -> Path:
        words = ("--ref", "main", "--out", str(tmp_path / name))
        named = ("--release", f"visits#prod#{number}", "--json")
        done = run("playbill", "package", *words, *named, cwd=project)
        assert json.loads(done.stdout)["signed"]
        return tmp_path / name

    def serve(bundle: Path) -> list[str]:
        more = ["--signers", str(signers), "--memory", str(tmp_path / "memory.json")]
        return ["playbill", "serve", "--bundle", str(bundle), "--port", "0", *more]

    def refused(bundle: Path, why: str) -> None:
        done = run(*serve(bundle), cwd=tmp_path, check=False)
        assert (done.returncode, why in done.stderr) == (3, True), done.stderr
        assert "serving" not in done.stdout

    older, newer = pack("older", 3), pack("newer", 4)
    with running([sys.executable, "-m", *serve(newer)], cwd=tmp_path) as server:
        assert server.client.get("/healthz").status_code == 200
    refused(older, "older")
    altered = shutil.copytree(newer, tmp_path / "altered")
    (altered / "model" / "card.md").write_text("best model ever")
    refused(altered, "card.md")
    extra = shutil.copytree(newer, tmp_path / "extra")
    (extra / "server" / "more.py").write_text("print()\n")
    refused(extra, "more.py")
    swapped = shutil.copytree(newer, tmp_path / "swapped")
    shutil.copy(older / endorsement.FILE, swapped / endorsement.FILE)
    refused(swapped, "older")  # the same files, signed as an older release
    (swapped / endorsement.FILE).unlink()
    refused(swapped, "not signed")
    again = run(
        "playbill", "package", "--ref", "main", "--out", str(older), cwd=project, check=False
    )
    assert again.returncode == 2
