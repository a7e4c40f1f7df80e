"""Where a model comes from, told from a clone alone: trace, picture, events, and the reverse."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbill.errors import LineageError, UsageError
from playbill.lineage import attestation, history, openlineage, outline, picture, store
from playbill.lineage.trace import Trace, trace
from tests.conftest import Run

JANUARY, MARCH = ("2013-01-01", "2013-02-01"), ("2013-03-01", "2013-04-01")


def params(window: tuple[str, str], seed: int) -> dict[str, Any]:
    return {
        "name": "shop",
        "seed": seed,
        "model": {"_target_": "sklearn.linear_model.LogisticRegression", "C": 0.5},
        "feature": {"groups": {"numbers": {"columns": ["x"], "steps": []}}},
        "source": {
            "window": dict(zip(("start", "end"), window, strict=True)),
            "sources": {
                "orders": {"kind": "file", "path": "in/*.csv", "time": "at"},
                "shops": {"kind": "python", "target": "stages.shop:shops", "windowed": False},
            },
            "query": "SELECT 1",
        },
        "pipeline": {"model": "models/shop/bundle"},
        "environment": {"train": {"framework": "f" * 32, "packages": {"numpy": "2.4.6"}}},
    }


def stage(cmd: str, deps: dict[str, str], outs: dict[str, str], told: dict[str, Any]) -> Any:
    def listed(paths: dict[str, str]) -> list[dict[str, str]]:
        return [{"path": p, "hash": "md5", "md5": d} for p, d in paths.items()]

    return {"cmd": cmd, "deps": listed(deps), "params": {"params.yaml": told}, "outs": listed(outs)}


def lock(values: dict[str, Any], letter: str, bundle: str) -> dict[str, Any]:
    source = {"source": values["source"]}
    raw, model = letter * 32 + ".dir", letter * 31 + "f"
    return {
        "schema": "2.0",
        "stages": {  # not in the order of the flow
            "package": stage("python -m stages.package", {"models/shop/model.skops": model},
                             {"models/shop/bundle": bundle}, source),
            "ingest": stage("python -m stages.ingest", {"stages/ingest.py": "1" * 32},
                            {"data/raw": raw}, source),
            "train": stage("python -m stages.train", {"data/raw": raw, "stages/train.py": "2" * 32},
                           {"models/shop/model.skops": model}, {"seed": values["seed"]}),
        },
    }  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Path:
    """A project in a subfolder, with two runs, a tag, an experiment and a bundle; DVC never ran."""
    project = tmp_path / "repository" / "teams" / "shop"
    (project / ".dvc").mkdir(parents=True)
    (project / ".dvc" / "config").write_text("")
    (project / "conf").mkdir()
    (project / "conf" / "config.yaml").write_text("name: shop\n")
    run("git", "init", "-q", "-b", "main", ".", cwd=project.parent.parent)
    bundle = project / "models" / "shop" / "bundle"
    (bundle / "model").mkdir(parents=True)
    (bundle / "manifest.json").write_text("{}")
    (bundle / "model" / "pipeline.skops").write_text("first")
    (project / ".gitignore").write_text("/models\n")

    def commit(window: tuple[str, str], seed: int, letter: str, digest: str, subject: str) -> None:
        values = params(window, seed)
        (project / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        (project / "dvc.lock").write_text(yaml.safe_dump(lock(values, letter, digest)))
        run("git", "add", "-A", cwd=project)
        run("git", "commit", "-qm", subject, cwd=project)

    commit(JANUARY, 1, "a", store.folder_digest(bundle), "Train on January")
    run("git", "tag", "-am", "x", "teams/shop=shop@v1.0.0", cwd=project)
    (project / "README.md").write_text("Nothing that a run reads.")
    run("git", "add", "-A", cwd=project)
    run("git", "commit", "-qm", "Say something", cwd=project)
    commit(MARCH, 1, "b", "e" * 32 + ".dir", "Train on March")
    base = run("git", "rev-parse", "HEAD", cwd=project).stdout.strip()
    commit(MARCH, 2, "c", "d" * 32 + ".dir", "try another seed")
    run("git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/quiet-moth", "HEAD", cwd=project)
    run("git", "reset", "-q", "--hard", base, cwd=project)
    (project / "README.md").write_text("Nothing that a run reads.")
    return project


@pytest.fixture
def january(shop: Path) -> Trace:
    return trace(shop, "shop@v1.0.0")


def test_a_version_is_traced_to_commit_config_code_environment_and_data(january: Trace) -> None:
    assert january.commit.subject == "Train on January"
    assert january.commit.author == "A Tester <tester@example.org>"
    assert january.commit.names == ("teams/shop=shop@v1.0.0",)
    assert (january.project, january.source) == ("teams/shop", "teams/shop=shop@v1.0.0")
    assert january.values["model.C"] == 0.5
    assert january.config["seed"].startswith("sha256:")
    assert january.code["train"]["files"] == {"stages/train.py": "2" * 32}
    assert january.code["train"]["framework"] == "f" * 32
    assert january.environment["train"] == {"numpy": "2.4.6"}
    assert january.window == JANUARY
    assert [(one.name, one.windowed) for one in january.data] == [
        ("orders", True), ("shops", False),
    ]  # fmt: skip
    assert january.snapshots == {"data/raw": "a" * 32 + ".dir"}
    assert [one.name for one in january.stages] == ["ingest", "train", "package"]


def test_what_only_dvc_has_is_said_to_be_missing_and_nothing_else_is_lost(january: Trace) -> None:
    assert all(one.provenance is None for one in january.data)
    (note,) = january.notes
    assert "orders, shops" in note
    assert "dvc.lock has its digest" in note


def test_an_unchanged_bundle_leads_to_its_commit_and_a_changed_one_to_none(shop: Path) -> None:
    bundle = shop / "models" / "shop" / "bundle"
    (bundle / "__pycache__").mkdir()
    (bundle / "__pycache__" / "x.pyc").write_text("left by a server that ran here")
    assert trace(shop, str(bundle)).commit.subject == "Train on January"
    (bundle / "model" / "pipeline.skops").write_text("other")
    with pytest.raises(LineageError, match="no commit of this clone has the bundle"):
        trace(shop, str(bundle))


def test_branches_commits_and_experiments_are_traced(shop: Path) -> None:
    assert trace(shop, "main").window == MARCH
    assert trace(shop, "main~1").commit.subject == "Say something"
    assert trace(shop, "quiet-moth").values["seed"] == 2


def test_the_tree_and_the_json_name_what_counts(january: Trace) -> None:
    text = outline.as_text(outline.outline(january))
    for word in ("Train on January", "C = 0.5", "data 2013-01-01 up to 2013-02-01", "aaaaaaaaaaaa",
                 "stages/train.py", "numpy 2.4.6", "not attested", "shops"):  # fmt: skip
        assert word in text
    plain = json.loads(json.dumps(january.as_dict()))
    assert plain["window"] == {"start": JANUARY[0], "end": JANUARY[1]}
    assert plain["stages"][0]["writes"] == {"data/raw": "a" * 32 + ".dir"}


def test_the_picture_has_a_box_for_each_source_and_stage_and_no_script(january: Trace) -> None:
    page = picture.as_html(january)
    assert page.count("<rect") == 5
    assert page.count('<path class="arrow"') == 4
    assert "<script" not in page
    drawn = picture.draw(january)
    place = {box.name: box.x for box in drawn.boxes}
    assert place["orders"] < place["ingest"] < place["train"] < place["package"]
    mermaid = picture.as_mermaid(january)
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("-->") == 4


def test_names_in_the_picture_are_never_markup(shop: Path) -> None:
    text = (shop / "dvc.lock").read_text().replace("stages.train", "stages.train<b>&\"'")
    (shop / "dvc.lock").write_text(text.replace("models/shop/model.skops", "m/<img src=x>.skops"))
    from playbill.lineage import git

    git.run(shop, "commit", "-qam", "Name <script>alert(1)</script>")
    found = trace(shop, "HEAD")
    page = picture.as_html(found)
    assert "<img" not in page
    assert "<script" not in page
    assert "<img" not in picture.as_mermaid(found)


def test_the_events_are_ones_that_openlineage_s_own_client_builds(january: Trace) -> None:
    """Each object is made again by openlineage-python's classes, which refuse what is wrong."""
    client = pytest.importorskip("openlineage.client.event_v2")
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        job_type_job,
        nominal_time_run,
        parent_run,
        source_code_location_job,
        sql_job,
    )  # fmt: skip
    from openlineage.client.serde import Serde

    kinds = {
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet,
        "jobType": job_type_job.JobTypeJobFacet,
        "sql": sql_job.SQLJobFacet,
        "version": dataset_version_dataset.DatasetVersionDatasetFacet,
        "nominalTime": nominal_time_run.NominalTimeRunFacet,
        "parent": parent_run.ParentRunFacet,
    }

    def facet(name: str, values: dict[str, Any]) -> Any:
        plain = {k: v for k, v in values.items() if k not in ("_producer", "_schemaURL")}
        if name == "parent":
            plain = {"run": parent_run.Run(**plain["run"]), "job": parent_run.Job(**plain["job"])}
        made = kinds[name](**plain, producer=values["_producer"])
        assert made._schemaURL == values["_schemaURL"]
        return made

    def facets(given: dict[str, Any]) -> dict[str, Any]:
        return {name: facet(name, values) for name, values in given.items()}

    def dataset(kind: Any, given: dict[str, Any]) -> Any:
        return kind(given["namespace"], given["name"], facets=facets(given["facets"]))

    events = openlineage.events(january, "git+https://example.org/shop")
    assert [event["job"]["name"] for event in events] == [
        "shop.ingest", "shop.train", "shop.package",
    ]  # fmt: skip
    for event in events:
        job, told = event["job"], event["run"]
        made = client.RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            eventType=client.RunState(event["eventType"]),
            run=client.Run(told["runId"], facets=facets(told["facets"])),
            job=client.Job(job["namespace"], job["name"], facets=facets(job["facets"])),
            inputs=[dataset(client.InputDataset, one) for one in event["inputs"]],
            outputs=[dataset(client.OutputDataset, one) for one in event["outputs"]],
        )
        assert made.schemaURL == event["schemaURL"]
        again = Serde.to_dict(made)
        assert again["run"]["runId"] == told["runId"]
        assert again["inputs"] == [{**one, "inputFacets": {}} for one in event["inputs"]]
    ingest, train, _ = events
    assert {one["name"] for one in ingest["inputs"]} == {"orders", "shops"}
    assert ingest["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2013-01-01T00:00:00Z"
    assert train["inputs"][0]["name"] == ingest["outputs"][0]["name"] == "data/raw"
    assert train["job"]["facets"]["sourceCodeLocation"]["path"] == "teams/shop/stages/train.py"


def test_the_same_run_has_the_same_ids_in_every_clone(
    january: Trace, shop: Path, run: Run, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    run("git", "clone", "-q", shop.parent.parent.as_uri(), str(clone), cwd=tmp_path)
    shutil.copytree(shop / ".dvc", clone / "teams" / "shop" / ".dvc", dirs_exist_ok=True)
    there = trace(clone / "teams" / "shop", "teams/shop:shop@v1.0.0")
    origin = "git+https://example.org/shop"
    ids = [event["run"]["runId"] for event in openlineage.events(january, origin)]
    assert [event["run"]["runId"] for event in openlineage.events(there, origin)] == ids


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://me:secret@example.org/a/b.git", "git+https://example.org/a/b"),
        ("git@example.org:a/b.git", "git+ssh://example.org/a/b"),
        ("/srv/me/secret", "urn:git:"),
    ],
)
def test_the_address_of_the_repository_tells_no_secret_and_no_path(
    shop: Path, run: Run, address: str, told: str
) -> None:
    run("git", "remote", "add", "origin", address, cwd=shop)
    found = openlineage.origin_of(shop)
    assert found.startswith(told)
    assert "me" not in found.replace("urn:git:", "")


