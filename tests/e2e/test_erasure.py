"""A person's values reach nothing behind the privacy step, and erasing leaves none anywhere."""

import csv
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = pytest.mark.slow
WHO, MAIL = "cust-00013", "cust.13@mail.example.org"
PRIVACY = """
columns:
  customer_id: {kind: pseudonymise, secret: PSEUDONYM_KEY}
  email: {kind: drop}
  age: {kind: generalise, width: 10}
quasi_identifiers: [age]
sensitive: [churned]
subjects: {rows: customer_id}
erased_secret: ERASED_KEY
"""


def _customers(file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        write = csv.writer(stream).writerow
        write(["order_id", "customer_id", "email", "age", "visits", "churned"])
        for n in range(1800):
            who = n // 3
            write([
                f"order-{n:06d}", f"cust-{who:05d}", f"cust.{who}@mail.example.org",
                18 + who * 7 % 60, 1 + n * 13 % 40, int(n * 13 % 40 < 15 or n % 11 == 0),
            ])  # fmt: skip


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("erasure") / "churn"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSEUDONYM_KEY", "b" * 32)
    monkeypatch.setenv("ERASED_KEY", "a" * 32)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def _texts(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below a folder as text, tables and archives unpacked."""
    import pandas as pd

    for file in sorted(root.rglob("*")):
        if not file.is_file():
            continue
        data = file.read_bytes()
        if data[:4] == b"PAR1":
            data = pd.read_parquet(file).to_csv().encode()
        elif data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(file) as archive:
                data = b"".join(map(archive.read, archive.namelist()))
        elif data[:6] == b"SQLite":
            with sqlite3.connect(file) as database:
                data = "\n".join(database.iterdump()).encode()
        yield file.as_posix(), data


def _holding(root: Path, *folders: str) -> list[str]:
    found = []
    for folder in folders:
        for path, data in _texts(root / folder):
            if WHO.encode() in data or MAIL.encode() in data:
                found.append(path)
    return found


def _objects(root: Path, run: Run) -> bytes:
    listed = run("git", "rev-list", "--objects", "--all", cwd=root).stdout.split("\n")
    names = [line.split()[0] for line in listed if line]
    return "".join(
        run("git", "cat-file", "-p", name, cwd=root).stdout
        for name in names
        if run("git", "cat-file", "-t", name, cwd=root).stdout.strip() != "tree"
    ).encode()


def test_a_person_is_kept_out_and_then_erased(churn: Path, tmp_path: Path, run: Run) -> None:
    table = tmp_path / "customers.csv"
    _customers(table)
    run("playbill", "new", str(churn), "--data", str(table), "--target", "churned",
               "--key", "order_id", cwd=tmp_path)  # fmt: skip
    _declare(churn)
    run("dvc", "repro", cwd=churn, check=False)  # the graph changes with the new group
    run("dvc", "repro", cwd=churn)
    run("git", "add", "-A", cwd=churn)
    run("git", "commit", "-qm", "Treat personal columns", cwd=churn)
    run("dvc", "push", cwd=churn)
    report = json.loads((churn / "data/prepared/report.json").read_text())["anonymity"]
    assert report["k"] == 60
    run("playbill", "promote", "HEAD", "--stage", "prod", "--override", "a test", cwd=churn)

    past = ("data/ingested", "data/validated", "data/prepared", "models", ".dvc/tmp/lock")
    assert _holding(churn, *past) == []
    assert WHO.encode() not in _objects(churn, run)
    assert _holding(churn, "data/raw") != []

    log = tmp_path / "log"
    log.mkdir()
    segment = log / "predictions-1-01a20bfd-909c-78ae-8200-e7c7f558f3f6.jsonl"
    segment.write_text(f'{{"row": {{"note": "asked by {WHO}"}}}}\n{{"row": {{"note": "x"}}}}\n')
    words = ("playbill", "erase", "--subject", WHO, "--log", str(log))
    dry = run(*words, "--dry-run", "--json", cwd=churn, check=False)
    assert dry.returncode == 1
    found = json.loads(dry.stdout)
    assert {one["kind"] for one in found["holdings"]} >= {"window", "cache", "remote", "log"}
    assert found["versions"][0]["version"] == "churn@v0.0.1"

    done = run(*words, "--yes", "--json", cwd=churn)
    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["withdrawn"] == ["churn@v0.0.1"]
    assert receipt["left"] == []
    assert WHO not in done.stdout

    remote = (
        churn / run("dvc", "config", "remote.storage.url", cwd=churn).stdout.strip()
    ).resolve()
    assert remote.is_dir()
    assert _holding(churn, ".") == []
    assert _holding(remote, ".") == []
    assert segment.read_text() == '{"row": {"note": "x"}}\n'
    refused = run("playbill", "serve", "churn@v0.0.1", cwd=churn, check=False)
    assert refused.returncode == 3
    assert "withdrawn" in refused.stderr
    again = run(*words, "--dry-run", cwd=churn)
    assert again.returncode == 0, again.stdout
    assert run("git", "status", "--porcelain", cwd=churn).stdout == ""

    # The source gives the person again: the row enters no snapshot.
    _customers(churn / "data/source/customers.csv")
    assert run("dvc", "repro", cwd=churn).returncode == 0
    assert _holding(churn, "data/raw", *past) == []


def _declare(root: Path) -> None:
    (root / "conf/privacy").mkdir()
    (root / "conf/privacy/churn.yaml").write_text(PRIVACY, "utf-8")
    _edit(root / "conf/config.yaml", "  - contract:", "  - privacy: churn\n  - contract:")
    _edit(root / "conf/env/local.yaml", "secrets: []", "secrets: [PSEUDONYM_KEY, ERASED_KEY]")
    contract = root / "conf/contract/churn.yaml"
    _edit(contract, "  customer_id:\n    description", "  customer_id:\n    role: subject\n"
          "    personal: true\n    description")  # fmt: skip
    text = contract.read_text("utf-8")
    begin = text.index("    'age':")
    end = text.index("    visits:")
    contract.write_text(
        text[:begin] + "    'age':\n      dtype: str\n      nullable: false\n" + text[end:], "utf-8"
    )
    source = (root / "conf/source/churn.yaml").read_text("utf-8")
    if "EXCLUDE" in source:
        _edit(root / "conf/source/churn.yaml", " EXCLUDE (email)", "")