def test_the_models_that_learned_from_a_window_are_found_with_what_names_them(shop: Path) -> None:
    window = (date(2013, 1, 10), date(2013, 1, 20))
    (one,) = history.trained_on(shop, "orders", window)
    assert (one.model, one.window, one.share) == ("shop", JANUARY, "all")
    assert [(each.kind, each.name) for each in one.names] == [("tag", "teams/shop=shop@v1.0.0")]
    assert len(one.commits) == 1
    found = history.trained_on(shop, "orders", (date(2013, 1, 1), date(2013, 3, 15)))
    assert [each.share for each in found] == ["part", "part", "part"]
    march = history.trained_on(shop, "orders", (date(2013, 3, 1), date(2013, 4, 1)))
    assert {each.name for one in march for each in one.names} == {"main", "quiet-moth"}
    assert history.trained_on(shop, "orders", (date(2013, 2, 1), date(2013, 3, 1))) == []


def test_a_source_that_knows_no_window_is_part_of_every_model(shop: Path) -> None:
    found = history.trained_on(shop, "shops", (date(1999, 1, 1), date(1999, 2, 1)))
    assert len(found) == 3
    assert {one.window for one in found} == {None}


def test_a_source_that_never_was_is_refused_with_those_that_were(shop: Path) -> None:
    with pytest.raises(UsageError) as caught:
        history.trained_on(shop, "order", None)
    assert "orders, shops" in caught.value.expected


def test_a_shallow_clone_says_that_history_is_missing(shop: Path, run: Run, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run("git", "clone", "-q", "--depth=1", shop.parent.parent.as_uri(), str(clone), cwd=tmp_path)
    project = clone / "teams" / "shop"
    shutil.copytree(shop / ".dvc", project / ".dvc", dirs_exist_ok=True)
    assert any("shallow" in note for note in trace(project, "HEAD").notes)
    said = run("playbill", "lineage", "--source", "orders", cwd=project)
    assert "1 model learned from orders" in said.stdout
    assert "this clone is shallow" in said.stdout
    told = run("playbill", "lineage", "--source", "orders", "--json", cwd=project)
    assert json.loads(told.stdout)["shallow"] is True
    with pytest.raises(LineageError, match="shallow"):
        trace(project, str(shop / "models" / "shop" / "bundle"))


def test_an_attestation_is_part_of_the_tree(shop: Path) -> None:
    from playbill.lineage import git
    from tests.lineage.test_attestation import statement

    commit = git.resolve(shop, "HEAD")
    envelope = attestation.seal(shop, statement(shop, commit))
    attestation.keep(shop, envelope, commit, "teams/shop:shop", "Attest")
    text = outline.as_text(outline.outline(trace(shop, "HEAD")))
    assert "attested: identical, not signed (attestation/teams/shop=shop/" in text
    assert trace(shop, "HEAD").commit.names == ("main",)


@pytest.mark.parametrize(
    "words",
    [["--source", "orders", "--mermaid"], ["--source", "orders", "--window", "January"],
     ["--source", "orders", "--window", "2013-02-01:2013-01-01"],
     ["--window", "2013-01-01:2013-02-01"], ["HEAD", "--source", "orders"]],
)  # fmt: skip
def test_what_cannot_be_asked_together_is_refused(shop: Path, run: Run, words: list[str]) -> None:
    done = run("playbill", "lineage", *words, cwd=shop, check=False)
    assert done.returncode == 2
    assert "PB200" in done.stderr
    assert "--source" in done.stderr or "--window" in done.stderr
